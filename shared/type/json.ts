/** JSON columns: a string, the text that MySQL prints. Refuses what a parse would change. */
import { ByteWriter } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint, writeContent } from './avro-read.ts';
import { readLength } from './binlog-length.ts';
import type { ColumnType } from './column-type.ts';
import { JsonNotCarried, writeJson } from './json-binary.ts';
import { readJsonText } from './json-text.ts';
import { writeQuoted } from './quoted.ts';
import { TYPE_CODE } from './seen-column.ts';
import { textAt } from './text.ts';
import { NotOfType, ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';
import { corrupt, notCarried, type Place, type ValueCodec } from './value-codec.ts';

/** Row images give the document's length in four bytes. */
const LENGTH_BYTES = 4;

export class JsonCodec implements ValueCodec {
  readonly avro = {
    type: 'string',
    'connect.version': 1,
    'connect.name': 'io.debezium.data.Json',
  };
  /** Set when a text held what may be a date rather than a string; see RowCodec.takeDoubts. */
  doubtful = false;
  readonly #place: Place;
  /** The length goes before the text, so the text is written here first. */
  readonly #scratch = new ByteWriter(1024);

  constructor(place: Place) {
    this.#place = place;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const found = readJsonText(src, start, end);
    if (found !== 'exact') {
      if (found === 'temporal') this.doubtful = true;
      else throw this.#refused(found === 'decimal' ? 'a DECIMAL number' : 'an opaque value');
    }
    out.varint(end - start);
    out.copy(src, start, end);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + LENGTH_BYTES;
    const end = start + readLength(src, pos, LENGTH_BYTES);
    if (end > src.length) throw corrupt(this.#place, 'document longer than its row image');
    const text = this.#scratch;
    text.clear();
    try {
      writeJson(src, start, end, text);
    } catch (e) {
      if (e instanceof JsonNotCarried) throw this.#refused(e.message);
      throw corrupt(this.#place, e instanceof Error ? e.message : String(e));
    }
    out.varint(text.pos);
    out.copy(text.buf, 0, text.pos);
    return end;
  }

  passBinlog(src: Buffer, pos: number): number {
    return pos + LENGTH_BYTES + readLength(src, pos, LENGTH_BYTES);
  }

  #refused(what: string): Error {
    return jsonNotCarried(this.#place, what);
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    writeQuoted(buf, start, start + byteLength(buf, pos), out);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    writeContent(buf, pos, out);
  }

  toJs(buf: Buffer, pos: number): unknown {
    return textAt(buf, pos);
  }
}

/** The error for a document that would come back from its text as another one. */
export function jsonNotCarried(place: Place, what: string): Error {
  return notCarried(
    place,
    `a JSON document holds ${what}, which would change its type when read back from text`,
    'write those documents anew, in two statements, as one that compares equal is not stored: ' +
      `UPDATE ${place.table} SET ${place.column} = CAST(CONCAT('[', ${place.column}, ']') AS JSON)` +
      ` WHERE ...; UPDATE ${place.table} SET ${place.column} = ` +
      `JSON_EXTRACT(${place.column}, '$[0]') WHERE ...`,
  );
}

type JsonType = Extract<ColumnType, { kind: 'json' }>;

export const JSON_DOCUMENT: TypeFamily<JsonType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType }) => (dataType === 'json' ? { kind: 'json' } : null),
  matches: (_, seen) => seen.code === TYPE_CODE.JSON,
  codec: (_, place) => new JsonCodec(place),
  refusal: () => null,
  // The servers take no JSON column into a key.
  keyRefusal: () => null,
  select: c => c,
  rowText: (_, c) => ({ document: c }),
  keyLiteral: () => null,
  readable: (_, literal) => literal,
  printed: () => {
    throw new NotOfType('is JSON, which is not part of a key');
  },
  meaning: () => 'json',
  isWider: () => false,
  words: () => 'json',
  maxBytes: () => Number.MAX_SAFE_INTEGER,
  measure: c => `LENGTH(${c})`,
};
