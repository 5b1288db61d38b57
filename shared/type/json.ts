/**
 * JSON columns: a string, the text that MySQL prints, with the kinds of values that a parse of it
 * would change marked by white space (json-kind.ts). A SELECT cannot print the kinds in the text: a
 * second cell behind the document has them (json-asking.ts).
 */
import { at, ByteWriter } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint } from './avro-read.ts';
import { readLength } from './binlog-length.ts';
import type { ColumnType } from './column-type.ts';
import { JsonAsking, kindsSelect } from './json-asking.ts';
import { JsonNotCarried, writeJson } from './json-binary.ts';
import { hasMarks, OPEN_OBJECT, writeUnmarked } from './json-kind.ts';
import { writeKinds, writeWithKinds } from './json-kind-list.ts';
import { writeDocument } from './json-literal.ts';
import { writeQuoted } from './quoted.ts';
import { TYPE_CODE } from './seen-column.ts';
import { NotOfType, ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';
import { corrupt, notCarried, type Place, type ValueCodec } from './value-codec.ts';

/** Row images give the document's length in four bytes. */
const LENGTH_BYTES = 4;
/**
 * Of the text, up to which kinds are part of the row text. The server's time for the list grows
 * faster than the document: of a large one it would take minutes, and no check would come to its
 * end.
 */
const COMPARED_BYTES_MAX = 256 * 1024;

export class JsonCodec implements ValueCodec {
  readonly avro = {
    type: 'string',
    'connect.version': 1,
    'connect.name': 'io.debezium.data.Json',
  };
  /** How the cell behind the document is asked for. */
  readonly asking = new JsonAsking();
  readonly #place: Place;
  /** The length goes before the text, so the text is written here first. */
  readonly #scratch = new ByteWriter(1024);

  constructor(place: Place) {
    this.#place = place;
  }

  /** A text that a parse has made, or will make: no value is of another kind. */
  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.varint(end - start);
    out.copy(src, start, end);
  }

  /** The text, and `src[from, to)`, which is the cell behind it; null is no kind at all. */
  fromCells(
    src: Buffer,
    { start, end }: { start: number; end: number },
    cell: { start: number; end: number } | null,
    out: ByteWriter,
  ): void {
    if (cell === null || at(src, cell.start) !== OPEN_OBJECT) {
      this.asking.note(src, start, end, cell);
      this.fromText(src, start, end, out);
      return;
    }
    this.asking.noteKinds();
    const text = this.#scratch;
    text.clear();
    this.#guarded(() => writeWithKinds(src, start, end, src.subarray(cell.start, cell.end), text));
    this.fromText(text.buf, 0, text.pos, out);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + LENGTH_BYTES;
    const end = start + readLength(src, pos, LENGTH_BYTES);
    if (end > src.length) throw corrupt(this.#place, 'document longer than its row image');
    const text = this.#scratch;
    text.clear();
    this.#guarded(() => writeJson(src, start, end, text));
    this.fromText(text.buf, 0, text.pos, out);
    return end;
  }

  passBinlog(src: Buffer, pos: number): number {
    return pos + LENGTH_BYTES + readLength(src, pos, LENGTH_BYTES);
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (e) {
      if (e instanceof JsonNotCarried) throw jsonNotCarried(this.#place, e.message);
      throw corrupt(this.#place, e instanceof Error ? e.message : String(e));
    }
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    const end = start + byteLength(buf, pos);
    if (!hasMarks(buf, start, end)) writeQuoted(buf, start, end, out);
    else this.#guarded(() => writeDocument(buf, start, end, out));
  }

  /** As the server does: the kinds behind the text, if there are any and it is not too long. */
  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    const end = start + byteLength(buf, pos);
    this.#guarded(() => {
      const from = out.pos;
      writeUnmarked(buf, start, end, out);
      if (out.pos - from <= COMPARED_BYTES_MAX) writeKinds(buf, start, end, out);
    });
  }

  /** Whether the value's literal is more than its text in quotes. */
  hasKinds(buf: Buffer, pos: number): boolean {
    const start = skipVarint(buf, pos);
    return hasMarks(buf, start, start + byteLength(buf, pos));
  }

  toJs(buf: Buffer, pos: number): unknown {
    const out = this.#scratch;
    out.clear();
    const start = skipVarint(buf, pos);
    writeUnmarked(buf, start, start + byteLength(buf, pos), out);
    return out.take().toString('utf8');
  }
}

function jsonNotCarried(place: Place, what: string): Error {
  return notCarried(
    place,
    `a JSON document holds ${what}, which no statement can write again`,
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
  // Two cells: RowCodec knows.
  select: c => `${c},${kindsSelect(c)}`,
  rowText: (_, c) => ({
    document: c,
    kinds: `IF(LENGTH(${c})<=${COMPARED_BYTES_MAX},CONCAT('#',${kindsSelect(c)}),NULL)`,
  }),
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
