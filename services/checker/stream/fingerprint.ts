/**
 * Fingerprints of rows as the log carries them, by the schema that a record names: 128 bits of the
 * SHA-256 of the row's columns that are not NULL, in the order of their names, each as
 *
 *   length of the name · name · kind · length of the value · value
 *
 * The value is Avro's own bytes, of which there is one form for a value: numbers by number, floats
 * by their bits, times by UTC, texts and documents by their UTF-8. INT and BIGINT are one kind, so
 * a column that was made wider holds the same values; a column that came later and is NULL changes
 * nothing. What it walks the bytes by is written here once more, on purpose: the sink reads rows by
 * other code, and a mistake of that must not be made by its proof as well.
 */
import { hash } from 'node:crypto';
import { FRAME_BYTES } from '../../../shared/codec/registry-frame.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

type Json = { [attribute: string]: unknown };
/** Returns the end of the value that begins at `pos`. */
type Walk = (buf: Buffer, pos: number) => number;

interface Field {
  /** Of the table's column. */
  column: string;
  /** What stands in front of the value in the hashed bytes. */
  head: Buffer;
  walk: Walk;
  /** Branch of the union that is NULL; -1: the column has none. */
  nullBranch: number;
}

const LENGTH_BYTES = 4;
const HASHED_BYTES_START = 4096;
/** A native copy costs as much as so many bytes one after the other. */
const COPIED_BY_BYTE_MAX = 48;
/** A huge row makes the bytes that are hashed grow; they do not stay that many. */
const HASHED_BYTES_KEPT = 1024 * 1024;

/** 128 bits in four words, the highest first. */
export type Fingerprint = Uint32Array;

/** A row of the record that was read last. */
export interface ReadRow {
  readonly buf: Buffer;
  /** Where each column begins, at its union's branch if it has one, and where it ends. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

/** Where the parts of a record lie, until the next one is read. */
export interface ReadRecord {
  op: string;
  before: ReadRow | null;
  after: ReadRow | null;
}

/** The place of a row; used again for each record, as objects for each would cost more. */
class RowPlace implements ReadRow {
  buf: Buffer = NOTHING;
  readonly starts: Int32Array;
  readonly ends: Int32Array;

  constructor(columns: number) {
    this.starts = new Int32Array(columns);
    this.ends = new Int32Array(columns);
  }
}

export const NOTHING: Buffer = Buffer.alloc(0);

export class RecordReader {
  /** Columns by their place in the row. */
  readonly columns: readonly string[];
  readonly #fields: readonly Field[];
  /** Places of the fields in the order of their names. */
  readonly #order: readonly number[];
  readonly #envelope: readonly { name: string; walk: Walk }[];
  readonly #source: readonly { name: string; walk: Walk }[];
  readonly #before: RowPlace;
  readonly #after: RowPlace;
  /** Of all columns, with the lengths of their values. */
  readonly #headBytes: number;
  #hashed = Buffer.allocUnsafeSlow(HASHED_BYTES_START);

