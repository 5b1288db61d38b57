/**
 * I9: every kind of damage of docs/CHECKS.md is done to the targets of a running job, all at once,
 * under load. The streaming check tells each by itself, and one full check names each by table and
 * key, and neither names anything else. An oracle that shares no code with the checker says that
 * this is what is there. Then all of it is repaired.
 */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Status } from '../../services/control/status/status.ts';
import type { CheckResult, TableResult } from '../../shared/job/state/check-result.ts';
import type { Load } from '../support/load/load.ts';
import { type Damage, toldText } from './damage.ts';
import { DetectionJob, toldBy, toldIn } from './detection-job.ts';
import { DRIFT_TABLES, DRIFTS } from './drift.ts';
import { manyOf } from './many.ts';
import { ROW_DAMAGES, ROW_TABLES } from './rows.ts';
import { StreamWords, spread } from './stream-word.ts';
import { KINDS, VALUE_DAMAGES } from './values.ts';

const MINUTE = 60_000;
/** From the start of the check to its verdict, also on a machine that has much else to do. */
const DETECTED_MS = 120_000;
/** From the last damage until checks that start by themselves have named all of it. */
const NAMED_MS = 150_000;
/**
 * A bucket that differs is told once: the key of a later damage in it is named by the check alone.
 * Which keys share one of a thousand buckets never changes.
 */
const UNNAMED_MAX = 2;
/** Changes a second. */
const LOAD = 60;
const TABLES = [KINDS, ...ROW_TABLES];
const NAMES = TABLES.map(t => t.name);
const DAMAGES = [...VALUE_DAMAGES, ...ROW_DAMAGES];
/** Keys that a log may accuse, by table and key. */
const HARMED = new Set([
  ...DAMAGES.flatMap(d => (d.isUnlogged ? [] : d.told.map(t => `${t.table} ${t.key}`))),
  ...DAMAGES.flatMap(d => d.undone ?? []),
]);
const TOLD = DAMAGES.flatMap(d => d.told.map(toldText)).sort();

let job: DetectionJob;
let load: Load;
/** When the TRUNCATE was through: nothing behind it is in the log. */
let truncatedMs = 0;

function isEqual(stream: Status['stream']): boolean {
  return stream?.tables.every(t => t.state === 'equal') === true;
}

function whyOf(proofs: Status['proofs'], table: string): string {
  return proofs.find(p => p.table === table && !p.isProven)?.why ?? '';
}

beforeAll(async () => {
  job = await DetectionJob.start([...TABLES, ...DRIFT_TABLES], { isStreamed: true });
}, 3 * MINUTE);

afterAll(async () => {
  await load?.[Symbol.asyncDispose]();
  await job?.[Symbol.asyncDispose]();
}, MINUTE);

const LIMIT = { timeout: 5 * MINUTE };
const words = new StreamWords();

test('each damage is told by both logs, without a command, and no other key', LIMIT, async () => {
  await job.onSource(...DAMAGES.flatMap(d => d.before ?? []));
  await job.drained();
  const before = await job.check([...NAMES, ...DRIFT_TABLES.map(t => t.name)]);
  expect(before.code, before.out).toBe(0);
  await job.until('both logs to agree', ({ stream }) => isEqual(stream), MINUTE);
  load = job.load(LOAD);
  await job.damage(DAMAGES.filter(d => d.isUnlogged));
  await toldByLogs(
    DAMAGES.filter(d => !d.isStatement && !d.isRun && !d.isUnlogged),
    UNNAMED_MAX,
  );
  await toldByLogs(
    DAMAGES.filter(d => d.isRun),
    0,
  );
});

