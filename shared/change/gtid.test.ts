import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { GtidSet, parseGtid, printGtid } from './gtid.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const B = '8a94f357-aab4-11df-86ab-c80aa9429562';

describe('MySQL sets', () => {
  test.each([
    ['', ''],
    [`${A}:1`, `${A}:1`],
    [`${A}:1-5`, `${A}:1-5`],
    [`${A.toUpperCase()}:1-5,\n${B}:7`, `${A}:1-5,${B}:7`],
    [`${B}:7,${A}:1-5`, `${A}:1-5,${B}:7`],
    [`${A}:5:1-3:4`, `${A}:1-5`],
    [`${A}:1-3:5-9:7-12`, `${A}:1-3:5-12`],
    [`${A}:1-5:backup:1-3:app_1:9`, `${A}:1-5:app_1:9:backup:1-3`],
    [`${A}:app:1`, `${A}:app:1`],
    [`${A}:app:1,${A}:2`, `${A}:2:app:1`],
    [`${A}:1-9007199254740991`, `${A}:1-9007199254740991`],
  ])('%s', (text, canonical) => {
    const set = GtidSet.parse(text);
    expect(set.flavor).toBe('mysql');
    expect(set.toString()).toBe(canonical);
    expect(GtidSet.parse(set.toString()).equals(set)).toBe(true);
  });

  test.each([
    `${A}`,
    `${A}:`,
    `${A}:0`,
    `${A}:5-3`,
    `${A}:app`,
    `${A}:app:other:1`,
    'x:1',
    `${A}:1-`,
    `${A}:9007199254740993`,
    `${A}:1,0-1-5`,
  ])('refuses %s', text => {
    expect(() => GtidSet.parse(text, 'mysql')).toThrow(/transaction id/);
  });

  test('a tagged and a plain transaction of one number differ', () => {
    const set = GtidSet.parse(`${A}:app:4`);
    expect(set.contains(parseGtid(`${A}:app:4`))).toBe(true);
    expect(set.contains(parseGtid(`${A}:4`))).toBe(false);
  });

  test('covers needs every transaction', () => {
    const set = GtidSet.parse(`${A}:1-10:20-30`);
    for (const text of ['', `${A}:1-10`, `${A}:3:22-30`]) {
      expect(set.covers(GtidSet.parse(text))).toBe(true);
    }
    for (const text of [`${A}:11`, `${A}:9-12`, `${A}:5-25`, `${B}:1`, `${A}:x:1`]) {
      expect(set.covers(GtidSet.parse(text))).toBe(false);
    }
  });

  test('a copy is not changed with its original', () => {
    const set = GtidSet.parse(`${A}:1-3`);
    const copy = set.clone();
    set.add(parseGtid(`${A}:4`));
    expect(copy.toString()).toBe(`${A}:1-3`);
  });
});

describe('MariaDB positions', () => {
  test.each([
    ['0-1-5', '0-1-5'],
    ['2-7-9,0-1-5', '0-1-5,2-7-9'],
    ['0-1-5,0-2-9', '0-2-9'],
  ])('%s', (text, canonical) => {
    const set = GtidSet.parse(text);
    expect(set.flavor).toBe('mariadb');
    expect(set.toString()).toBe(canonical);
  });

  test('a position holds all that came before it in its domain', () => {
    const set = GtidSet.parse('0-1-5', 'mariadb');
    expect(set.contains(parseGtid('0-9-5'))).toBe(true);
    expect(set.contains(parseGtid('0-1-6'))).toBe(false);
    expect(set.contains(parseGtid('1-1-1'))).toBe(false);
    set.add(parseGtid('0-2-6'));
    set.add(parseGtid('0-1-4'));
    expect(set.toString()).toBe('0-2-6');
    expect(set.covers(GtidSet.parse('0-1-6', 'mariadb'))).toBe(true);
    expect(set.covers(GtidSet.parse('0-1-6,3-1-1', 'mariadb'))).toBe(false);
    expect(set.union(GtidSet.parse('3-4-1', 'mariadb')).toString()).toBe('0-2-6,3-4-1');
  });

  test('refuses the ids of MySQL', () => {
    expect(() => GtidSet.parse(`${A}:1`, 'mariadb')).toThrow(/transaction id/);
  });
});

test.each([`${A}:7`, `${A}:app:7`])('prints %s as it was', text => {
  expect(printGtid(parseGtid(text), 'mysql')).toBe(text);
});

test('prints 0-3-7 as it was', () => {
  expect(printGtid(parseGtid('0-3-7'), 'mariadb')).toBe('0-3-7');
});

const sources = [A, B, `${A}:app`];
const member = fc.record({
  source: fc.constantFrom(...sources),
  number: fc.integer({ min: 1, max: 40 }),
});

test('property: a set is what a plain set of pairs is', () => {
  fc.assert(
    fc.property(
      fc.array(member, { maxLength: 60 }),
      fc.array(member, { maxLength: 60 }),
      (xs, ys) => {
        const name = (m: { source: string; number: number }): string => `${m.source}/${m.number}`;
        const make = (ms: typeof xs): GtidSet => {
          const set = new GtidSet('mysql');
          for (const m of ms) set.add({ ...m, server: 0 });
          return set;
        };
        const [x, y] = [new Set(xs.map(name)), new Set(ys.map(name))];
        const [a, b] = [make(xs), make(ys)];
        for (const source of sources) {
          for (let number = 0; number <= 42; number++) {
            expect(a.contains({ source, number })).toBe(x.has(name({ source, number })));
          }
        }
        expect(a.covers(b)).toBe([...y].every(m => x.has(m)));
        expect(GtidSet.parse(a.toString(), 'mysql').equals(a)).toBe(true);
        const joined = a.clone().union(b);
        expect(joined.toString()).toBe(make([...xs, ...ys]).toString());
        expect(joined.covers(a) && joined.covers(b)).toBe(true);
      },
    ),
  );
});

test('property: intervals in any order make the same set', () => {
  const interval = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 12 }));
  fc.assert(
    fc.property(fc.array(interval, { maxLength: 25 }), list => {
      const set = new GtidSet('mysql');
      const plain = new GtidSet('mysql');
      for (const [first, more] of list) {
        set.addInterval(A, first, first + more);
        for (let n = first; n <= first + more; n++) plain.add({ source: A, number: n, server: 0 });
      }
      expect(set.toString()).toBe(plain.toString());
    }),
  );
});