  /** `schema`: of the registry, of a table's values. */
  constructor(schema: string) {
    const names = new Map<string, Walk>();
    const envelope = fieldsOf(parsed(schema));
    const row = branchesOf(envelope.find(f => f.name === 'before')?.type).find(isRecord);
    const source = envelope.find(f => f.name === 'source')?.type;
    if (row === undefined || !isRecord(source)) throw unreadable('no schema of an envelope');
    this.#fields = fieldsOf(row).map(f => field(f, names));
    this.#headBytes = this.#fields.reduce((n, f) => n + f.head.length + LENGTH_BYTES, 0);
    this.columns = this.#fields.map(f => f.column);
    this.#before = new RowPlace(this.columns.length);
    this.#after = new RowPlace(this.columns.length);
    // Rows are read by #row, which notes their columns.
    names.set(fullName(row), walkNothing);
    names.set(String(row.name), walkNothing);
    const order = this.#fields.map((_, i) => i);
    const lower = this.columns.map(c => c.toLowerCase());
    this.#order = order.sort((a, b) => ((lower[a] ?? '') < (lower[b] ?? '') ? -1 : 1));
    this.#source = fieldsOf(source).map(f => ({
      name: String(f.name),
      walk: walkOf(f.type, names),
    }));
    this.#envelope = envelope.map(f => ({ name: String(f.name), walk: walkOf(f.type, names) }));
  }

  /** Reads the envelope `buf[start, end)`, whose schema is this one. */
  read(buf: Buffer, start: number, end: number): ReadRecord {
    const read: ReadRecord = { op: '', before: null, after: null };
    let pos = start + FRAME_BYTES;
    for (const { name, walk } of this.#envelope) {
      if (name === 'before' || name === 'after') {
        const row = name === 'before' ? this.#before : this.#after;
        if (buf[pos] !== 0) read[name] = row;
        pos = buf[pos] === 0 ? pos + 1 : this.#row(row, buf, pos + 1);
        continue;
      }
      // One letter, nearly always.
      if (name === 'op') read.op = buf[pos] === 2 ? letterAt(buf, pos + 1) : textAt(buf, pos);
      pos = walk(buf, pos);
    }
    if (pos !== end) throw unreadable('its length is not that of its schema');
    return read;
  }

  #row(row: RowPlace, buf: Buffer, start: number): number {
    const { starts, ends } = row;
    const fields = this.#fields;
    row.buf = buf;
    let pos = start;
    for (let i = 0; i < fields.length; i++) {
      const { nullBranch, walk } = fields[i] as Field;
      starts[i] = pos;
      if (nullBranch < 0) pos = walk(buf, pos);
      else pos = buf[pos] === nullBranch ? pos + 1 : walk(buf, pos + 1);
      ends[i] = pos;
    }
    return pos;
  }

  /** The transaction that the envelope at `start` says it is of. */
  gtid(buf: Buffer, start: number): string {
    let pos = start + FRAME_BYTES;
    for (const { name, walk } of this.#envelope) {
      if (name === 'source') break;
      const isRow = name === 'before' || name === 'after';
      if (!isRow) pos = walk(buf, pos);
      else pos = buf[pos] === 0 ? pos + 1 : this.#row(this.#before, buf, pos + 1);
    }
    for (const { name, walk } of this.#source) {
      if (name === 'gtid') return buf[pos] === 0 ? '' : textAt(buf, pos + 1);
      pos = walk(buf, pos);
    }
    return '';
  }

  /** Lets the bytes go that were read last. */
  release(): void {
    this.#before.buf = NOTHING;
    this.#after.buf = NOTHING;
  }

  /** Writes the fingerprint of a row to `to`. */
  fingerprint({ buf, starts, ends }: ReadRow, to: Fingerprint): void {
    const row = (ends.at(-1) ?? 0) - (starts[0] ?? 0);
    const out = this.#roomFor(this.#headBytes + row);
    let pos = 0;
    for (const i of this.#order) {
      const { head, nullBranch } = this.#fields[i] as Field;
      let from = starts[i] as number;
      if (nullBranch >= 0) {
        if (buf[from] === nullBranch) continue;
        from += 1;
      }
      const end = ends[i] as number;
      const length = end - from;
      for (let k = 0; k < head.length; k++) out[pos++] = head[k] as number;
      out[pos++] = length >>> 24;
      out[pos++] = length >>> 16;
      out[pos++] = length >>> 8;
      out[pos++] = length;
      if (length > COPIED_BY_BYTE_MAX) {
        buf.copy(out, pos, from, end);
        pos += length;
      } else for (let k = from; k < end; k++) out[pos++] = buf[k] as number;
    }
    // Bytes behind the end of a buffer are written to nowhere, silently.
    if (pos > out.length) throw new ReshardError('bug', `${pos} bytes of a row, for ${out.length}`);
    // As a text: the same as a buffer costs twice as much as the hash itself.
    const digest = hash('sha256', out.subarray(0, pos), 'binary');
    for (let i = 0; i < to.length; i++) to[i] = wordAt(digest, i * 4);
  }

  /** For the bytes that are hashed; at least so many. */
  #roomFor(bytes: number): Buffer {
    const { length } = this.#hashed;
    const isTooLarge = length > HASHED_BYTES_KEPT && bytes <= HASHED_BYTES_KEPT;
    if (length < bytes || isTooLarge) {
      this.#hashed = Buffer.allocUnsafeSlow(Math.max(HASHED_BYTES_START, bytes));
    }
    return this.#hashed;
  }
}

function parsed(schema: string): unknown {
  try {
    return JSON.parse(schema);
  } catch {
    throw unreadable('its schema is not one of Avro');
  }
}

function wordAt(digest: string, i: number): number {
  const high = (digest.charCodeAt(i) << 24) | (digest.charCodeAt(i + 1) << 16);
  return high | (digest.charCodeAt(i + 2) << 8) | digest.charCodeAt(i + 3);
}

