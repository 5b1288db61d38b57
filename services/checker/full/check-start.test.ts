/** I9: what of a stopped check still holds. */
import { expect, test } from 'vitest';
import type { Checkpoint, TableCheckpoint } from '../../../shared/job/state/checkpoint.ts';
import { keptOf } from './check-start.ts';

const DAY_MS = 86_400_000;
const SERVERS = { s1: 'uuid-a', t1: 'uuid-b' };

function at(table: string, basis: string): TableCheckpoint {
  const counts = { rows: 5, targetRows: 5, ranges: 1, rangesDifferent: 0, rechecked: 0 };
  const none = { suspects: [], filled: null, estimatedRows: 9 };
  return { table, basis, shape: 'x', upTo: ['5'], key: { id: '5' }, ...counts, ...none };
}

function stopped(over: Partial<Checkpoint> = {}): Checkpoint {
  return {
    ...{ id: 'verify-1', startedMs: 1, workedMs: 5, savedMs: 1000, resumes: 0 },
    ...{ sourceGtids: {}, targetGtids: {}, servers: SERVERS },
    tables: [at('a', 'one'), at('b', 'one')],
    ...over,
  };
}

const WANTED = [
  { name: 'a', basis: 'one' },
  { name: 'b', basis: 'two' },
  { name: 'c', basis: 'one' },
];

test('what came into doubt or was copied anew since is begun anew, and no other table', () => {
  const { from, anew } = keptOf({ from: stopped(), tables: WANTED }, SERVERS, 2000);
  expect([...from.keys()]).toEqual(['a']);
  expect(anew).toEqual([{ table: 'b', why: 'it was copied anew, or came into doubt, since' }]);
});

test('of other servers, or of days ago, nothing holds', () => {
  const tables = WANTED.slice(0, 1);
  const other = keptOf({ from: stopped(), tables }, { ...SERVERS, t1: 'uuid-c' }, 2000);
  expect(other.from.size).toBe(0);
  expect(other.anew).toEqual([{ table: 'a', why: 't1 is another server than before' }]);
  const more = keptOf({ from: stopped(), tables }, { ...SERVERS, t2: 'uuid-d' }, 2000);
  expect(more.from.size).toBe(0);
  const old = keptOf({ from: stopped(), tables }, SERVERS, 1001 + DAY_MS);
  expect(old.from.size).toBe(0);
  expect(keptOf({ from: null, tables }, SERVERS, 2000)).toEqual({ from: new Map(), anew: [] });
});
