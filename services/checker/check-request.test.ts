/** A check says a word of the tables that it was asked for, or none. */
import { expect, test } from 'vitest';
import { tablesOf, unknownTable } from './check-request.ts';

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
