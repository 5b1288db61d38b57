/** Members that the log could not tell apart. */
import { expect, test } from 'vitest';
import { ENUM, SET } from './enum-set.ts';

test('members that are the same text are refused, others are not', () => {
  for (const values of [
    ['a', 'b', 'a'],
    ['?', 'x', '?'],
  ]) {
    expect(ENUM.refusal({ kind: 'enum', values })?.reason).toMatch(/the same text/);
    expect(SET.refusal({ kind: 'set', values })?.reason).toMatch(/the same text/);
  }
  expect(ENUM.refusal({ kind: 'enum', values: ['a', 'A', 'a ', ''] })).toBeNull();
  expect(SET.refusal({ kind: 'set', values: ['a', 'b'] })).toBeNull();
});
