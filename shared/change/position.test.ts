import { describe, expect, test } from 'vitest';
import { GtidSet, parseGtid } from './gtid.ts';
import { StreamPosition } from './position.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const gtid = (n: number) => parseGtid(`${A}:${n}`);

function open(partial: string | null = null, rows = 0): StreamPosition {
  return new StreamPosition(GtidSet.parse(`${A}:1-4`), partial, rows);
}

/** One row change; true when it goes to the log. */
function takeRow(p: StreamPosition): boolean {
  const isNew = p.isNextNew();
  p.countRow();
  return isNew;
}

describe('resume point', () => {
  test('moves at the end of a transaction', () => {
    const p = open();
    p.begin(gtid(5));
    expect(p.resume()).toMatchObject({ gtid: `${A}:1-4`, partialGtid: null, partialRows: 0 });
    expect(takeRow(p)).toBe(true);
    expect(p.resume()).toMatchObject({ gtid: `${A}:1-4`, partialGtid: `${A}:5`, partialRows: 1 });
    p.commit();
    expect(p.resume()).toMatchObject({ gtid: `${A}:1-5`, partialGtid: null, partialRows: 0 });
  });

  test('every cut of a large transaction, and a second cut while it comes again', () => {
    for (let cut = 1; cut <= 6; cut++) {
      for (let again = 0; again <= 6; again++) {
        const taken: number[] = [];
        let p = open();
        p.begin(gtid(5));
        for (let row = 1; row <= cut; row++) if (takeRow(p)) taken.push(row);
        let at = p.resume();
        p = new StreamPosition(GtidSet.parse(at.gtid), at.partialGtid, at.partialRows);
        p.begin(gtid(5));
        for (let row = 1; row <= again; row++) if (takeRow(p)) taken.push(row);
        expect(p.maySplit()).toBe(true);
        at = p.resume();
        p = new StreamPosition(GtidSet.parse(at.gtid), at.partialGtid, at.partialRows);
        p.begin(gtid(5));
        for (let row = 1; row <= 6; row++) if (takeRow(p)) taken.push(row);
        p.commit();
        expect(taken).toEqual([1, 2, 3, 4, 5, 6]);
        expect(p.resume().gtid).toBe(`${A}:1-5`);
      }
    }
  });

  test('keeps the part of a transaction while others come first', () => {
    const p = open(`${A}:6`, 3);
    p.begin(gtid(5));
    expect(p.maySplit()).toBe(false);
    expect(takeRow(p)).toBe(true);
    expect(p.resume()).toMatchObject({ gtid: `${A}:1-4`, partialGtid: `${A}:6`, partialRows: 3 });
    p.commit();
    expect(p.resume()).toMatchObject({ gtid: `${A}:1-5`, partialGtid: `${A}:6`, partialRows: 3 });
    p.begin(gtid(6));
    expect([takeRow(p), takeRow(p), takeRow(p), takeRow(p)]).toEqual([false, false, false, true]);
    p.commit();
    expect(p.resume()).toMatchObject({ gtid: `${A}:1-6`, partialGtid: null, partialRows: 0 });
  });

  test('a transaction that came back shorter is not skipped silently', () => {
    const p = open(`${A}:5`, 3);
    p.begin(gtid(5));
    takeRow(p);
    expect(() => p.commit()).toThrow(/fewer rows/);
  });
});

test('what may be in the log: whole, part of before, part of now', () => {
  const p = open(`${A}:9`, 1);
  p.begin(gtid(5));
  expect(p.published().toString()).toBe(`${A}:1-5:9`);
  expect(() => p.begin(gtid(6))).toThrow(/inside another/);
});
