/**
 * MySQL's binary JSON (as row images carry it) printed byte for byte as the server prints it: keys
 * in stored order, ', ' and ': ', doubles with a point. Going through JS objects would lose key
 * order (integer-like keys first), `__proto__`, 1.0 and integers past 2^53. What a parse of the text
 * would take for something else has its kind marked behind it (json-kind.ts).
 *
 * value    ::= type:u8 body
 * object   ::= count size (keyOffset:uN keyLength:u16)* (type:u8 offsetOrInline:uN)* keys values
 * array    ::= count size (type:u8 offsetOrInline:uN)* values         N = 16 small, 32 large
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { writeInteger } from './digits.ts';
import { writeMark } from './json-kind.ts';
import { writeOpaque } from './json-opaque.ts';
import { jsonDouble, writeJsonString } from './json-text.ts';

const SMALL_OBJECT = 0x00;
const LARGE_OBJECT = 0x01;
const SMALL_ARRAY = 0x02;
const LARGE_ARRAY = 0x03;
const LITERAL = 0x04;
const INT16 = 0x05;
const UINT16 = 0x06;
const INT32 = 0x07;
const UINT32 = 0x08;
const INT64 = 0x09;
const UINT64 = 0x0a;
const DOUBLE = 0x0b;
const STRING = 0x0c;
const OPAQUE = 0x0f;

const LITERALS = ['null', 'true', 'false'] as const;
const SIGNED_MAX = 2n ** 63n - 1n;
/** The server itself refuses deeper documents. */
const MAX_DEPTH = 100;

/** What the document holds that no statement could write again. */
export class JsonNotCarried extends Error {}
export class JsonCorrupt extends Error {}

export function writeJson(src: Buffer, start: number, end: number, out: ByteWriter): void {
  // A column filled without a value has an empty document, which MySQL reads as JSON null.
  if (start === end) {
    out.ascii('null');
    return;
  }
  writeBody(src, at(src, start), start + 1, end, out, 0);
}

function writeBody(
  src: Buffer,
  type: number,
  pos: number,
  end: number,
  out: ByteWriter,
  depth: number,
): void {
  if (pos >= end) throw new JsonCorrupt('a value past the end of the document');
  switch (type) {
    case SMALL_OBJECT:
    case LARGE_OBJECT:
      writeContainer(src, pos, end, out, depth, type === LARGE_OBJECT, true);
      return;
    case SMALL_ARRAY:
    case LARGE_ARRAY:
      writeContainer(src, pos, end, out, depth, type === LARGE_ARRAY, false);
      return;
    case STRING:
      writeString(src, pos, end, out);
      return;
    case OPAQUE:
      writeTyped(src, pos, end, out);
      return;
    default:
      writeScalar(src, type, pos, end, out);
      return;
  }
}

const SCALAR_BYTES: Record<number, number> = {
  [LITERAL]: 1,
  [INT16]: 2,
  [UINT16]: 2,
  [INT32]: 4,
  [UINT32]: 4,
  [INT64]: 8,
  [UINT64]: 8,
  [DOUBLE]: 8,
};

function writeScalar(src: Buffer, type: number, pos: number, end: number, out: ByteWriter): void {
  const bytes = SCALAR_BYTES[type];
  if (bytes === undefined) throw new JsonCorrupt(`unknown type ${type}`);
  if (pos + bytes > end) throw new JsonCorrupt('a number past the end of the document');
  switch (type) {
    case LITERAL:
      writeLiteral(at(src, pos), out);
      return;
    case INT16:
      writeInteger(out, src.readInt16LE(pos));
      return;
    case UINT16:
      writeInteger(out, src.readUInt16LE(pos));
      writeMark('UNSIGNED INTEGER', out);
      return;
    case INT32:
      writeInteger(out, src.readInt32LE(pos));
      return;
    case UINT32:
      writeInteger(out, src.readUInt32LE(pos));
      writeMark('UNSIGNED INTEGER', out);
      return;
    case INT64:
      out.ascii(src.readBigInt64LE(pos).toString());
      return;
    case UINT64:
      writeUnsigned(src.readBigUInt64LE(pos), out);
      return;
    default:
      out.ascii(jsonDouble(src.readDoubleLE(pos)));
      return;
  }
}

