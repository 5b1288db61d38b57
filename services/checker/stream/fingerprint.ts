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

/** Where the parts of a record lie, until the next one is read. */
export interface ReadRecord {
  op: string;
  gtid: string;
  /** Start of the row before and after; -1: there is none. */
  before: number;
  after: number;
}

export class RecordReader {
  /** Columns by their place in the row. */
  readonly columns: readonly string[];
  readonly #fields: readonly Field[];
  /** Places of the fields in the order of their names. */
  readonly #order: readonly number[];
  readonly #envelope: readonly { name: string; walk: Walk }[];
  readonly #source: readonly { name: string; walk: Walk }[];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  #scratch = Buffer.allocUnsafe(4096);

  /** `schema`: of the registry, of a table's values. */
  constructor(schema: string) {
    const names = new Map<string, Walk>();
    const envelope = fieldsOf(JSON.parse(schema));
    const row = branchesOf(envelope.find(f => f.name === 'before')?.type).find(isRecord);
    const source = envelope.find(f => f.name === 'source')?.type;
    if (row === undefined || !isRecord(source)) throw unreadable('no schema of an envelope');
    this.#fields = fieldsOf(row).map(f => field(f, names));
    this.columns = this.#fields.map(f => f.column);
    const walkRow: Walk = (buf, pos) => this.#fields.reduce((p, f) => passed(f, buf, p), pos);
    names.set(fullName(row), walkRow);
    names.set(String(row.name), walkRow);
    const order = this.#fields.map((_, i) => i);
    const lower = this.columns.map(c => c.toLowerCase());
    this.#order = order.sort((a, b) => ((lower[a] ?? '') < (lower[b] ?? '') ? -1 : 1));
    this.#source = fieldsOf(source).map(f => ({
      name: String(f.name),
      walk: walkOf(f.type, names),
    }));
    this.#envelope = envelope.map(f => ({ name: String(f.name), walk: walkOf(f.type, names) }));
    this.#starts = new Int32Array(this.#fields.length);
    this.#ends = new Int32Array(this.#fields.length);
  }

  /** Reads the envelope `buf[start, end)`, whose schema is this one. */
  read(buf: Buffer, start: number, end: number): ReadRecord {
    const read: ReadRecord = { op: '', gtid: '', before: -1, after: -1 };
    let pos = start + FRAME_BYTES;
    for (const { name, walk } of this.#envelope) {
      if (name === 'before' && buf[pos] !== 0) read.before = pos + 1;
      else if (name === 'after' && buf[pos] !== 0) read.after = pos + 1;
      else if (name === 'op') read.op = textAt(buf, pos);
      else if (name === 'source') read.gtid = this.#gtid(buf, pos);
      pos = walk(buf, pos);
    }
    if (pos !== end) throw unreadable('its length is not that of its schema');
    return read;
  }

  #gtid(buf: Buffer, start: number): string {
    let pos = start;
    for (const { name, walk } of this.#source) {
      if (name === 'gtid') return buf[pos] === 0 ? '' : textAt(buf, pos + 1);
      pos = walk(buf, pos);
    }
    return '';
  }

  /** Where each column of the row at `start` begins, at its union's branch if it has one. */
  starts(buf: Buffer, start: number): Int32Array {
    let pos = start;
    for (const [i, f] of this.#fields.entries()) {
      this.#starts[i] = pos;
      pos = passed(f, buf, pos);
      this.#ends[i] = pos;
    }
    return this.#starts;
  }

  /** The fingerprint of the row at `start`. */
  fingerprint(buf: Buffer, start: number): bigint {
    const starts = this.starts(buf, start);
    let used = 0;
    for (const i of this.#order) {
      const { head, nullBranch } = this.#fields[i] as Field;
      let from = starts[i] as number;
      if (nullBranch >= 0) {
        if (buf[from] === nullBranch) continue;
        from += 1;
      }
      const to = this.#ends[i] as number;
      this.#reserve(used + head.length + 4 + to - from);
      const out = this.#scratch;
      used += head.copy(out, used);
      used = out.writeUInt32BE(to - from, used);
      used += buf.copy(out, used, from, to);
    }
    const digest = hash('sha256', this.#scratch.subarray(0, used), 'buffer');
    return (digest.readBigUInt64BE(0) << 64n) | digest.readBigUInt64BE(8);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#scratch.length) return;
    const grown = Buffer.allocUnsafe(bytes * 2);
    this.#scratch.copy(grown);
    this.#scratch = grown;
  }
}

function passed({ walk, nullBranch }: Field, buf: Buffer, pos: number): number {
  if (nullBranch < 0) return walk(buf, pos);
  return buf[pos] === nullBranch ? pos + 1 : walk(buf, pos + 1);
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

function walkPlain(name: string): Walk {
  switch (name) {
    case 'null':
      return (_, pos) => pos;
    case 'boolean':
      return (_, pos) => pos + 1;
    case 'float':
      return (_, pos) => pos + 4;
    case 'double':
      return (_, pos) => pos + 8;
    case 'int':
    case 'long':
      return (buf, pos) => numberAt(buf, pos).end;
    case 'bytes':
    case 'string':
      return (buf, pos) => {
        const { value, end } = numberAt(buf, pos);
        return end + value;
      };
    default:
      throw unreadable(`a value of type ${name}`);
  }
}

function walkUnion(branches: readonly Walk[]): Walk {
  return (buf, pos) => {
    const { value, end } = numberAt(buf, pos);
    const walk = branches[value];
    if (walk === undefined) throw unreadable('a union without such a branch');
    return walk(buf, end);
  };
}

function walkRecord(type: Json, names: Map<string, Walk>): Walk {
  const known = names.get(fullName(type));
  if (known !== undefined) return known;
  const walks = fieldsOf(type).map(f => walkOf(f.type, names));
  const walk: Walk = (buf, pos) => walks.reduce((p, next) => next(buf, p), pos);
  names.set(fullName(type), walk);
  return walk;
}

function walkArray(item: Walk): Walk {
  return (buf, start) => {
    let pos = start;
    for (;;) {
      const { value, end } = numberAt(buf, pos);
      pos = end;
      if (value === 0) return pos;
      if (value < 0) pos = numberAt(buf, pos).end;
      for (let left = Math.abs(value); left > 0; left--) pos = item(buf, pos);
    }
  };
}

/** A zigzag number; exact where it is a length. */
function numberAt(buf: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let pos = start; pos < buf.length; pos++) {
    const byte = buf[pos] as number;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value: value % 2 === 0 ? value / 2 : -(value + 1) / 2, end: pos + 1 };
    scale *= 128;
  }
  throw unreadable('it is cut short');
}

function textAt(buf: Buffer, pos: number): string {
  const { value, end } = numberAt(buf, pos);
  return buf.toString('utf8', end, end + value);
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
