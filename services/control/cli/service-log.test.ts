/** Log files of services: what becomes of them stops no service, and its last words are whole. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import { afterAll, expect, test } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { keepLog, logFile, makeLogFiles } from './service-log.ts';

const dir = mkdtempSync(path.join(tmpdir(), 'reshard-logs-'));
afterAll(() => rmSync(dir, { recursive: true }));

test('a service whose log file fails is read on', async () => {
  const lost: string[] = [];
  const stderr = new PassThrough({ highWaterMark: 1024 });
  const place = path.join(dir, 'folder.log');
  mkdirSync(place);
  const log = keepLog(stderr, place, e => lost.push(e.message));
  await until(() => lost.length > 0, { timeoutMs: 5000, what: 'the file to fail' });
  for (let i = 0; i < 50; i++) stderr.write(`{"msg":"${'x'.repeat(1000)}"}\n`);
  stderr.end('reshard: the last words\n');
  await finished(stderr);
  expect(await log.words()).toBe('reshard: the last words');
  expect(lost).toEqual([expect.stringContaining('EISDIR')]);
});

test('what a service wrote for people is told to its end, without its log lines', async () => {
  const stderr = new PassThrough();
  makeLogFiles(dir, ['sink']);
  const file = logFile(dir, 'sink');
  const log = keepLog(stderr, file, () => {});
  stderr.write('first\n{"level":30}\n');
  const words = log.words();
  stderr.end('last\n');
  expect(await words).toBe('first\nlast');
  const whole = (): boolean => readFileSync(file, 'utf8') === 'first\n{"level":30}\nlast\n';
  await until(whole, { timeoutMs: 5000, what: 'the file to have all' });
});

test('files that cannot be written end the start, with a remedy', () => {
  writeFileSync(path.join(dir, 'file'), '');
  mkdirSync(logFile(path.join(dir, 'logs'), 'binlog'), { recursive: true });
  for (const place of ['file/logs', 'logs']) {
    const make = (): void => makeLogFiles(path.join(dir, place), ['control', 'binlog']);
    expect(make).toThrow(ReshardError);
    expect(make).toThrow(/cannot be written in/);
  }
  makeLogFiles(path.join(dir, 'new'), ['control', 'binlog']);
  expect(readFileSync(logFile(path.join(dir, 'new'), 'binlog'), 'utf8')).toBe('');
});
