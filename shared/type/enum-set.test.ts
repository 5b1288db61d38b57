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

test.each([[['a', 'b']], [['', 'a']], [['a', '', '\0']], [['0', '1', '']]])(
  'each value of a key of %j has a name of its own, and comes back by it',
  values => {
    const numbers = Array.from({ length: values.length + 1 }, (_, i) => String(i));
    const sets = Array.from({ length: 2 ** values.length }, (_, i) => String(i));
    const ofEnum = { kind: 'enum' as const, values };
    const ofSet = { kind: 'set' as const, values };
    const names = numbers.map(n => ENUM.readable(ofEnum, n));
    expect(names.map(n => ENUM.printed(ofEnum, n).toString())).toEqual(numbers);
    expect(names.map(n => ENUM.numberOf(ofEnum, n))).toEqual(numbers);
    const chosen = sets.map(n => SET.readable(ofSet, n));
    expect(chosen.map(n => SET.printed(ofSet, n).toString())).toEqual(sets);
  },
);
