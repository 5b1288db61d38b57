/**
 * One column's way between the forms a value has on its journey: MySQL text protocol and binlog
 * image on the way in, Avro in the log, SQL literal on the way out.
 * Invariant: for the same stored value fromText and fromBinlog write the same Avro bytes, and
 * toSql of them stores the same value again. What cannot keep that promise throws
 * `value-not-carried`; nothing is rounded, truncated or replaced.
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import { ReshardError } from '../runtime/error.ts';

export type AvroSchema = string | AvroSchema[] | { [attribute: string]: unknown };

export interface ValueCodec {
  /** Avro type with the annotations that Connect consumers read. */
  readonly avro: AvroSchema;
  /** The bytes of one non-NULL text protocol value. */
  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void;
  /** One non-NULL value of a row image; returns the position after it. */
  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number;
  /** Position behind a value of a row image that is not read; by default it is read in vain. */
  passBinlog?(src: Buffer, pos: number): number;
  /** Position after the Avro value at `pos`. */
  skip(buf: Buffer, pos: number): number;
  /** The Avro value at `pos` as a SQL literal. */
  toSql(buf: Buffer, pos: number, out: ByteWriter): void;
  /** The literal that a key column is compared with, where it is another one. */
  toKeySql?(buf: Buffer, pos: number, out: ByteWriter): void;
  /**
   * The text of the Avro value at `pos` that the server makes of the stored one by the family's
   * `rowText`, byte for byte: so one row has one hash, here and there (shared/row/row-text.ts).
   */
  toRowText(buf: Buffer, pos: number, out: ByteWriter): void;
  /** For humans and tests: number, bigint, string, boolean or Buffer. */
  toJs(buf: Buffer, pos: number): unknown;
}

/** Where a value lives, for errors. Values themselves never go into errors or logs. */
export type Place = { table: string; column: string };

export function notCarried(place: Place, what: string, remedy: string): ReshardError {
  return new ReshardError('value-not-carried', `${place.table}.${place.column}: ${what}`, {
    remedy,
    context: place,
  });
}

export function corrupt(place: Place, what: string): ReshardError {
  return new ReshardError('corrupt', `${place.table}.${place.column}: ${what}`, {
    context: place,
  });
}
