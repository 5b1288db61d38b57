/**
 * One value for people: its first characters, made safe for a terminal and a page, and of a longer
 * one the length and a hash. What is there and what is not seen (a space of no width, a sign that
 * turns the writing round) is written as its number.
 */
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { columnHash } from '../../../shared/mysql/row-hash.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { familyOf } from '../../../shared/type/type-families.ts';
import { formOf } from './row-literal.ts';

export interface ShownValue {
  /** As people read it, in quotes if it is a text; null is NULL. */
  text: string | null;
  /** Length of the whole value. */
  bytes: number;
  /** Its end is not shown. */
  isCut: boolean;
  /** Of a value that is longer than what is shown, and of one that looks like the other side's. */
  hash?: string;
}

/** As it was read. */
export interface ReadValue extends ShownValue {
  /** Of the whole value; null of NULL. */
  exact: string | null;
}

const CHARACTERS_MAX = 120;
const HASH_DIGITS = 16;

/** Cells of a column in a SELECT. */
export const CELLS = 3;

/** Its first characters in hex, its length in bytes, a hash of the whole. */
export function columnSql(column: Column): string {
  const shown = shownSql(column);
  return `HEX(LEFT(${shown},${CHARACTERS_MAX})),LENGTH(${shown}),${columnHash(column)}`;
}

function shownSql({ name, type }: Column): string {
  const c = quoteId(name);
  switch (formOf(type)) {
    case 'bytes':
      return `CAST(${c} AS BINARY)`;
    case 'text':
      return type.kind === 'json' ? `CAST(${c} AS CHAR)` : `CONVERT(${c} USING utf8mb4)`;
    case 'plain':
      return type.kind === 'bit' ? `CAST(${c}+0 AS CHAR)` : `CAST(${plainSql(c, type)} AS CHAR)`;
  }
}

/** Floats with all their digits. */
function plainSql(c: string, type: Column['type']): string {
  const isFloat = type.kind === 'float' || type.kind === 'double';
  return isFloat ? familyOf(type).select(c, type) : c;
}

/** `cells`: what `columnSql` has answered. */
export function readValue({ type }: Column, cells: readonly (string | null)[]): ReadValue {
  const [hex = null, size = null, exact = null] = cells;
  if (hex === null) return { text: null, bytes: 0, isCut: false, exact: null };
  const shown = Buffer.from(hex, 'hex');
  const bytes = Number(size);
  const form = formOf(type);
  const text =
    form === 'bytes' ? `0x${hex.toLowerCase()}` : safeText(shown.toString('utf8'), form === 'text');
  return { text, bytes, isCut: bytes > shown.length, exact };
}

/** The value as it is shown beside the one of the other side. */
export function shownOf(
  value: ReadValue | undefined,
  other: ReadValue | undefined,
): ShownValue | null {
  if (value === undefined) return null;
  const { text, bytes, isCut, exact } = value;
  const isAlike = other !== undefined && looks(text) === looks(other.text);
  const needsHash = exact !== null && (isCut || isAlike);
  return { text, bytes, isCut, ...(needsHash ? { hash: exact.slice(0, HASH_DIGITS) } : {}) };
}

function looks(text: string | null): string | null {
  return text === null ? null : text.normalize('NFKC');
}

function safeText(text: string, isQuoted: boolean): string {
  const safe = text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, c => {
    return `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`;
  });
  return isQuoted ? `'${safe}'` : safe;
}
