/**
 * Two spellings of one key: for most collations of a server 'a', 'A' and 'á' are one primary key,
 * and 'a' and 'a ' are for nearly all. The bytes of a key name a spelling. Everything that must
 * keep the events of one key together (the partition, T2) takes the class of the key instead.
 *
 * Invariant: keys that the server holds equal have equal class bytes. Not the other way round: a
 * class may hold keys that are different for the server (all punctuation is left out below), so it
 * may decide where a key goes, and never that two keys are the same. What must know that asks by
 * bytes, as a change of spelling is a delete and a create in the log (T3); or it asks the server.
 *
 * The classes, by name; a plan keeps the names, so what a name means never changes:
 * - `bytes`: all bytes. Columns that are no text, and text of binary NO PAD collations.
 * - `trim-1`: all but the spaces at the end. Binary PAD SPACE collations.
 * - `zero-1`: all bytes, 0 for -0. FLOAT and DOUBLE, of which those two are the only equal ones.
 * - `letters-1/<table>`: the digits and Latin letters of a text, by the first level of the weights
 *   of a family of collations (key-letters.ts). The server compares two texts by the rows of their
 *   weights; so equal texts have the same rows, and also what is left when all but some weights are
 *   taken out of them.
 * - `none-1`: no byte. Any other collation: all texts of the column are in one class, which is slow
 *   where the key has no other column, and never wrong.
 * Checked against the weights that the servers say: key-class.mysql.test.ts.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { readVarint, skipVarint } from '../type/avro-read.ts';
import type { Column, ColumnType } from '../type/column-type.ts';
import { isByteExact } from '../type/text.ts';
import { columnCodec } from '../type/type-families.ts';
import { type LetterTable, letterTable } from './key-letters.ts';
import { keyColumns } from './key-range.ts';

const BYTES = 'bytes';
const TRIM = 'trim-1';
const ZERO = 'zero-1';
const NONE = 'none-1';
/** The class that holds all values of a column. */
export const COARSEST = NONE;
const LETTERS_OF = 'letters-1/';

/** By the name of the collation without its character set. */
const FAMILIES: readonly [RegExp, string][] = [
  [/^utf8(mb3|mb4)?_general(_nopad)?_ci$/, 'general'],
  [/^utf8(mb3|mb4)?_unicode(_nopad)?_ci$/, 'uca400'],
  [/^utf8(mb3|mb4)?_unicode_520(_nopad)?_ci$/, 'uca520'],
  // MariaDB has them as other names of those below. Letters that MySQL does not know yet are texts
  // of their own there, so one table serves for both.
  [/^utf8mb4_0900_(ai_ci|as_ci|as_cs)$/, 'uca1400'],
  [/^utf8(mb3|mb4)_uca1400_(nopad_)?(ai|as)_(ci|cs)$/, 'uca1400'],
  [/^latin1_swedish(_nopad)?_ci$/, 'swedish'],
  [/^ascii_general(_nopad)?_ci$/, 'ascii'],
];

/** Keys of other bytes may be one key for the server. */
export function hasSpellings(column: Column | undefined): boolean {
  return column !== undefined && (isFloat(column.type) || !isByteExact(column.type));
}

function isFloat({ kind }: ColumnType): boolean {
  return kind === 'float' || kind === 'double';
}

/** The class of each key column for a new plan; none at all if every one is by its bytes. */
export function keyClassesOf(schema: TableSchema): string[] {
  const names = keyColumns(schema).map(c => classOf(c.type));
  return names.every(name => name === BYTES) ? [] : names;
}

export function classOf(type: ColumnType): string {
  if (isFloat(type)) return ZERO;
  if (type.kind !== 'text' || isByteExact(type)) return BYTES;
  // Of any character set: the space is U+0020 in all of them, and no other code is.
  if (/^[a-z0-9]+_bin$/.test(type.collation)) return TRIM;
  const family = FAMILIES.find(([form]) => form.test(type.collation));
  return family === undefined ? NONE : LETTERS_OF + family[1];
}

