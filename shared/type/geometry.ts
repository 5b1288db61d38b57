/**
 * Spatial values: Debezium's Geometry, which is WKB and the number of the reference system. It is
 * just what both flavors store (four bytes of number, then WKB), so no coordinate is ever read: a
 * server that swaps axes or lacks the reference system has no say in it.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { byteLength, readVarint, skipBytes, skipVarint } from './avro-read.ts';
import { readLength } from './binlog-length.ts';
import type { ColumnType, GeometryForm } from './column-type.ts';
import { writeQuoted } from './quoted.ts';
import { TYPE_CODE } from './seen-column.ts';
import { NEVER_A_KEY, NotOfType, type TypeFamily } from './type-family.ts';
import {
  type AvroSchema,
  corrupt,
  notCarried,
  type Place,
  type ValueCodec,
} from './value-codec.ts';

type GeometryType = Extract<ColumnType, { kind: 'geometry' }>;

const LENGTH_BYTES = 4;
const SRID_BYTES = 4;
/** Index of the branch of ['null', 'int']. */
const BRANCH_INT = 2;

const FORMS: readonly GeometryForm[] = [
  'geometry',
  'point',
  'linestring',
  'polygon',
  'multipoint',
  'multilinestring',
  'multipolygon',
  'geomcollection',
  'geometrycollection',
];

class GeometryCodec implements ValueCodec {
  readonly avro: AvroSchema = {
    type: 'record',
    name: 'Geometry',
    namespace: 'io.debezium.data.geometry',
    fields: [
      { name: 'wkb', type: 'bytes' },
      { name: 'srid', type: ['null', 'int'], default: null },
    ],
    'connect.version': 1,
    'connect.name': 'io.debezium.data.geometry.Geometry',
  };
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    // A session of MariaDB that is not strict makes it of NULL; no statement writes it.
    if (start === end) {
      throw notCarried(
        this.#place,
        'a spatial value of no bytes',
        'UPDATE those rows to a spatial value; `WHERE LENGTH(column) = 0` finds them',
      );
    }
    if (end - start <= SRID_BYTES) throw corrupt(this.#place, 'a spatial value without a shape');
    out.varint(end - start - SRID_BYTES);
    out.copy(src, start + SRID_BYTES, end);
    out.u8(BRANCH_INT);
    // An Avro int has a sign, the number of a reference system has none: the same 32 bits.
    out.varint(src.readInt32LE(start));
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const start = pos + LENGTH_BYTES;
    const end = start + readLength(src, pos, LENGTH_BYTES);
    if (end > src.length) throw corrupt(this.#place, 'a spatial value longer than its row image');
    this.fromText(src, start, end, out);
    return end;
  }

  passBinlog(src: Buffer, pos: number): number {
    return pos + LENGTH_BYTES + readLength(src, pos, LENGTH_BYTES);
  }

  skip(buf: Buffer, pos: number): number {
    return skipVarint(buf, skipBytes(buf, pos) + 1);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const stored = this.#stored(buf, pos);
    out.ascii('_binary');
    writeQuoted(stored, 0, stored.length, out);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    const stored = this.#stored(buf, pos);
    out.copy(stored, 0, stored.length);
  }

  /** As the server stores it. */
  toJs(buf: Buffer, pos: number): unknown {
    return this.#stored(buf, pos);
  }

  #stored(buf: Buffer, pos: number): Buffer {
    const start = skipVarint(buf, pos);
    const end = start + byteLength(buf, pos);
    const stored = Buffer.alloc(SRID_BYTES + end - start);
    stored.writeInt32LE(readVarint(buf, end + 1));
    buf.copy(stored, SRID_BYTES, start, end);
    return stored;
  }
}

export const GEOMETRY: TypeFamily<GeometryType> = {
  ...NEVER_A_KEY,
  declare: ({ dataType }) => {
    const form = FORMS.find(f => f === dataType);
    return form === undefined ? null : { kind: 'geometry', form };
  },
  matches: (_, seen) => seen.code === TYPE_CODE.GEOMETRY,
  codec: (_, place) => new GeometryCodec(place),
  printed: () => {
    throw new NotOfType('is spatial, which is not part of a key');
  },
  meaning: () => 'geometry',
  isWider: () => false,
  words: ({ form }) => form,
  maxBytes: () => Number.MAX_SAFE_INTEGER,
};
