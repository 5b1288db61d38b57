/**
 * All that the product knows of one family of column types, behind one interface: whoever adds a
 * type writes one file, and the compiler names every question that it has to answer. Switches over
 * types spread over the rooms had a silent default each, and a new type fell into all of them.
 *
 * Contract: every answer is total over the family, and no answer guesses. SQL expressions get `c`,
 * the quoted name of the column, and hold on MySQL and MariaDB alike. For one stored value
 * - `select` prints what `codec().fromText` reads, with every digit of the value;
 * - `rowText` of two values is the same text only if they are the same value;
 * - `keyLiteral` prints a literal that finds the row again, whatever the server's character sets.
 */
import type { ColumnType } from './column-type.ts';
import type { DeclaredType } from './declared-type.ts';
import type { SeenColumn } from './seen-column.ts';
import type { Place, ValueCodec } from './value-codec.ts';

/** How a value is told in the text of a row that is hashed (shared/mysql/row-hash.ts). */
export type RowText =
  /** Of an alphabet without commas. */
  | { closed: string }
  /** Any bytes, cut by their length. */
  | { length: string; content: string }
  /** Ends where its own grammar says; `kinds` is NULL, or begins as no document does. */
  | { document: string; kinds: string };

/** Why a column cannot be carried, or be part of a key, and what to do about it. */
export type Refusal = { reason: string; remedy: string };

export interface TypeFamily<T extends ColumnType> {
  /** The type that INFORMATION_SCHEMA words so; null if it is not of this family. */
  declare(declared: DeclaredType): T | null;
  /** Whether the binlog's own metadata of a column is of this very type. */
  matches(type: T, seen: SeenColumn): boolean;
  codec(type: T, place: Place): ValueCodec;
  /** Null when every value of it can be carried. */
  refusal(type: T): Refusal | null;
  /**
   * Null when keys of it can be told apart: those of other bytes are other keys, or (text) the
   * spellings of a key have a class in common (shared/row/key-class.ts).
   */
  keyRefusal(type: T): Refusal | null;
  /** What the snapshot selects. */
  select(c: string, type: T): string;
  rowText(type: T, c: string): RowText;
  /** SQL that prints the literal of a key column; null if it may not be part of a key. */
  keyLiteral(c: string, type: T): string | null;
  /** The index is ordered by a number, and by no text of the value: so must bounds be. */
  readonly byNumber: boolean;
  /** That number, of the text that the codec carries; only asked where `byNumber`. */
  numberOf(type: T, text: string): string;
  /** The literal that `keyLiteral` has printed, for people. */
  readable(type: T, literal: string): string;
  /** What `select` would print for a text that people write; throws NotOfType. */
  printed(type: T, text: string): Buffer;
  /** Types with the same meaning have the same row texts. */
  meaning(type: T): string;
  /**
   * Whether `is` holds every value of `was`, and more of them: each is the same bytes in the log, and
   * an ALTER TABLE from the one to the other changes none. How texts compare is not looked at.
   */
  isWider(was: T, is: T): boolean;
  words(type: T): string;
  /** Most bytes of a value in the log. */
  maxBytes(type: T): number;
  /** SQL of the bytes that a value takes; null where `maxBytes` is near enough. */
  measure(c: string): string | null;
}

/** A text that people wrote is no value of the type; the message goes behind the column's name. */
export class NotOfType extends Error {}

/** The text as the server prints it, if it has the form of the type. */
export function plainText(text: string, form: RegExp, kind: string): Buffer {
  if (!form.test(text)) throw new NotOfType(`is not a ${kind}`);
  return Buffer.from(text, 'latin1');
}

/** Literals of numbers stand as they are, others in quotes. */
export function unquoted(literal: string): string {
  return literal.replace(/^'(.*)'$/, '$1');
}

export function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((x, i) => x === b[i]);
}

/** For families whose order is that of their literals. */
export const ORDERED_BY_VALUE = {
  byNumber: false,
  numberOf: (_: ColumnType, text: string): string => text,
} as const;

/** For families of bytes that no server takes into a key; `printed` says what it is instead. */
export const NEVER_A_KEY = {
  ...ORDERED_BY_VALUE,
  refusal: () => null,
  keyRefusal: () => null,
  select: (c: string) => c,
  rowText: (_: ColumnType, c: string) => ({
    length: `LENGTH(${c})`,
    content: `CAST(${c} AS BINARY)`,
  }),
  keyLiteral: () => null,
  readable: (_: ColumnType, literal: string) => literal,
  measure: (c: string) => `LENGTH(${c})`,
} as const;
