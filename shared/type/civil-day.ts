/**
 * Days since 1970-01-01 and calendar dates, proleptic Gregorian, years 0 to 9999 (the range that
 * MySQL can store). Arithmetic only: Date objects cost more and stumble over the years 0 to 99.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { writeFixed } from './digits.ts';
import { notCarried, type Place } from './value-codec.ts';

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = (((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) | 0) + day - 1;
  const dayOfEra = yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/** Zero dates and days that no calendar has (ALLOW_INVALID_DATES) have no day number. */
export function checkedDay(year: number, month: number, day: number, place: Place): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (month < 1 || month > 12 || day < 1 || day > (MONTH_DAYS[month - 1] ?? 0) + leap) {
    throw notCarried(
      place,
      'a zero or impossible date (month or day 0, or past the end of its month)',
      'UPDATE those rows to NULL or to a real date',
    );
  }
  return dayNumber(year, month, day);
}

/** The 'YYYY-MM-DD' at `pos` as a day number. */
export function dayFromText(src: Buffer, pos: number, place: Place): number {
  const year =
    at(src, pos) * 1000 + at(src, pos + 1) * 100 + at(src, pos + 2) * 10 + at(src, pos + 3) - 53328;
  return checkedDay(year, twoDigits(src, pos + 5), twoDigits(src, pos + 8), place);
}

export function twoDigits(src: Buffer, pos: number): number {
  return at(src, pos) * 10 + at(src, pos + 1) - 528;
}

/** Writes 'YYYY-MM-DD' without quotes. Room must be there. */
export function writeDay(out: ByteWriter, day: number): void {
  const z = day + 719468;
  const era = Math.floor(z / 146097);
  const dayOfEra = z - era * 146097;
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1460) | 0) + ((dayOfEra / 36524) | 0) - ((dayOfEra / 146096) | 0)) /
      365) |
    0;
  const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0));
  const shifted = ((5 * dayOfYear + 2) / 153) | 0;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  writeFixed(out, yearOfEra + era * 400 + (month <= 2 ? 1 : 0), 4);
  out.buf[out.pos++] = 0x2d;
  writeFixed(out, month, 2);
  out.buf[out.pos++] = 0x2d;
  writeFixed(out, dayOfYear - (((153 * shifted + 2) / 5) | 0) + 1, 2);
}

/** Writes 'HH:MM:SS' of a second of the day, or of more hours than that. Room must be there. */
export function writeClock(out: ByteWriter, seconds: number): void {
  const hours = Math.floor(seconds / 3600);
  const rest = seconds - hours * 3600;
  const minutes = (rest / 60) | 0;
  writeFixed(out, hours, hours > 99 ? 3 : 2);
  out.buf[out.pos++] = 0x3a;
  writeFixed(out, minutes, 2);
  out.buf[out.pos++] = 0x3a;
  writeFixed(out, rest - minutes * 60, 2);
}
