/** Both logs open the way over only by what they say of now, and by rows that nobody else wrote. */
import { expect, test } from 'vitest';
import { type Standing, unproven } from '../../../shared/job/state/proof.ts';
import type { ForeignWrite, StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import { shopFile } from '../../../test/support/shop-file.ts';
import type { UnreadLog, WayBackStatus } from '../status/status.ts';
import type { StreamStatus } from '../status/stream-status.ts';
import { streamGates } from './stream-gate.ts';

const NOW = 1_700_000_000_000;
const PROVEN = NOW - 60_000;

const { cutover } = shopFile();

const proof = { ...unproven('orders'), check: 'verify-1', startedMs: PROVEN };
const STANDING: Standing = { table: 'orders', isProven: true, why: '', proof };

const equal = { table: 'orders', state: 'equal' as const, equalMs: NOW - 2000, gtids: {} };
const doubt: StreamDoubt = {
  ...{ table: 'orders', target: 't1', partition: 3, bucket: 17, base: 'verify-1', rows: -1 },
  ...{ sinceMs: NOW - 3000, atMs: NOW - 1000, fromOffset: 1, toOffset: 2 },
};
const foreign: ForeignWrite = {
  ...{ table: 'orders', target: 't1', gtid: 'a:9', op: 'insert', key: '42', atMs: PROVEN + 1 },
};

const WAY_BACK: WayBackStatus = {
  ...{ carries: 'over', isTurning: false, lagSeconds: 0, lagRecords: null, unread: [] },
  headline: { level: 'good', text: 'drained' },
};

function gate(o: Partial<StreamStatus>, nowMs = NOW, unread: UnreadLog[] = []): string {
  const stream = { tables: [equal], doubts: [], foreign: [], foreignCount: 0, ...o };
  const wayBack = { ...WAY_BACK, unread };
  const [found] = streamGates({ stream, wayBack }, [STANDING], cutover.limits, nowMs);
  return `${found?.state}: ${found?.why}`;
}

test('equal as of a moment ago: open', () => {
  expect(gate({})).toBe('open: equal by both logs as of 2.0 s ago (limit 15 s)');
});

test('a job without it, or whose application has gone over, has no such gate', () => {
  expect(streamGates({ stream: null, wayBack: null }, [STANDING], cutover.limits, NOW)).toEqual([]);
});

test('what a checker has said long ago is not of now', () => {
  expect(gate({}, NOW + 13_000)).toMatch(/^open/);
  expect(gate({}, NOW + 13_001)).toMatch(/^shut: equal by both logs as of 15.0 s ago/);
  expect(gate({}, NOW - 10_000)).toMatch(/^unknown: equal as of 8 s in the future/);
});

test('nothing newer is known of a target whose log stands, whichever table it stands at: shut', () => {
  const stands = { server: 't2', why: 'halted: binlog/t2: unsafe-event: TRUNCATE of customers' };
  expect(gate({}, NOW, [stands])).toBe(
    `shut: equal as of ${new Date(NOW - 2000).toISOString()}, and nothing newer of target t2 ` +
      'is compared: halted: binlog/t2: unsafe-event: TRUNCATE of customers',
  );
  expect(gate({ doubts: [doubt] }, NOW, [stands])).toMatch(/^shut: target t1 has 1 rows more/);
});

test.each(['differs', 'waits', 'unknown'] as const)('%s: shut', state => {
  expect(gate({ tables: [{ ...equal, state }] })).toMatch(/^shut/);
});

test('a table of which nothing is said: shut', () => {
  expect(gate({ tables: [] })).toMatch(/^shut: it is not known to be equal/);
});

test('a doubt shuts it, although the rows are equal again; not one of before the proof', () => {
  expect(gate({ doubts: [doubt] })).toMatch(/^shut: target t1 has 1 rows more .*bucket 17/);
  expect(gate({ doubts: [{ ...doubt, base: 'verify-0' }] })).toMatch(/^open/);
  expect(gate({ doubts: [{ ...doubt, table: 'customers' }] })).toMatch(/^open/);
});

test('a write of somebody else shuts it until a check has begun after that', () => {
  const of = 'somebody else has written to it: insert of key 42 on target t1 (a:9)';
  expect(gate({ foreign: [foreign] })).toContain(`shut: ${of}`);
  expect(gate({ foreign: [foreign, { ...foreign, atMs: PROVEN - 1 }] })).toContain(of);
  expect(gate({ foreign: [{ ...foreign, atMs: PROVEN - 1 }] })).toMatch(/^open/);
  expect(gate({ foreign: [{ ...foreign, table: 'customers' }] })).toMatch(/^open/);
});
