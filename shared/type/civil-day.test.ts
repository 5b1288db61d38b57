import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import { dayFromText, dayOf, writeDay } from './civil-day.ts';

function written(day: number): string {
  const out = new ByteWriter(16);
  out.reserve(16);
  writeDay(out, day);
  return out.take().toString('latin1');
}

const two = (n: number): string => String(n).padStart(2, '0');

describe('a date is its digits, whether a calendar has it or not', () => {
  const years = [0, 1, 4, 100, 1582, 1900, 1970, 2000, 2023, 2024, 9999];

  test('every month and day of some years comes back as it was written', () => {
    const numbers = new Map<number, string>();
    for (const year of years) {
      for (let month = 0; month <= 12; month++) {
        for (let day = 0; day <= 31; day++) {
          const text = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
          const number = dayOf(year, month, day);
          expect(written(number)).toBe(text);
          expect(dayFromText(Buffer.from(text), 0)).toBe(number);
          expect(numbers.get(number)).toBeUndefined();
          numbers.set(number, text);
        }
      }
    }
  });

  test('one that a calendar has is the day that everybody knows', () => {
    expect(dayOf(1970, 1, 1)).toBe(0);
    expect(dayOf(2024, 2, 29)).toBe(Date.UTC(2024, 1, 29) / 86_400_000);
  });

  test('one that none has is before the first day of the year 0', () => {
    for (const year of years) expect(dayOf(year, 0, 0)).toBeLessThan(dayOf(0, 1, 1));
    expect(dayOf(0, 0, 0)).toBe(-10_000_000);
  });
});
