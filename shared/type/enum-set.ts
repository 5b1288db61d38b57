/**
 * ENUM and SET: a string, as Debezium has it. Both ways in carry the stored number, not the text:
 * the snapshot selects CAST(column AS UNSIGNED), because a member may itself be '' and the text
 * could not tell it from the error value (number 0). That one is '' in the log too, or a text that
 * is no member where '' is one. Stored again it makes the server warn, which strict sessions
 * refuse: the sink knows such rows by `isErrorValue`.
 *
 * Keys are compared by number as well: by its text the member '' is equal to the error value, and
 * where the server reads rows without the index it would take the one for the other.
 */
import { at, type ByteWriter, ByteWriter as Writer } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint } from './avro-read.ts';
import type { ColumnType } from './column-type.ts';
import { listedValues } from './declared-type.ts';
import { parseDigits } from './digits.ts';
import { writeQuoted } from './quoted.ts';
import { TYPE_CODE } from './seen-column.ts';
import { textAt } from './text.ts';
import { NotOfType, type Refusal, sameList, type TypeFamily } from './type-family.ts';
import { type AvroSchema, corrupt, type Place, type ValueCodec } from './value-codec.ts';

function annotated(name: string, values: string[]): AvroSchema {
  return {
    type: 'string',
    'connect.version': 1,
    'connect.parameters': { allowed: values.join(',') },
    'connect.name': name,
  };
}

function avroString(text: string): Buffer {
  const bytes = Buffer.from(text);
  const out = new Writer(bytes.length + 10);
  out.varint(bytes.length);
  out.copy(bytes, 0, bytes.length);
  return out.take();
}

/** Of the error value: the empty text, or where that is a member one that is none. */
function errorText(values: readonly string[]): string {
  let text = '';
  while (values.includes(text)) text += '\0';
  return text;
}

export class EnumCodec implements ValueCodec {
  readonly avro: AvroSchema;
  /** Avro bytes by index; 0 is the error value ''. */
  readonly #members: Buffer[];
  readonly #bytes: number;
  /** Avro bytes of the error value. */
  readonly #error: Buffer;
  readonly #values: readonly string[];
  readonly #place: Place;

  constructor(values: string[], place: Place) {
    this.avro = annotated('io.debezium.data.Enum', values);
    const error = errorText(values);
    this.#members = [error, ...values].map(avroString);
    this.#error = avroString(error);
    this.#bytes = values.length > 255 ? 2 : 1;
    this.#values = values;
    this.#place = place;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    this.#write(parseDigits(src, start, end), out);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    this.#write(this.#bytes === 1 ? at(src, pos) : src.readUInt16LE(pos), out);
    return pos + this.#bytes;
  }

  passBinlog(_src: Buffer, pos: number): number {
    return pos + this.#bytes;
  }