const SPACE = 0x20;
/** Most letters of one character, for each of its bytes. */
const LETTERS_MAX = 4;

type ClassOf = (buf: Buffer, start: number, end: number, out: ByteWriter) => void;

/** Classes of the key columns of one table, by the names that its plan gives them. */
export class KeyClasses {
  readonly #columns: {
    skip: (buf: Buffer, pos: number) => number;
    write: ClassOf | null;
    isText: boolean;
  }[];

  constructor(schema: TableSchema, names: readonly string[]) {
    const columns = keyColumns(schema);
    if (names.length !== columns.length) throw unknownClass(schema, names.join());
    this.#columns = columns.map((column, i) => {
      const codec = columnCodec(schema.table, column);
      const name = names[i] ?? '';
      const write = name === BYTES ? null : writerOf(name);
      const isText = column.type.kind === 'text';
      const fits = name === ZERO ? isFloat(column.type) : isText || write === null;
      if (write === undefined || !fits) throw unknownClass(schema, name);
      return { skip: (buf, pos) => codec.skip(buf, pos), write, isText };
    });
  }

  /** Appends the class bytes of the canonical key at `start`. */
  write(buf: Buffer, start: number, out: ByteWriter): void {
    let pos = start;
    for (const { skip, write, isText } of this.#columns) {
      const end = skip(buf, pos);
      if (write === null) out.copy(buf, pos, end);
      else if (!isText) write(buf, pos, end, out);
      else {
        const text = skipVarint(buf, pos);
        write(buf, text, text + readVarint(buf, pos), out);
        // What follows is not taken for a part of this column.
        out.u8(0);
      }
      pos = end;
    }
  }
}

function writerOf(name: string): ClassOf | undefined {
  if (name === TRIM) return writeTrimmed;
  if (name === ZERO) return writeNumber;
  if (name === NONE) return () => {};
  const table = name.startsWith(LETTERS_OF)
    ? letterTable(name.slice(LETTERS_OF.length))
    : undefined;
  if (table === undefined) return undefined;
  return (buf, start, end, out) => writeLetters(table, buf, start, end, out);
}

/** Little-endian IEEE bits: -0 is the sign alone. */
function writeNumber(buf: Buffer, start: number, end: number, out: ByteWriter): void {
  const last = end - 1;
  let rest = at(buf, last) & 0x7f;
  for (let i = start; i < last; i++) rest |= at(buf, i);
  out.copy(buf, start, last);
  out.u8(rest === 0 ? 0 : at(buf, last));
}

function writeTrimmed(buf: Buffer, start: number, end: number, out: ByteWriter): void {
  let last = end;
  while (last > start && at(buf, last - 1) === SPACE) last -= 1;
  out.copy(buf, start, last);
}

function writeLetters(
  { ascii, others }: LetterTable,
  buf: Buffer,
  start: number,
  end: number,
  out: ByteWriter,
): void {
  out.reserve((end - start) * LETTERS_MAX + 1);
  const target = out.buf;
  let p = out.pos;
  for (let i = start; i < end; ) {
    const b = at(buf, i);
    if (b < 0x80) {
      const letter = at(ascii, b);
      target[p] = letter;
      // What is no letter is written over by the next one.
      p += letter === 0 ? 0 : 1;
      i += 1;
      continue;
    }
    const length = b < 0xe0 ? 2 : b < 0xf0 ? 3 : 4;
    const letters = others.get(codePoint(buf, i, length));
    if (letters !== undefined) for (const letter of letters) target[p++] = letter;
    i += length;
  }
  out.pos = p;
}

/** Of well-formed UTF-8: the server takes no other text. */
function codePoint(buf: Buffer, i: number, length: number): number {
  let point = at(buf, i) & (0xff >> (length + 1));
  for (let k = 1; k < length; k++) point = (point << 6) | (at(buf, i + k) & 0x3f);
  return point;
}

function unknownClass({ db, table }: TableSchema, name: string): ReshardError {
  return new ReshardError('job-changed', `the plan of ${db}.${table} has key classes "${name}"`, {
    remedy: 'run all members in the version that planned the table, or a later one',
  });
}
