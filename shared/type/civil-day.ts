/**
 * Days since 1970-01-01 and calendar dates, proleptic Gregorian, years 0 to 9999 (the range that
 * MySQL can store). Arithmetic only: Date objects cost more and stumble over the years 0 to 99.
 *
 * MySQL also stores dates that no calendar has: '0000-00-00', '2024-05-00', '2024-02-31'. To make
 * them null or the epoch, as others do, is to change them. They get numbers of their own, before
 * the first day of the year 0, made of their digits: so a column of dates keeps one schema for all
 * of its values, a consumer that knows the rule (docs/TYPES.md) has the very digits, and one that
 * does not finds a day 13,000 years before Christ, which no database takes for a real one.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { writeFixed } from './digits.ts';

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = (((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) | 0) + day - 1;
  const dayOfEra = yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}

/** '0000-00-00'. The others follow, up to 5,120,000 days later: all before the year 0. */
const NO_DAY = -10_000_000;
/** '0000-01-01' */
const FIRST_DAY = -719_528;

/** The number of a date, whether or not a calendar has it. */
export function dayOf(year: number, month: number, day: number): number {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 1 : 0;
  if (month < 1 || month > 12 || day < 1 || day > (MONTH_DAYS[month - 1] ?? 0) + leap) {
    return NO_DAY + ((year << 9) | (month << 5) | day);
  }
  return dayNumber(year, month, day);
}

/** The 'YYYY-MM-DD' at `pos` as a day number. */
export function dayFromText(src: Buffer, pos: number): number {
  const year =
    at(src, pos) * 1000 + at(src, pos + 1) * 100 + at(src, pos + 2) * 10 + at(src, pos + 3) - 53328;
  return dayOf(year, twoDigits(src, pos + 5), twoDigits(src, pos + 8));
}

export function twoDigits(src: Buffer, pos: number): number {
  return at(src, pos) * 10 + at(src, pos + 1) - 528;
}

/** Writes 'YYYY-MM-DD' without quotes. Room must be there. */
export function writeDay(out: ByteWriter, day: number): void {
  if (day < FIRST_DAY) {
    const digits = day - NO_DAY;
    writeDate(out, digits >> 9, (digits >> 5) & 15, digits & 31);
    return;
  }
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
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  writeDate(out, year, month, dayOfYear - (((153 * shifted + 2) / 5) | 0) + 1);
}

function writeDate(out: ByteWriter, year: number, month: number, day: number): void {
  writeFixed(out, year, 4);
  out.buf[out.pos++] = 0x2d;
  writeFixed(out, month, 2);
  out.buf[out.pos++] = 0x2d;
  writeFixed(out, day, 2);
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
