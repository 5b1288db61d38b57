/**
 * I9: every kind of damage of docs/CHECKS.md is done to the targets of a running job, all at once,
 * under load, and one full check names each by table and key, and nothing else. An oracle that
 * shares no code with the checker says that this is what is there. Then all of it is repaired.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { toldText } from './damage.ts';
import { DetectionJob, toldBy } from './detection-job.ts';
import { DRIFT_TABLES, DRIFTS } from './drift.ts';
import { manyOf } from './many.ts';
import { ROW_DAMAGES, ROW_TABLES } from './rows.ts';
import { KINDS, VALUE_DAMAGES } from './values.ts';

const MINUTE = 60_000;
/** From the start of the check to its verdict, also on a machine that has much else to do. */
const DETECTED_MS = 60_000;
const TABLES = [KINDS, ...ROW_TABLES];
const NAMES = TABLES.map(t => t.name);
const DAMAGES = [...VALUE_DAMAGES, ...ROW_DAMAGES];
const TOLD = DAMAGES.flatMap(d => d.told.map(toldText)).sort();

let job: DetectionJob;

beforeAll(async () => {
  job = await DetectionJob.start([...TABLES, ...DRIFT_TABLES]);
}, 3 * MINUTE);

afterAll(() => job?.[Symbol.asyncDispose](), MINUTE);

const LIMIT = { timeout: 3 * MINUTE };

test('each damage is named by table and key, and no row that is right', LIMIT, async () => {
  await job.onSource(...DAMAGES.flatMap(d => d.before ?? []));
  await job.drained();
  const before = await job.check([...NAMES, ...DRIFT_TABLES.map(t => t.name)]);
  expect(before.code, before.out).toBe(0);
  await job.damage(DAMAGES);

  await using load = job.load(100);
  const { code, out } = await job.check(NAMES);
  const changes = (await load.stop()).total('done');
  expect(toldBy(out)).toEqual(TOLD);
  const result: CheckResult = JSON.parse(out);
  expect(result).toMatchObject({ equal: false, differences: TOLD.length, unsettled: 0 });
  expect(result.tables.filter(t => t.truncated)).toEqual([]);
  expect(code).toBe(4);
  const differing = result.tables.flatMap(t => t.differences);
  for (const { table, key, columns } of DAMAGES.flatMap(d => d.told)) {
    if (columns === undefined) continue;
    const found = differing.find(d => d.table === table && Object.values(d.key).join(',') === key);
    expect(found?.columns, `${table} ${key}`).toEqual(columns);
  }
  console.log(`${DAMAGES.length} damages, ${changes} changes meanwhile: ${result.tookMs} ms`);
  expect(result.tookMs).toBeLessThan(DETECTED_MS);
  expect(changes).toBeGreaterThan(20);

  await job.drained();
  expect(await job.judged(TABLES)).toEqual(TOLD);
});

test('all of it is repaired', LIMIT, async () => {
  const { code, out, err } = await job.repair();
  expect(code, out + err).toBe(0);
  expect(await job.judged(TABLES)).toEqual([]);
});

test('more differences than a check lists are repaired by one order', LIMIT, async () => {
  const before = await job.stateSize();
  await job.damage([manyOf('wide', 200)]);
  const { code, out } = await job.check(['wide']);
  expect(code).toBe(4);
  const result: CheckResult = JSON.parse(out);
  expect(result.tables).toMatchObject([{ table: 'wide', truncated: true }]);
  const { code: repaired, out: said, err } = await job.repair();
  expect(repaired, said + err).toBe(0);
  expect(JSON.parse(said).repaired.rows).toBeGreaterThan(result.differences);
  expect(await job.judged(TABLES)).toEqual([]);
  // The check and the one at the end, the order and its run; none of the keys of the passes.
  const after = await job.stateSize();
  expect(after.records - before.records).toBeLessThanOrEqual(4);
});

test('a table that was altered on a target is not called equal for that', LIMIT, async () => {
  await job.damage(DRIFTS.map(d => ({ done: [{ target: 0, sql: d.done }] })));
  for (const { what, table, told } of DRIFTS) {
    const { code, out } = await job.check([table]);
    if (told instanceof RegExp) {
      expect(code, what).toBe(1);
      expect(JSON.parse(out).error.message, what).toMatch(told);
      continue;
    }
    expect(toldBy(out), what).toEqual(told.map(toldText));
    expect(code, what).toBe(told.length === 0 ? 0 : 4);
  }
});
