/** I13: what both logs say of a table is in the status, and no less than the worst of it. */
import { expect, test } from 'vitest';
import { parseJob } from '../../../shared/job/job-schema.ts';
import type { StreamDoubt, StreamedTable } from '../../../shared/job/state/stream-report.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { well } from '../../../test/support/status-facts.ts';
import { problemsOf } from './problem.ts';
import type { StatusFacts } from './status.ts';
import { streamStatus } from './stream-status.ts';

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
      proofs: [{ ...proof, provenMs: 1, sourceGtids: {} }],
      stream,
    };
    return problemsOf(facts).map(p => p.word);
  };
  expect(words('differs', 'verify-1')).toContain('doubt');
  expect(words('equal', 'verify-1'), 'undone, and nobody has looked').toContain('doubt');
  expect(words('differs', 'verify-2')).toContain('doubt');
  expect(words('equal', 'verify-2'), 'a check has found it equal since').not.toContain('doubt');
});

test('a log of a target that is not read is a problem of the check, before the application goes over', () => {
  const stream = { tables: [], doubts: [], foreign: [], foreignCount: 0 };
  const words = (carries: 'over' | 'back', level: 'failure' | 'normal', o = {}): string[] => {
    const headline = { level, text: 'halted: binlog/t1' };
    const lag = { isTurning: false, lagSeconds: 0, lagRecords: null };
    const facts: StatusFacts = { ...well(), stream, wayBack: { carries, headline, ...lag }, ...o };
    return problemsOf(facts).map(p => `${p.word} ${p.what}`);
  };
  expect(words('over', 'failure')).toContain('doubt streaming check');
  expect(words('over', 'normal')).not.toContain('doubt streaming check');
  expect(words('back', 'failure')).not.toContain('doubt streaming check');
  expect(words('over', 'failure', { stream: null })).not.toContain('doubt streaming check');
});
