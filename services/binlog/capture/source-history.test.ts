/** What tells another history of a source: pure, by the proof that a resume point carries. */
import { describe, expect, test } from 'vitest';
import type { Resume } from '../../../shared/job/state/progress-view.ts';
import { answers, differenceOf, faultOfFiles } from './source-history.ts';

const RESUME: Resume = {
  epoch: 1,
  ordinal: 1,
  gtid: '0-1-7',
  partialGtid: null,
  partialRows: 0,
  chunksOffset: 0,
  file: 'binlog.000003',
  pos: 500,
  tsMs: 0,
  serverUuid: 'server-1',
  anchor: { gtid: '0-1-7', previous: '0-1-6', stamp: 's:100', pos: 300 },
  fileS: 90,
};
const SEEN = { gtid: '0-1-7', stamp: 's:100', pos: 300, file: 'binlog.000003', fileS: 90 };

describe('the transaction that the log ends with, sent again', () => {
  test('is the same', () => {
    expect(differenceOf(SEEN, RESUME, true)).toBeNull();
    expect(differenceOf({ ...SEEN, file: 'binlog.000002', fileS: 5 }, RESUME, true)).toBeNull();
  });

  test('stands elsewhere in its file, where one second has seen the number twice', () => {
    expect(differenceOf({ ...SEEN, pos: 310 }, RESUME, true)).toMatch(
      /at 310 of binlog.000003, not at 300/,
    );
    const older = { ...RESUME, anchor: { gtid: '0-1-7', previous: '0-1-6', stamp: 's:100' } };
    expect(differenceOf({ ...SEEN, pos: 310 }, older, true)).toBeNull();
    expect(differenceOf({ ...SEEN, pos: 310 }, RESUME, false)).toBeNull();
    const elsewhere = { ...SEEN, pos: 310, file: 'binlog.000002' };
    expect(differenceOf(elsewhere, RESUME, true)).toBeNull();
    const exact = { ...RESUME, anchor: { gtid: '0-1-7', previous: null, stamp: 'us:7', pos: 300 } };
    expect(differenceOf({ ...SEEN, stamp: 'us:7', pos: 310 }, exact, true)).toBeNull();
  });

  test('has another number, another time, or stands in a file that was begun anew', () => {
    expect(differenceOf({ ...SEEN, gtid: '0-1-8' }, RESUME, true)).toMatch(/another number/);
    expect(differenceOf({ ...SEEN, gtid: '0-2-7' }, RESUME, true)).toMatch(/another number/);
    expect(differenceOf({ ...SEEN, stamp: 's:101' }, RESUME, true)).toMatch(/committed at/);
    expect(differenceOf({ ...SEEN, fileS: 91 }, RESUME, true)).toMatch(/was begun at/);
  });

  test('on a replica: the commit time of the original is compared, seconds and files are not', () => {
    expect(differenceOf({ ...SEEN, stamp: 's:101', fileS: 1 }, RESUME, false)).toBeNull();
    const exact = { ...RESUME, anchor: { gtid: '0-1-7', previous: null, stamp: 'us:7' } };
    expect(differenceOf({ ...SEEN, stamp: 'us:7' }, exact, false)).toBeNull();
    expect(differenceOf({ ...SEEN, stamp: 'us:8' }, exact, false)).toMatch(/committed at/);
  });
});

describe('which transaction answers for it', () => {
  const anchor = { source: 'a', number: 7 };
  const first = { isSameServer: true, nth: 1 };

  test('of the same server the first of its source, whatever its number', () => {
    expect(answers({ source: 'b', number: 1 }, anchor, first)).toBe(false);
    expect(answers({ source: 'a', number: 9 }, anchor, first)).toBe(true);
  });

  test('of another server itself alone: its order may be another one', () => {
    expect(answers({ source: 'a', number: 8 }, anchor, { ...first, isSameServer: false })).toBe(
      false,
    );
    expect(answers(anchor, anchor, { isSameServer: false, nth: 5 })).toBe(true);
  });

  test('others are not passed over without an end', () => {
    expect(answers({ source: 'b', number: 1 }, anchor, { ...first, nth: 10_001 })).toBe(true);
  });
});

test('where nothing was read yet, the file says whether it is the same', () => {
  const idle = { ...RESUME, anchor: null };
  const seen = { gtid: '', stamp: '', pos: 0, file: 'binlog.000003', fileS: 90 };
  expect(differenceOf(seen, idle, true)).toBeNull();
  expect(differenceOf({ ...seen, fileS: 95 }, idle, true)).toMatch(/was begun at/);
});

describe('the files of the server', () => {
  const files = (...names: [string, number][]): Map<string, number> => new Map(names);

  test('our file is there and long enough, or purged', () => {
    expect(faultOfFiles(files(['b.000003', 500]), 'b.000003', 500)).toBeNull();
    expect(faultOfFiles(files(['b.000004', 10], ['b.000005', 10]), 'b.000003', 500)).toBeNull();
  });

  test('our file is shorter than what we read, or gone while older ones are there', () => {
    expect(faultOfFiles(files(['b.000003', 499]), 'b.000003', 500)).toMatch(/shorter/);
    expect(faultOfFiles(files(['b.000001', 900]), 'b.000003', 500)).toMatch(/older ones/);
  });

  test('nothing is said of other names', () => {
    expect(faultOfFiles(files(['c.000001', 900]), 'b.000003', 500)).toBeNull();
    expect(faultOfFiles(files(['b.000001', 900]), '', 0)).toBeNull();
  });
});
