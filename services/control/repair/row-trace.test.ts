import { expect, test } from 'vitest';
import type { LastRecord } from './last-record.ts';
import { KeyLooks, type Look, type SourceSaid, telling } from './row-trace.ts';

const ROW = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

function record(hash: string | null, offset = 7): LastRecord {
  return { partition: 0, offset, timeMs: 1, gtid: 'g:1', hash };
}

function look(o: Partial<Look> = {}): Look {
  return {
    ...{ source: ROW, log: record(ROW), wrong: new Map([['t1', OTHER]]), behind: [] },
    ...{ waiting: new Map(), others: [], isSpelled: false },
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
  ['a new log has no record of the row that the source has', { log: 'anew' }, 'capture'],
  ['a new log has no record of a row that may be older', { source: null, log: 'anew' }, 'unknown'],
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

test('a record that comes to the log of another source is another look', () => {
  const one = look({ others: [3] });
  expect(arrowOf(one, one, look({ others: [4] }))).toBeUndefined();
});

/** The name of the source that is told of; of each what it has, and what its log says. */
function told(isExtra: boolean, ...all: [SourceSaid['source'], SourceSaid['log']][]): string {
  return telling(
    all.map(([source, log], i) => ({ name: `s${i + 1}`, source, log })),
    isExtra,
  ).name;
}

test('of several sources the one is told of whose log is not as the source is', () => {
  const gone = record(null);
  expect(told(false, [null, gone], [ROW, record(ROW)])).toBe('s2');
  // The row has moved, and its delete was lost: the sink has no part in that.
  expect(told(true, [null, record(ROW)], [ROW, record(ROW)])).toBe('s1');
  expect(told(true, [null, 'none'], [null, gone])).toBe('s2');
  expect(told(true, [null, gone], [null, record(ROW)])).toBe('s2');
});

test('a log that is behind, or was not read so far back, keeps the others from being believed', () => {
  expect(told(true, [null, null], [null, record(ROW)])).toBe('s1');
  expect(told(true, [null, record(null)], [null, 'beyond'])).toBe('s2');
  expect(told(true, [null, 'beyond'], [ROW, record(ROW)])).toBe('s1');
  expect(told(false, [null, 'beyond'], [ROW, record(ROW)])).toBe('s2');
  expect(told(true, [null, record(null)], [null, 'anew'])).toBe('s2');
  expect(told(false, [null, record(null)], [ROW, 'anew'])).toBe('s2');
});
