import { expect, test } from 'vitest';
import { describeSpread } from './route.ts';

const SPREAD = {
  table: 'orders',
  route: 'hash of id',
  rows: 400,
  isSample: false,
  targets: [
    { target: 't1', rows: 300 },
    { target: 't2', rows: 100 },
  ],
  nowhere: 0,
  staying: null,
  unrouted: null,
};

test('shows the share of each target as a bar', () => {
  expect(describeSpread(SPREAD, 100).split('\n')).toEqual([
    'orders: hash of id (400 rows)',
    '  target  rows   share',
    `  t1       300  75.0 %  ${'#'.repeat(30)}`,
    `  t2       100  25.0 %  ${'#'.repeat(10)}`,
  ]);
});

test('a cluster that grows: what stays is told beside what moves', () => {
  const targets = [{ target: 'c3', rows: 100 }];
  expect(
    describeSpread({ ...SPREAD, staying: 300, targets }, 100)
      .split('\n')
      .slice(2),
  ).toEqual([
    `  (where they are)   300  75.0 %  ${'#'.repeat(30)}`,
    `  c3                 100  25.0 %  ${'#'.repeat(10)}`,
  ]);
});

test('rows that a function sends nowhere are told', () => {
  const lines = describeSpread({ ...SPREAD, unrouted: 200 }, 100).split('\n');
  expect(lines.at(-1)).toBe(`  (no target)   200  50.0 %  ${'#'.repeat(20)}`);
});

test('what is wrong comes first: rows that no target would get', () => {
  const [first] = describeSpread({ ...SPREAD, nowhere: 7 }, 100).split('\n');
  expect(first).toMatch(/7 rows have no target/);
});

test('a sample says that it is one', () => {
  expect(describeSpread({ ...SPREAD, isSample: true }, 100)).toMatch(/a sample of 400 rows/);
});
