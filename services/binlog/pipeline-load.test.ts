/** When rows count as being on their way, by what members report. */
import { expect, test } from 'vitest';
import { isBehind } from './pipeline-load.ts';

const NOW = 1_000_000;
const MB = 1024 * 1024;

function report(service: string, counters: Record<string, number>, agoMs = 500) {
  return { service, counters, tsMs: NOW - agoMs };
}

test('a log that is behind its source, or records that a sink has not applied', () => {
  const idle = [report('binlog', { lagSeconds: 0.1 }), report('sink', { queuedBytes: 1000 })];
  expect(isBehind(idle, 32 * MB, NOW)).toBe(false);
  expect(isBehind([...idle, report('binlog', { lagSeconds: 3 })], 32 * MB, NOW)).toBe(true);
  const queues = Array.from({ length: 8 }, () => report('sink', { queuedBytes: MB }));
  expect(isBehind(queues, 32 * MB, NOW)).toBe(true);
  expect(isBehind(queues.slice(0, 4), 32 * MB, NOW)).toBe(false);
  expect(
    isBehind([report('snapshot', { queuedBytes: 99 * MB, lagSeconds: 9 })], 32 * MB, NOW),
  ).toBe(false);
});

test('a member that is silent holds nobody back', () => {
  const old = [
    report('binlog', { lagSeconds: 99 }, 6000),
    report('sink', { queuedBytes: 99 * MB }, 6000),
  ];
  expect(isBehind(old, 32 * MB, NOW)).toBe(false);
  expect(isBehind([report('binlog', {}), report('control', {})], 32 * MB, NOW)).toBe(false);
});
