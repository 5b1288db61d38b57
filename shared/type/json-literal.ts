/**
 * A document with marks (json-kind.ts) as an SQL expression that makes the same one, of nothing but
 * ASCII. What holds no marks is parsed from its text; containers around it are built by functions.
 * MySQL makes a value of each kind only of an expression of that type; where none has the type of
 * a column, a JSON_TABLE makes it, as its columns have declared types.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { unreachable } from '../runtime/error.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  endOfScalar,
  endOfString,
  type JsonKind,
  JsonMalformed,
  MARK_BYTES,
  markAt,
  OPEN_ARRAY,
  OPEN_OBJECT,
} from './json-kind.ts';
import { bytesColumn, readBase64 } from './json-opaque.ts';
import { writeHex } from './quoted.ts';

const SEPARATOR_BYTES = 2;

/** A value of the text: where it ends, its mark left out; members or cells of a container. */
interface Node {
  start: number;
  end: number;
  kind: JsonKind | null;
  isMarked: boolean;
  parts: Part[] | null;
}

/** `keyEnd` is 0 in an array. */
interface Part {
  keyStart: number;
  keyEnd: number;
  value: Node;
}

export function writeDocument(src: Buffer, start: number, end: number, out: ByteWriter): void {
  // A column makes a text of what is not JSON yet.
  out.ascii('CAST(');
  writeValue(src, readValue(src, start, end), out);
  out.ascii(' AS JSON)');
}

function readValue(src: Buffer, start: number, end: number): Node {
  const first = at(src, start);
  if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) {
    const stop = endOfScalar(src, start, end);
    const kind = markAt(src, stop, end);
    return { start, end: stop, kind, isMarked: kind !== null, parts: null };
  }
  const parts: Part[] = [];
  const close = first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY;
  let pos = start + 1;
  while (at(src, pos) !== close) {
    if (parts.length > 0) pos += SEPARATOR_BYTES;
    const keyStart = pos;
    const keyEnd = first === OPEN_OBJECT ? endOfString(src, pos, end) : 0;
    if (keyEnd > 0) pos = keyEnd + SEPARATOR_BYTES;
    if (pos >= end) throw new JsonMalformed('a container without an end');
    const value = readValue(src, pos, end);
    pos = value.kind === null ? value.end : value.end + MARK_BYTES;
    parts.push({ keyStart, keyEnd, value });
  }
  const isMarked = parts.some(part => part.value.isMarked);
  return { start, end: pos + 1, kind: null, isMarked, parts };
}

function writeValue(src: Buffer, node: Node, out: ByteWriter): void {
  const { start, end, kind, isMarked, parts } = node;
  if (!isMarked) {
    out.ascii('CAST(_utf8mb4 ');
    writeHex(src, start, end, out);
    out.ascii(' AS JSON)');
  } else if (parts === null) writeScalar(src.toString('latin1', start, end), kind ?? 'OPAQUE', out);
  else {
    out.ascii(at(src, start) === OPEN_OBJECT ? 'JSON_OBJECT(' : 'JSON_ARRAY(');
    parts.forEach(({ keyStart, keyEnd, value }, i) => {
      if (i > 0) out.u8(0x2c);
      if (keyEnd > 0) {
        const key: unknown = JSON.parse(src.toString('utf8', keyStart, keyEnd));
        writeText(String(key), out);
        out.u8(0x2c);
      }
      writeValue(src, value, out);
    });
    out.u8(0x29);
  }
}

function writeText(text: string, out: ByteWriter): void {
  const bytes = Buffer.from(text, 'utf8');
  out.ascii('_utf8mb4 ');
  writeHex(bytes, 0, bytes.length, out);
}

function writeScalar(text: string, kind: JsonKind, out: ByteWriter): void {
  const content = text.startsWith('"') ? text.slice(1, -1) : text;
  switch (kind) {
    case 'DECIMAL':
      writeDecimal(text, out);
      return;
    case 'UNSIGNED INTEGER':
      out.ascii(`CAST(${text} AS UNSIGNED)`);
      return;
    case 'DATE':
      out.ascii(`CAST('${content}' AS DATE)`);
      return;
    case 'TIME':
    case 'DATETIME':
      out.ascii(`CAST('${content}' AS ${kind}(6))`);
      return;
    case 'TIMESTAMP':
      out.ascii(ofColumn(`'${content}'`, 'TIMESTAMP(6)'));
      return;
    case 'BLOB':
    case 'BIT':
    case 'OPAQUE':
      writeBytes(text, out);
      return;
    default:
      unreachable(kind);
  }
}

function writeBytes(text: string, out: ByteWriter): void {
  const src = Buffer.from(text, 'latin1');
  const read = readBase64(src, 0, src.length);
  const column = read === null ? null : bytesColumn(read.fieldType);
  if (read === null || column === null) throw new JsonMalformed('bytes of an unknown type');
  const { bytes } = read;
  const hex = `x'${bytes.toString('hex')}'`;
  if (column === 'VARBINARY') out.ascii(`JSON_EXTRACT(JSON_ARRAY(${hex}),'$[0]')`);
  else if (column === 'BIT') {
    const number = bytes.length === 0 ? '0' : `0x${bytes.toString('hex')}`;
    out.ascii(ofColumn(`CAST(${number} AS UNSIGNED)`, `BIT(${Math.max(bytes.length, 1) * 8})`));
  } else out.ascii(ofColumn(hex, column === 'BINARY' ? `BINARY(${bytes.length})` : column));
}

/**
 * The value as a column of that type has it; what does not fit is an error, not NULL. The subquery
 * would turn it into a value of a type of its own, so it is put into a document there.
 */
function ofColumn(value: string, type: string): string {
  return (
    `(SELECT JSON_EXTRACT(JSON_ARRAY(v),'$[0]') FROM JSON_TABLE(JSON_ARRAY(${value}),'$[*]' ` +
    `COLUMNS(v ${type} PATH '$' ERROR ON EMPTY ERROR ON ERROR)) reshard_value)`
  );
}

/** As CAST takes them. */
const PRECISION_MAX = 65;
const SCALE_MAX = 30;

/**
 * A whole number is an INTEGER without the CAST. With more digits than a column of DECIMALs has, no
 * CAST makes it, and no INTEGER could be it: as a literal it is a DECIMAL of all its digits.
 */
function writeDecimal(text: string, out: ByteWriter): void {
  const [whole = '', fraction = ''] = text.replace('-', '').split('.');
  const scale = fraction.length;
  const precision = (whole === '0' && scale > 0 ? 0 : whole.length) + scale;
  const isLiteral = precision > PRECISION_MAX || scale > SCALE_MAX;
  out.ascii(isLiteral ? text : `CAST(${text} AS DECIMAL(${precision},${scale}))`);
}