  #write(index: number, out: ByteWriter): void {
    const member = this.#members[index];
    if (member === undefined) throw corrupt(this.#place, 'ENUM index past the declared members');
    out.copy(member, 0, member.length);
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  isErrorValue(buf: Buffer, pos: number): boolean {
    const end = skipBytes(buf, pos);
    return end - pos === this.#error.length && this.#error.compare(buf, pos, end) === 0;
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    // No member has the number 0, whatever the members are.
    if (this.isErrorValue(buf, pos)) {
      out.u8(0x30);
      return;
    }
    const start = skipVarint(buf, pos);
    writeQuoted(buf, start, start + byteLength(buf, pos), out);
  }

  toKeySql(buf: Buffer, pos: number, out: ByteWriter): void {
    // The text of the error value is no member.
    const digits = Buffer.from(String(1 + this.#values.indexOf(textAt(buf, pos))));
    out.copy(digits, 0, digits.length);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    const text = textAt(buf, pos);
    const number = 1 + this.#values.indexOf(text);
    writeMember(this.#values, number, number === 0 ? '' : text, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return textAt(buf, pos);
  }
}

/** Combinations are remembered up to this many, so that a wide SET stays bounded. */
const REMEMBERED_SETS = 1024;

/**
 * The member '' alone, which the server prints as it prints no member at all: as a text that every
 * server takes for it, since it has the member '' twice.
 */
const EMPTY_MEMBER = ',';

/** As the log has it: each combination has a text of its own. */
function chosenText(values: readonly string[], mask: bigint): string {
  const chosen = values.filter((_, i) => (mask >> BigInt(i)) & 1n);
  return chosen.length === 1 && chosen[0] === '' ? EMPTY_MEMBER : chosen.join(',');
}

/** As servers print it: no comma stands behind a text that is empty so far. */
function printedSet(text: string): string {
  return text.replace(/^,/, '');
}

class SetCodec implements ValueCodec {
  readonly avro: AvroSchema;
  readonly #values: string[];
  readonly #bytes: number;
  readonly #place: Place;
  readonly #known = new Map<number | bigint, Buffer>();

  constructor(values: string[], place: Place) {
    this.avro = annotated('io.debezium.data.EnumSet', values);
    this.#values = values;
    const packed = (values.length + 7) >> 3;
    this.#bytes = packed > 4 ? 8 : packed;
    this.#place = place;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    this.#write(
      end - start > 15 ? BigInt(src.toString('latin1', start, end)) : parseDigits(src, start, end),
      out,
    );
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    if (this.#bytes <= 4) this.#write(src.readUIntLE(pos, this.#bytes), out);
    else {
      const mask = src.readBigUInt64LE(pos);
      this.#write(mask < 1000000000000000n ? Number(mask) : mask, out);
    }
    return pos + this.#bytes;
  }

  #write(mask: number | bigint, out: ByteWriter): void {
    let bytes = this.#known.get(mask);
    if (bytes === undefined) {
      bytes = avroString(this.#text(BigInt(mask)));
      if (this.#known.size < REMEMBERED_SETS) this.#known.set(mask, bytes);
    }
    out.copy(bytes, 0, bytes.length);
  }

  #text(mask: bigint): string {
    if (mask >> BigInt(this.#values.length) !== 0n) {
      throw corrupt(this.#place, 'SET bit past the declared members');
    }
    return chosenText(this.#values, mask);
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    writeQuoted(buf, start, start + byteLength(buf, pos), out);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    const text = textAt(buf, pos);
    writeMember(this.#values, bitsOf(this.#values, text), printedSet(text), out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return textAt(buf, pos);
  }
}

type EnumType = Extract<ColumnType, { kind: 'enum' }>;
type SetType = Extract<ColumnType, { kind: 'set' }>;

const LENGTH_BYTES_MAX = 5;

const memberList = (kind: string, values: readonly string[]): string =>
  `${kind}(${values.map(v => `'${v}'`).join(',')})`;

/**
 * The number says all, if both sides have the same members. A `?` may be the server's way to print
 * a character that it cannot (shared/mysql/true-members.ts): then the text is told too, in one
 * character set, as the sides may have two. Private characters (charset.ts) have no text, and only
 * who has asked for the true members has them.
 */
function isDoubted(values: readonly string[]): boolean {
  const hasPrivate = values.some(v => /[\u{f0000}-\u{10ffff}]/u.test(v));
  return !hasPrivate && values.some(v => /\?|[\u{10000}-\u{10ffff}]/u.test(v));
}

function memberText(values: readonly string[], c: string): string {
  const number = `CAST(${c} AS UNSIGNED)`;
  return isDoubted(values) ? `CONCAT(${number},':',HEX(CONVERT(${c} USING utf8mb4)))` : number;
}

/** The same; `text`: as the server prints it. */
function writeMember(
  values: readonly string[],
  number: number | bigint,
  text: string,
  out: ByteWriter,
): void {
  out.ascii(number.toString());
  if (isDoubted(values)) out.ascii(`:${Buffer.from(text).toString('hex').toUpperCase()}`);
}

export const ENUM: TypeFamily<EnumType> = {
  declare: ({ dataType, columnType }) =>
    dataType === 'enum' ? { kind: 'enum', values: listedValues(columnType) } : null,
  matches: ({ values }, seen) => seen.code === TYPE_CODE.ENUM && sameList(seen.values, values),
  codec: ({ values }, place) => new EnumCodec(values, place),
  refusal: ({ values }) => sameTexts(values),
  keyRefusal: () => null,
  select: c => `CAST(${c} AS UNSIGNED)`,
  rowText: ({ values }, c) => ({ closed: memberText(values, c) }),
  keyLiteral: c => `CAST(${c} AS UNSIGNED)`,
  byNumber: true,
  numberOf: ({ values }, text) => String(1 + values.indexOf(text)),
  readable: ({ values }, literal) => values[Number(literal) - 1] ?? errorText(values),
  printed: ({ values }, text) =>
    Buffer.from(String(text === errorText(values) ? 0 : 1 + memberIndex(values, text))),
  meaning: ({ values }) => `enum${JSON.stringify(values)}`,
  isWider: hasMoreMembers,
  words: ({ values }) => memberList('enum', values),
  maxBytes: ({ values }) =>
    Math.max(0, ...values.map(v => Buffer.byteLength(v))) + LENGTH_BYTES_MAX,
  measure: () => null,
};

export const SET: TypeFamily<SetType> = {
  declare: ({ dataType, columnType }) =>
    dataType === 'set' ? { kind: 'set', values: listedValues(columnType) } : null,
  matches: ({ values }, seen) => seen.code === TYPE_CODE.SET && sameList(seen.values, values),
  codec: ({ values }, place) => new SetCodec(values, place),
  refusal: ({ values }) => sameTexts(values),
  keyRefusal: () => null,
  select: c => `CAST(${c} AS UNSIGNED)`,
  rowText: ({ values }, c) => ({ closed: memberText(values, c) }),
  keyLiteral: c => `CAST(${c} AS UNSIGNED)`,
  byNumber: true,
  numberOf: ({ values }, text) => String(bitsOf(values, text)),
  readable: ({ values }, literal) => chosenText(values, BigInt(literal)),
  printed: ({ values }, text) => Buffer.from(String(bitsOf(values, text))),
  meaning: ({ values }) => `set${JSON.stringify(values)}`,
  isWider: hasMoreMembers,
  words: ({ values }) => memberList('set', values),
  maxBytes: ({ values }) =>
    values.reduce((sum, v) => sum + Buffer.byteLength(v) + 1, LENGTH_BYTES_MAX),
  measure: () => null,
};

/**
 * Members at the end leave the numbers of the others alone. The empty text, and one of NUL
 * alone, may be that of the error value, or of no member at all.
 */
function hasMoreMembers(was: { values: string[] }, is: { values: string[] }): boolean {
  const more = is.values.slice(was.values.length);
  const isStart = sameList(was.values, is.values.slice(0, was.values.length));
  return isStart && more.length > 0 && !more.some(v => /^\0*$/.test(v));
}

/** A session that is not strict makes them, and the log has members by their texts. */
function sameTexts(values: readonly string[]): Refusal | null {
  if (new Set(values).size === values.length) return null;
  return {
    reason: 'two of its members are the same text',
    remedy: 'ALTER TABLE ... MODIFY the column with members that differ',
  };
}

function memberIndex(values: readonly string[], text: string): number {
  const index = values.indexOf(text);
  if (index < 0) throw new NotOfType('is not a member');
  return index;
}

function bitsOf(values: readonly string[], chosen: string): bigint {
  let bits = 0n;
  for (const member of chosen === '' ? [] : chosen.split(',')) {
    bits |= 1n << BigInt(memberIndex(values, member));
  }
  return bits;
}
