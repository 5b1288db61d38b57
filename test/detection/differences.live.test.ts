/**
 * I8: a hundred thousand differences in a million rows are found and repaired by one order, in
 * bounded memory and in time that goes with the differences: `npm run differences`. RESHARD_ROWS
 * and RESHARD_EVERY are another size. The short form stands in detection.live.test.ts.
 */
import { expect, test } from 'vitest';
import { DetectionJob } from './detection-job.ts';
import { manyOf, manyRows } from './many.ts';

const MINUTE = 60_000;
const ROWS = Number(process.env.RESHARD_ROWS ?? 1_000_000);
/** One row in so many differs. */
const EVERY = Number(process.env.RESHARD_EVERY ?? 10);
const REPAIR_SECONDS = 1800;
/** Until all rows are copied, and of a check: on a busy machine, too. */
const SECONDS = 120 + ROWS / 10_000;
/** One that does nothing has about 150 MB. */
const PEAK_MB_MAX = 512;

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

test(`of ${ROWS} rows one in ${EVERY} differs`, { timeout: 60 * MINUTE }, async () => {
  const table = manyRows(ROWS);
  await using job = await DetectionJob.start([table], { seconds: SECONDS });
  const idle = { checker: job.peakBytes('checker'), control: job.peakBytes('control') };
  await job.damage([manyOf('many', EVERY)]);
  const found = await job.check(['many']);
  expect(found.code).toBe(4);
  const before = await job.stateSize();
  const startedAt = performance.now();
  const { code, out, err } = await job.repair(REPAIR_SECONDS);
  const seconds = (performance.now() - startedAt) / 1000;
  expect(code, out + err).toBe(0);
  const { repaired, check } = JSON.parse(out);
  const after = await job.stateSize();
  const lines = [
    `${repaired.rows} rows read again in ${seconds.toFixed(0)} s (${Math.round(repaired.rows / seconds)}/s)`,
    `the check at the end: ${check.rows} rows in ${check.tookMs} ms`,
    ...(['checker', 'control'] as const).map(
      name =>
        `${name}: ${megabytes(idle[name])} MB before, ${megabytes(job.peakBytes(name))} MB at most`,
    ),
    `state: ${before.records} records (${before.bytes} bytes), then ${after.records} (${after.bytes})`,
  ];
  console.log(lines.join('\n'));
  expect(repaired.rows).toBeGreaterThanOrEqual(Math.floor(ROWS / EVERY));
  expect(await job.judged([table])).toEqual([]);
  expect(after.records - before.records).toBeLessThanOrEqual(3);
  for (const name of ['checker', 'control'] as const) {
    expect(megabytes(job.peakBytes(name)), name).toBeLessThan(PEAK_MB_MAX);
  }
});