function field(f: Json, names: Map<string, Walk>): Field {
  const column = String(f['reshard.column'] ?? f.name);
  const branches = branchesOf(f.type);
  const at = branches.indexOf('null');
  const type = Array.isArray(f.type) ? branches.find(b => b !== 'null') : f.type;
  const name = Buffer.from(column.toLowerCase());
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  const head = Buffer.concat([length, name, Buffer.from(kindOf(type))]);
  // A branch is a number of Avro: twice its place.
  return { column, head, walk: walkOf(type, names), nullBranch: at < 0 ? -1 : at * 2 };
}

/** One letter of what the value is; widths do not count. */
function kindOf(type: unknown): string {
  const name = isJson(type) ? kindOf(type.type) : String(type);
  return name === 'int' || name === 'long' ? 'i' : name.slice(0, 1);
}

function walkOf(type: unknown, names: Map<string, Walk>): Walk {
  if (Array.isArray(type)) return walkUnion(type.map(t => walkOf(t, names)));
  if (isRecord(type)) return walkRecord(type, names);
  if (isJson(type)) {
    return type.type === 'array' ? walkArray(walkOf(type.items, names)) : walkOf(type.type, names);
  }
  return names.get(String(type)) ?? walkPlain(String(type));
}

const walkNothing: Walk = (_, pos) => pos;

function walkPlain(name: string): Walk {
  switch (name) {
    case 'null':
      return walkNothing;
    case 'boolean':
      return (_, pos) => pos + 1;
    case 'float':
      return (_, pos) => pos + 4;
    case 'double':
      return (_, pos) => pos + 8;
    case 'int':
    case 'long':
      return numberEnd;
    case 'bytes':
    case 'string':
      return walkBytes;
    default:
      throw unreadable(`a value of type ${name}`);
  }
}

function walkUnion(branches: readonly Walk[]): Walk {
  return (buf, pos) => {
    const walk = branches[numberAt(buf, pos)];
    if (walk === undefined) throw unreadable('a union without such a branch');
    return walk(buf, numberEnd(buf, pos));
  };
}

function walkRecord(type: Json, names: Map<string, Walk>): Walk {
  const known = names.get(fullName(type));
  if (known !== undefined) return known;
  const walks = fieldsOf(type).map(f => walkOf(f.type, names));
  const walk: Walk = (buf, start) => {
    let pos = start;
    for (let i = 0; i < walks.length; i++) pos = (walks[i] as Walk)(buf, pos);
    return pos;
  };
  names.set(fullName(type), walk);
  return walk;
}

function walkArray(item: Walk): Walk {
  return (buf, start) => {
    let pos = start;
    for (;;) {
      const count = numberAt(buf, pos);
      pos = numberEnd(buf, pos);
      if (count === 0) return pos;
      if (count < 0) pos = numberEnd(buf, pos);
      for (let left = Math.abs(count); left > 0; left--) pos = item(buf, pos);
    }
  };
}

function walkBytes(buf: Buffer, pos: number): number {
  const length = numberAt(buf, pos);
  if (length < 0) throw unreadable('a length below zero');
  return numberEnd(buf, pos) + length;
}

/** A zigzag number; exact where it is a length. */
function numberAt(buf: Buffer, start: number): number {
  const first = buf[start] as number;
  if (first < 0x80) return (first >>> 1) ^ -(first & 1);
  let value = 0;
  let scale = 1;
  for (let pos = start; pos < buf.length; pos++) {
    const byte = buf[pos] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    scale *= 128;
  }
  throw unreadable('it is cut short');
}

function numberEnd(buf: Buffer, start: number): number {
  for (let pos = start; pos < buf.length; pos++) if ((buf[pos] as number) < 0x80) return pos + 1;
  throw unreadable('it is cut short');
}

function letterAt(buf: Buffer, pos: number): string {
  return String.fromCharCode(buf[pos] as number);
}

function textAt(buf: Buffer, pos: number): string {
  const start = numberEnd(buf, pos);
  return buf.toString('utf8', start, start + numberAt(buf, pos));
}

function isJson(x: unknown): x is Json {
  return typeof x === 'object' && x !== null && !Array.isArray(x);
}

function isRecord(x: unknown): x is Json {
  return isJson(x) && x.type === 'record';
}

function fieldsOf(record: unknown): Json[] {
  const fields = isJson(record) ? record.fields : null;
  return Array.isArray(fields) ? fields.filter(isJson) : [];
}

function branchesOf(type: unknown): unknown[] {
  return Array.isArray(type) ? type : [];
}

function fullName({ namespace, name }: Json): string {
  return namespace === undefined ? String(name) : `${String(namespace)}.${String(name)}`;
}

function unreadable(what: string): ReshardError {
  return new ReshardError('corrupt', `a change record does not decode: ${what}`);
}