/** Does damage, and waits until the logs alone have told all of it but for so many. */
async function toldByLogs(damages: readonly Damage[], unnamedMax: number): Promise<void> {
  const done = await job.damage(damages);
  const told = (d: Damage) => words.of(d, done.get(d) ?? 0);
  const open = (): Damage[] => damages.filter(d => told(d) === null);
  const isTold = (s: Status): boolean => {
    words.note(s);
    return open().length <= unnamedMax;
  };
  const what = 'the doubts to name the keys';
  await job.until(what, isTold, DETECTED_MS).catch(e => {
    throw new Error(`not told: ${open().map(d => d.what)}`, { cause: e });
  });
  expect(words.accused.filter(key => !HARMED.has(key))).toEqual([]);
  const times = damages.flatMap(d => told(d) ?? []);
  const doubts = spread(times.map(t => t.doubtMs));
  const named = spread(times.map(t => t.namedMs));
  console.log(`${times.length} of ${damages.length} kinds: in doubt ${doubts}; named ${named}`);
}

/** Nothing is equal as of when the log of a target was not read, whichever table it stands at. */
function standsAt({ stream, wayBack }: Status): boolean {
  const newer = stream?.tables.filter(t => t.equalMs > truncatedMs);
  expect(newer, 'equal as of behind the stand').toEqual([]);
  return wayBack?.unread.some(u => u.why.includes('TRUNCATE of gone')) === true;
}

test('a statement on a target is told, though no row event is', LIMIT, async () => {
  const done = await job.damage(DAMAGES.filter(d => d.isStatement));
  const told = ({ proofs, stream, headline, phase }: Status): boolean =>
    /log of target .*-t2 stands.*TRUNCATE of gone|found \d+ keys/.test(whyOf(proofs, 'gone')) &&
    stream?.tables.every(t => t.table !== 'gone' || t.state !== 'equal') === true &&
    headline.level === 'failure' &&
    phase !== 'verified';
  await job.until('the doubt', told, DETECTED_MS);
  truncatedMs = Math.min(...done.values());
  console.log(`TRUNCATE: in doubt after ${Date.now() - truncatedMs} ms`);
});

test(
  'checks that start by themselves name each damage, and no row that is right',
  LIMIT,
  async () => {
    const startedAt = performance.now();
    let tables: (TableResult & { tookMs: number })[] = [];
    const isNamed = (): boolean => isDeepStrictEqual(toldIn(tables), TOLD);
    // A check that had begun before the last damage is followed by another one.
    while (!isNamed() && performance.now() - startedAt < NAMED_MS) {
      tables = [...(await job.verdicts()).values()].filter(t => NAMES.includes(t.table));
      await new Promise(resolve => setTimeout(resolve, 500));
    }
    const changes = (await load.stop()).total('done');
    expect(toldIn(tables)).toEqual(TOLD);
    expect(tables.filter(t => t.truncated || t.unsettled.length > 0)).toEqual([]);
    const differing = tables.flatMap(t => t.differences);
    for (const { table, key, columns } of DAMAGES.flatMap(d => d.told)) {
      if (columns === undefined) continue;
      const found = differing.find(
        d => d.table === table && Object.values(d.key).join(',') === key,
      );
      expect(found?.columns, `${table} ${key}`).toEqual(columns);
    }
    const slowest = Math.max(...tables.map(t => t.tookMs));
    console.log(`${DAMAGES.length} damages, ${changes} changes meanwhile: ${slowest} ms`);
    expect(slowest).toBeLessThan(DETECTED_MS);
    expect(changes).toBeGreaterThan(20);
    await job.drained();
    expect(await job.judged(TABLES)).toEqual(TOLD);
    await job.until('the stand to be told', standsAt, MINUTE);
  },
);

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
  // The check and the one at the end, the order and its run, and three that start by themselves;
  // none of the keys of the passes.
  const after = await job.stateSize();
  expect(after.records - before.records).toBeLessThanOrEqual(7);
});

test('a table that was altered on a target is not called equal for that', LIMIT, async () => {
  const done = DRIFTS.map(d => ({ done: [{ target: 0, sql: d.done }] }));
  const [first] = await job.damage(done);
  const told = ({ proofs }: Status): boolean =>
    /log of target .*-t1 stands.*ALTER of drift_dropped|failed: .*drift_dropped/.test(
      whyOf(proofs, 'drift_dropped'),
    );
  await job.until('the doubt', told, DETECTED_MS);
  console.log(`ALTER: in doubt after ${Date.now() - (first?.[1] ?? 0)} ms`);
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
