/** A check says a word of the tables that it was asked for, or none. */
import { expect, test } from 'vitest';
import { SCHEDULE } from '../../shared/job/state/check-schedule.ts';
import {
  isToLeave,
  nextCheck,
  scopedTable,
  standOf,
  tablesOf,
  unknownTable,
} from './check-request.ts';

const job = { tables: [{ name: 'customers' }, { name: 'orders' }] };

test('a request without tables is of all of them', () => {
  expect(tablesOf({ tables: [] }, job)).toEqual(['customers', 'orders']);
  expect(tablesOf({ tables: ['orders'] }, job)).toEqual(['orders']);
});

test('a request with a table that the job does not have is refused, whatever else it names', () => {
  expect(tablesOf({ tables: ['new'] }, job)).toBeNull();
  expect(tablesOf({ tables: ['orders', 'new'] }, job)).toBeNull();
  expect(unknownTable({ tables: ['orders', 'new'] }, job).message).toBe(
    'nothing was compared: the job has no new',
  );
});

test('a check of a scope has no basis that a proof could stand on', () => {
  const bases = { orders: 's1=1;doubts=0' };
  const scope = { from: null, to: null, where: 'id > 1' };
  expect(standOf({}, bases)).toEqual({ bases });
  expect(standOf({ scope: null }, bases)).toEqual({ bases });
  expect(standOf({ scope }, bases)).toEqual({ bases: {}, scopeBases: bases });
});

test('a scope is one of one table', () => {
  const scope = { from: null, to: null, where: 'id > 1' };
  const asked = { ...request('verify-1', 1), scope };
  expect(scopedTable(asked, ['orders'])).toBe('orders');
  expect(scopedTable(request('verify-1', 1), ['customers', 'orders'])).toBeNull();
  for (const names of [[], ['customers', 'orders']]) {
    expect(() => scopedTable(asked, names)).toThrow('a scope is one of one table');
  }
});

const request = (id: string, requestedMs: number, by?: string) => {
  return { id, requestedMs, tables: [], ...(by === undefined ? {} : { by }) };
};

test('what somebody has asked for comes before what the schedule has, each in turn', () => {
  const own = request('verify-1', 1, SCHEDULE);
  const [old, ann] = [request('verify-3', 3), request('verify-2', 4, 'ann')];
  expect(nextCheck([own, ann, old])).toBe(old);
  expect(nextCheck([own, ann])).toBe(ann);
  expect(nextCheck([own])).toBe(own);
  expect(nextCheck([])).toBeUndefined();
});

test('a check of the schedule is left for another one, and one that is withdrawn for none', () => {
  const own = request('verify-1', 1, SCHEDULE);
  const ann = request('verify-2', 2, 'ann');
  expect(isToLeave(own, [own])).toBe(false);
  expect(isToLeave(own, [own, ann])).toBe(true);
  expect(isToLeave(ann, [ann, own, request('verify-3', 3, 'bob')])).toBe(false);
  expect(isToLeave(ann, [own])).toBe(true);
});
