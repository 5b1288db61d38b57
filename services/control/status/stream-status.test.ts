/** I13: what both logs say of a table is in the status, and no less than the worst of it. */
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import type { CutoverRun } from '../../../shared/job/state/cutover.ts';
import type { StreamDoubt, StreamedTable } from '../../../shared/job/state/stream-report.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { unit, well } from '../../../test/support/status-facts.ts';
import { judged } from './feed.ts';
import { type Problem, problemsOf } from './problem.ts';
import type { Status, StatusFacts } from './status.ts';
import { streamStatus } from './stream-status.ts';
import { wayBackStatus } from './way-back.ts';

const server = (name: string) => ({ name, user: 'u', database: 'd' });
const JOB = parseJob(
  JSON.stringify({
    ...{ job: 'shop', kafka: { brokers: ['b:1'] }, registry: { url: 'http://r' } },
    ...{ sources: [server('s1')], targets: [server('t1')], tables: [{ name: 'orders' }] },
    ...{ route: { kind: 'target', target: 't1' }, cutover: { back: {} } },
    options: { streamingCheck: true, partitions: 2 },
  }),
  {},
);

type Said = Pick<StreamedTable, 'state' | 'equalMs'>;

function reportOf(slot: number, said: Said): [string, Report] {
  const known = { gtids: { s1: `g${said.equalMs}` }, base: 'verify-1', unknown: 0, wantedMs: null };
  const detail = JSON.stringify({ tables: [{ table: 'orders', ...said, ...known }] });
  const unit = { service: 'checker', unit: `stream/${slot}`, member: 'm', incarnation: 'i' };
  const report = { ...unit, tsMs: 1, state: 'running', error: null, counters: {}, detail };
  return [`checker/stream/${slot}`, report];
}

const of = (...said: Said[]) =>
  streamStatus(JOB, new Map(said.map((s, slot) => reportOf(slot, s))))?.tables[0];

test('a table is what the worst of its partitions is, as of the oldest of them', () => {
  const equal = { state: 'equal', equalMs: 9 } as const;
  expect(of(equal, { ...equal, equalMs: 5 })).toMatchObject({
    ...{ state: 'equal', equalMs: 5, gtids: { s1: 'g5' } },
  });
  expect(of(equal, { state: 'waits', equalMs: 9 })?.state).toBe('waits');
  expect(of({ state: 'differs', equalMs: 9 }, { state: 'unknown', equalMs: 0 })).toMatchObject({
    ...{ state: 'differs', equalMs: 0 },
  });
});

test('a partition that has said nothing makes the table unknown', () => {
  expect(of({ state: 'equal', equalMs: 9 })).toMatchObject({ state: 'unknown', equalMs: 0 });
});

test('what differs by both logs is a problem, also where a newer check has not seen it', () => {
  const at = { sinceMs: 1, atMs: 2, fromOffset: 0, toOffset: 1 };
  const place = { table: 'orders', target: 't1', partition: 0, bucket: 1 };
  const doubt: StreamDoubt = { ...place, base: 'verify-1', rows: 1, ...at };
  const words = (state: StreamedTable['state'], check: string): string[] => {
    const tables = [{ table: 'orders', state, equalMs: 1, gtids: {} }];
    const stream = { tables, doubts: [doubt], foreign: [], foreignCount: 0 };
    const proof = { table: 'orders', isProven: true, why: 'proven equal', check, rows: 1 };
    const facts: StatusFacts = {
      ...well(),
      proofs: [{ ...proof, startedMs: 1, provenMs: 9, sourceGtids: {} }],
      stream,
    };
    return problemsOf(facts).map(p => p.word);
  };
  expect(words('differs', 'verify-1')).toContain('doubt');
  expect(words('equal', 'verify-1'), 'undone, and nobody has looked').toContain('doubt');
  expect(words('differs', 'verify-2')).toContain('doubt');
  expect(words('equal', 'verify-2'), 'a check has found it equal since').not.toContain('doubt');
});

const RUN: CutoverRun = {
  ...{ id: 'cutover-1', stage: 'switched', by: 'ann', startedMs: 1, stageMs: 1, sources: [] },
  ...{ targets: {}, steps: [], stopMs: 0, journalMs: 1, why: null, way: 'over', thaws: [] },
  leg: { number: 2, carries: 'back', isOpen: true, begins: {} },
};
const BACK = (o: Partial<StatusFacts>): Status => judged({ ...well(), job: 'shop.back', ...o });
const halted = (service: string, name: string, error: string) => ({
  services: [{ ...unit(service, name), state: 'halted', error: `${error}\n  remedy: none` }],
});
const STAND = halted('binlog', 't2', 'unsafe-event: TRUNCATE of a');

function blind(back: Status | null, run: CutoverRun | null = null, o = {}): Problem[] {
  const stream = { tables: [], doubts: [], foreign: [], foreignCount: 0 };
  const wayBack = wayBackStatus({ cutoverRun: run }, back);
  return problemsOf({ ...well(), stream, wayBack, ...o }).filter(p => p.what === 'streaming check');
}

test('a log of a target that is not read is a problem of the check, before the application goes over', () => {
  expect(blind(BACK(STAND))).toMatchObject([
    { word: 'doubt', target: 't2', why: expect.stringMatching(/of: .*TRUNCATE of a$|: halted/) },
  ]);
  expect(blind(BACK({}))).toEqual([]);
  expect(blind(null)).toEqual([]);
  expect(blind(BACK(STAND), RUN)).toEqual([]);
  expect(blind(BACK(STAND), null, { stream: null })).toEqual([]);
});

test('each log that is not read is told, and by what is wrong with it', () => {
  const [silent] = [{ ...unit('binlog', 't1'), ageSeconds: 99 }];
  const both = BACK({ services: [...STAND.services, silent] });
  expect(blind(both).map(p => [p.target, p.why.split(': ').slice(1).join(': ')])).toEqual([
    ['t2', 'halted: binlog/t2: unsafe-event: TRUNCATE of a'],
    ['t1', 'silent: binlog/t1: no report for 99 s from host:1'],
  ]);
  const topic = { topic: 't1.d.orders', source: 't1', table: 'orders', error: 'gone' };
  expect(blind(BACK({ topics: [{ ...topic, state: 'gone' }] }))).toMatchObject([{ target: 't1' }]);
});

test('a sink that would carry rows back blinds nothing: what is wrong is told as the way back', () => {
  const back = BACK(halted('sink', 's1/0', 'denied: no grants'));
  expect(blind(back)).toEqual([]);
  const stream = { tables: [], doubts: [], foreign: [], foreignCount: 0 };
  const problems = problemsOf({
    ...well(),
    stream,
    wayBack: wayBackStatus({ cutoverRun: null }, back),
  });
  expect(problems.map(p => `${p.word}: ${p.why}`)).toEqual([
    'way-back-waits: no cutover with a way back now: halted: sink/s1/0: denied: no grants',
  ]);
});
