/** A statement of somebody else on a target takes back what it may have made untrue. */
import { beforeEach, expect, test } from 'vitest';
import { JobView, type StateRecord } from '../../../shared/job/state/job-view.ts';
import { basisOf, standings, unproven } from '../../../shared/job/state/proof.ts';
import { NO_RECORD } from '../../../shared/job/state/record-writer.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { ProofKeeper } from './proof-keeper.ts';
import { TargetHalts } from './target-halts.ts';

const TABLES = ['a', 'b'];

let view: JobView;
let halts: TargetHalts;

beforeEach(async () => {
  view = new JobView();
  halts = new TargetHalts();
  for (const table of TABLES) await proves(table, 'verify-1', 1000);
});

function keeperOf(): ProofKeeper {
  const put = async (key: string, record: Partial<StateRecord>): Promise<void> =>
    view.apply(key, { ...NO_RECORD, ...record });
  return new ProofKeeper({ view, log: createLogger({ name: 'test', level: 'silent' }), put });
}

async function proves(table: string, check: string, startedMs: number): Promise<void> {
  const known = view.proofs.get(table) ?? unproven(table);
  const found = { check, result: 'equal', startedMs, basis: basisOf(view, table) } as const;
  await keeperOf().judge([{ ...known, ...found }]);
}

function proven(): string[] {
  return standings(view, TABLES).flatMap(s => (s.isProven ? [s.table] : []));
}

function halted(kind: string, context: Record<string, unknown>): Report {
  return {
    ...{ service: 'binlog', unit: 't1', member: 'm', incarnation: 'i', tsMs: 1 },
    ...{ state: 'halted', error: `${kind}: TRUNCATE of a\n  remedy: none`, counters: {} },
    detail: JSON.stringify({ halt: { kind, context } }),
  };
}

const TRUNCATE = halted('unsafe-event', { gtid: 'u:7', table: 'd.a', atSecond: 5 });

test('a statement takes the proof of its table back, once, until a check that begins later', async () => {
  const keeper = keeperOf();
  halts.live();
  halts.note(TRUNCATE, 9000);
  await keeper.halted(halts.standing(9000), TABLES);
  expect(proven()).toEqual(['b']);
  const [standing] = standings(view, ['a']);
  expect(standing?.why).toContain(
    'the log of target t1 stands, and tells nothing of what came behind it: ' +
      'unsafe-event: TRUNCATE of a (u:7)',
  );
  const wanted = keeper.wantedBehind(halts.standing(9000), TABLES);
  expect(wanted).toEqual([{ table: 'a', sinceMs: standing?.proof?.doubtMs }]);
  await proves('a', 'verify-2', 9001);
  await keeper.halted(halts.standing(9500), TABLES);
  expect(proven()).toEqual(TABLES);
  expect(keeper.wantedBehind(halts.standing(9500), TABLES)).toEqual([]);
});

test('a check that had begun before says nothing, however late its verdict comes', async () => {
  halts.live();
  halts.note(TRUNCATE, 9000);
  await proves('a', 'verify-2', 8999);
  await keeperOf().halted(halts.standing(9000), TABLES);
  expect(proven()).toEqual(['b']);
});

test('the next control goes by the second of the statement, and asks for nothing again', async () => {
  halts.note(TRUNCATE, 9000);
  halts.live();
  await proves('a', 'verify-2', 8000);
  await keeperOf().halted(halts.standing(9000), TABLES);
  expect(proven()).toEqual(TABLES);
});

test('a check that is under way proves nothing, whatever was known before it', async () => {
  view = new JobView();
  const begun = { ...unproven('a'), check: 'verify-1', startedMs: 8000, basis: basisOf(view, 'a') };
  halts.live();
  halts.note(TRUNCATE, 9000);
  await keeperOf().halted(halts.standing(9000), TABLES);
  await keeperOf().judge([{ ...begun, result: 'equal' }]);
  expect(proven()).toEqual([]);
  // The next control does not take back what is under way since.
  const basis = basisOf(view, 'a');
  await keeperOf().halted(halts.standing(9000), TABLES);
  expect(basisOf(view, 'a')).toBe(basis);
});

test('the same statement again is another one', async () => {
  const keeper = keeperOf();
  halts.live();
  for (const [i, gtid] of ['u:7', 'u:9'].entries()) {
    halts.note(halted('unsafe-event', { gtid, table: 'd.a' }), 9000 + i);
    await keeper.halted(halts.standing(9500), TABLES);
    expect(proven()).toEqual(['b']);
    await proves('a', `verify-${i + 2}`, 9000);
  }
});

test.each([undefined, 'd.A', 'd.x.y'])(
  'one that names no table of ours may be about any',
  async table => {
    halts.live();
    halts.note(halted('unsafe-event', { gtid: 'u:7', table }), 9000);
    await keeperOf().halted(halts.standing(9000), TABLES);
    expect(proven()).toEqual([]);
  },
);

test.each([
  ['that is refused at the login', halted('denied', { table: 'd.a' })],
  ['that goes on', { ...TRUNCATE, state: 'running', detail: '{}' }],
  ['of something else', { ...TRUNCATE, service: 'sink' }],
])('a log %s stands at no statement', (_, report) => {
  halts.live();
  halts.note(report, 9000);
  expect(halts.standing(9000)).toEqual([]);
});

test('a table that grows is given time to be taken up', () => {
  halts.live();
  halts.note(halted('schema-changed', { gtid: 'u:7', table: 'd.a', added: 'x' }), 9000);
  expect(halts.standing(38_000)).toEqual([]);
  expect(halts.standing(39_000)).toMatchObject([{ target: 't1', table: 'a' }]);
});
