/** The process that a member starts for the way back, without any server. */
import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { childrenOf } from '../../../test/support/processes.ts';
import { exampleOf } from './init-example.ts';
import { keepWayBack } from './way-back-member.ts';

const TIMEOUT_MS = 60_000;
const oneWay = parseJob(exampleOf('reshard'), { SOURCE_PASSWORD: 's', TARGET_PASSWORD: 't' });
/** Nobody listens there: its members wait. */
const kafka = { ...oneWay.kafka, brokers: ['127.0.0.1:1'] };
const job: Job = { ...oneWay, kafka, cutover: { ...oneWay.cutover, back: {} } };
const log = createLogger({ name: 'test', level: 'silent' });

function member(): Promise<number> {
  return until(() => childrenOf(process.pid)[0], {
    ...{ timeoutMs: TIMEOUT_MS, what: 'the member of the way back' },
  });
}

/** One that joins at once. */
const JOINS = `
  process.send('joined');
  for (const end of ['SIGTERM', 'disconnect']) process.on(end, () => process.exit(0));
  setInterval(() => {}, 1000);`;

test(
  'one that dies is told of and started again, and all end at the signal',
  async () => {
    using dir = mkdtempDisposableSync(path.join(os.tmpdir(), 'reshard-member-'));
    const main = path.join(dir.path, 'main.mjs');
    writeFileSync(main, JOINS);
    const stop = new AbortController();
    const told: (string | null)[] = [];
    const tell = (away: string | null): unknown => told.push(away);
    const o = { job, jobFile: 'job.json', log, signal: stop.signal, tell, main };
    const kept = keepWayBack('binlog', o);
    const hears = (count: number): Promise<true> =>
      until(() => told.length >= count, { timeoutMs: TIMEOUT_MS, what: `${count} words` });
    await hears(1);
    process.kill(await member(), 'SIGKILL');
    await hears(3);
    expect(told).toEqual([null, 'ended with code 128, starts again', null]);
    const second = await member();
    stop.abort();
    await kept;
    expect(childrenOf(process.pid)).not.toContain(second);
  },
  TIMEOUT_MS,
);

test(
  'what it would meet again is thrown as it has said it',
  async () => {
    const { signal } = new AbortController();
    const alone = { ...oneWay, kafka };
    const kept = keepWayBack('binlog', {
      job: alone,
      jobFile: 'job.json',
      log,
      signal,
      tell: () => {},
    });
    await expect(kept).rejects.toMatchObject({ kind: 'config', message: /has no `cutover.back`/ });
  },
  TIMEOUT_MS,
);