function writeLiteral(code: number, out: ByteWriter): void {
  const text = LITERALS[code];
  if (text === undefined) throw new JsonCorrupt(`unknown literal ${code}`);
  out.ascii(text);
}

/** A parse makes the same of a number that no signed one can be. */
function writeUnsigned(v: bigint, out: ByteWriter): void {
  out.ascii(v.toString());
  if (v <= SIGNED_MAX) writeMark('UNSIGNED INTEGER', out);
}

function writeString(src: Buffer, pos: number, end: number, out: ByteWriter): void {
  const length = lengthAt(src, pos, end);
  const start = pos + lengthBytes(length);
  writeJsonString(src, start, start + length, out);
}

function writeTyped(src: Buffer, pos: number, end: number, out: ByteWriter): void {
  const fieldType = at(src, pos);
  const length = lengthAt(src, pos + 1, end);
  const start = pos + 1 + lengthBytes(length);
  const kind = writeOpaque(src, fieldType, start, start + length, out);
  if (kind === null) throw new JsonNotCarried(opaqueName(fieldType));
  writeMark(kind, out);
}

/** Of bytes that follow it, all of them before `end`: groups of seven bits, lowest first. */
function lengthAt(src: Buffer, pos: number, end: number): number {
  let length = 0;
  let scale = 1;
  let p = pos;
  for (let more = true; more; scale *= 128) {
    if (p >= end || p - pos > 4) throw new JsonCorrupt('a length past the end of the document');
    const b = at(src, p++);
    length += (b & 0x7f) * scale;
    more = b > 0x7f;
  }
  if (p + length > end) throw new JsonCorrupt('bytes past the end of the document');
  return length;
}

function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest > 0x7f; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeContainer(
  src: Buffer,
  pos: number,
  end: number,
  out: ByteWriter,
  depth: number,
  large: boolean,
  object: boolean,
): void {
  if (depth > MAX_DEPTH) throw new JsonCorrupt('nested too deep');
  const size = large ? 4 : 2;
  const count = uint(src, pos, size, end);
  const stop = pos + uint(src, pos + size, size, end);
  if (stop > end) throw new JsonCorrupt('a container past the end of the document');
  const keys = pos + 2 * size;
  const values = keys + (object ? count * (size + 2) : 0);
  out.u8(object ? 0x7b : 0x5b);
  for (let i = 0; i < count; i++) {
    if (i > 0) out.ascii(', ');
    if (object) {
      const entry = keys + i * (size + 2);
      const key = pos + uint(src, entry, size, stop);
      const keyEnd = key + uint(src, entry + size, 2, stop);
      if (keyEnd > stop) throw new JsonCorrupt('a key past the end of its object');
      writeJsonString(src, key, keyEnd, out);
      out.ascii(': ');
    }
    const entry = values + i * (size + 1);
    const type = uint(src, entry, 1, stop);
    const inline = entry + 1;
    if (isInline(type, large)) writeScalar(src, type, inline, stop, out);
    else writeBody(src, type, pos + uint(src, inline, size, stop), stop, out, depth + 1);
  }
  out.u8(object ? 0x7d : 0x5d);
}

function isInline(type: number, large: boolean): boolean {
  return type === LITERAL || type === INT16 || type === UINT16 || (large && isInt32(type));
}

function isInt32(type: number): boolean {
  return type === INT32 || type === UINT32;
}

function uint(src: Buffer, pos: number, bytes: number, end: number): number {
  if (pos + bytes > end) throw new JsonCorrupt('an entry past the end of its container');
  let v = 0;
  for (let i = bytes - 1; i >= 0; i--) v = v * 256 + at(src, pos + i);
  return v;
}

const OPAQUE_NAMES: Record<number, string> = {
  242: 'a VECTOR',
  253: 'a BLOB of a server before 8.0',
  255: 'a GEOMETRY',
};

function opaqueName(fieldType: number): string {
  return OPAQUE_NAMES[fieldType] ?? `an opaque value of type ${fieldType}`;
}
