/** MariaDB's domains: when one number stands for all that came before it, and when it does not. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Gtid, GtidSet } from './gtid.ts';
import { domainFaults } from './gtid-domain.ts';
import { StreamPosition } from './position.ts';

test('several servers in a domain without strict mode, or numbers that went back, are faults', () => {
  expect(domainFaults('0-1-9', '0-1-9', false)).toEqual([]);
  expect(domainFaults('0-1-9,0-2-12,1-7-3', '0-2-12,1-7-3', true)).toEqual([]);
  expect(domainFaults('0-1-9,0-2-12', '0-2-12', false)).toMatchObject([{ kind: 'servers' }]);
  expect(domainFaults('0-1-12,0-2-10', '0-2-10', true)).toEqual([
    { kind: 'went-back', domain: '0', last: '0-2-10', highest: '0-1-12' },
  ]);
});

const event = fc.record({
  source: fc.constantFrom('0', '1'),
  server: fc.integer({ min: 1, max: 3 }),
  number: fc.integer({ min: 1, max: 12 }),
});

/**
 * The model is the binlog itself: what is in the log is what was streamed. As long as the position
 * takes a transaction, its set must say of every transaction of the binlog exactly that.
 */
test('property: a stream that is taken is told exactly; the first number that goes back is not taken', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 14 }), binlog => {
      const position = new StreamPosition(new GtidSet('mariadb'), null, 0);
      const streamed: Gtid[] = [];
      for (const gtid of binlog) {
        const goesBack = streamed.some(g => g.source === gtid.source && g.number >= gtid.number);
        if (goesBack) {
          expect(() => position.begin(gtid, 's:1')).toThrow(/numbers of a domain go back/);
          return;
        }
        expect(position.published().contains(gtid)).toBe(false);
        position.begin(gtid, 's:1');
        position.commit();
        streamed.push(gtid);
        for (const g of streamed) expect(position.published().contains(g)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test('property: without the last transaction, a set is what it was before it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), numbers => {
      const source = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
      const set = new GtidSet('mysql');
      const unique = [...new Set(numbers)];
      for (const number of unique.slice(1)) set.add({ source, number, server: 0 });
      const before = set.toString();
      const last = { source, number: unique[0] ?? 1, server: 0 };
      set.add(last);
      expect(set.without(last, null).toString()).toBe(before);
      expect(set.contains(last)).toBe(true);
    }),
  );
  const maria = GtidSet.parse('0-1-9,1-2-3', 'mariadb');
  const last = { source: '0', server: 1, number: 9 };
  expect(maria.without(last, { source: '0', server: 4, number: 8 }).toString()).toBe('0-4-8,1-2-3');
  expect(maria.without(last, null).toString()).toBe('1-2-3');
});

test('a transaction of the same number as one in part in the log is refused by its commit time', () => {
  const text = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
  const open = (): StreamPosition =>
    new StreamPosition(GtidSet.parse(`${text}:1-4`), `${text}:5`, 3, { partialStamp: 'us:70' });
  const gtid = { source: text, number: 5, server: 0 };
  expect(() => open().begin(gtid, 'us:71')).toThrow(/number of one in the log/);
  open().begin(gtid, 'us:70');
  expect(() => open().begin({ ...gtid, number: 4 }, 'us:1')).toThrow(/number of one in the log/);
});
