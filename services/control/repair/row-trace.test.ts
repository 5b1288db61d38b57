import { expect, test } from 'vitest';
import type { LastRecord } from './last-record.ts';
import { KeyLooks, type Look } from './row-trace.ts';

const ROW = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

function record(hash: string | null, offset = 7): LastRecord {
  return { partition: 0, offset, timeMs: 1, gtid: 'g:1', hash };
}

function look(o: Partial<Look> = {}): Look {
  return {
    ...{ source: ROW, log: record(ROW), wrong: new Map([['t1', OTHER]]), behind: [] },
    ...{ waiting: new Map(), isSpelled: false },
    ...o,
  };
}

function arrowOf(...looks: Look[]): string | undefined {
  const key = new KeyLooks();
  for (const one of looks) key.add(one);
  return key.verdict?.arrow;
}

const thrice = (o: Partial<Look>): string | undefined => arrowOf(look(o), look(o), look(o));

test.each<[string, Partial<Look>, string]>([
  ['a target has another row than log and source', {}, 'sink'],
  [
    'a target has a row that log and source have deleted',
    { source: null, log: record(null) },
    'sink',
  ],
  ['a target has a row of which there is no record', { source: null, log: 'none' }, 'sink'],
  ['the log has another row', { log: record(OTHER) }, 'capture'],
  ['the log has not the delete', { source: null, log: record(ROW) }, 'capture'],
  ['the log says that it is deleted', { log: record(null) }, 'capture'],
  ['the log has no record of the row', { log: 'none' }, 'capture'],
  ['its record was not read', { log: 'beyond' }, 'unknown'],
  ['its record cannot be read', { log: 'unreadable' }, 'unknown'],
  ['the log is behind the source', { log: null }, 'behind'],
  ['the target is behind the log', { behind: ['t1'] }, 'behind'],
  [
    'the target holds the key back',
    { behind: ['t1'], waiting: new Map([['t1', 'unique']]) },
    'waiting',
  ],
  [
    'the log may spell the key otherwise',
    { source: null, log: record(ROW), isSpelled: true },
    'unknown',
  ],
  ['only virtual columns differ', { wrong: new Map([['t1', ROW]]) }, 'unknown'],
  ['the targets have the row', { wrong: new Map(), log: record(OTHER) }, 'none'],
])('%s', (_, o, arrow) => {
  expect(thrice(o)).toBe(arrow);
});

test('nobody is accused by fewer looks than three, or by some that differ', () => {
  const lost = look({ log: record(OTHER) });
  expect(arrowOf(lost, lost)).toBeUndefined();
  // Another record of the same row came between: the key was changed, and changed back.
  const later = look({ log: record(OTHER, 8) });
  expect(arrowOf(lost, lost, later, later)).toBeUndefined();
  expect(arrowOf(lost, lost, later, later, later)).toBe('capture');
  const changes = Array.from({ length: 8 }, (_, i) => look({ log: record(OTHER, i) }));
  expect(arrowOf(...changes)).toBe('changing');
});

test('what the targets have got meanwhile is equal at once', () => {
  expect(arrowOf(look(), look({ wrong: new Map() }))).toBe('none');
});
