/**
 * What a MySQL column IS, as far as its bytes matter. One shape for both ways a value reaches us
 * (text protocol and binlog image), so it holds what either decoder needs: byte lengths, not
 * character lengths; fractional digits; the members of ENUM and SET in index order.
 * Invariant: a type that is not listed is `unsupported` with a reason; there is no fallback to
 * text, because a value printed as text and parsed again by another column type may change.
 */

export type TextForm = 'char' | 'varchar' | 'tinytext' | 'text' | 'mediumtext' | 'longtext';
export type BinaryForm = 'binary' | 'varbinary' | 'tinyblob' | 'blob' | 'mediumblob' | 'longblob';

export type GeometryForm =
  | 'geometry'
  | 'point'
  | 'linestring'
  | 'polygon'
  | 'multipoint'
  | 'multilinestring'
  | 'multipolygon'
  | 'geomcollection'
  | 'geometrycollection';

export type ColumnType =
  | { kind: 'integer'; bits: 8 | 16 | 24 | 32 | 64; unsigned: boolean }
  | { kind: 'decimal'; precision: number; scale: number }
  | { kind: 'float' }
  | { kind: 'double' }
  /** `length` is the maximum in bytes: it decides how many length bytes the binlog uses. */
  | { kind: 'text'; charset: string; collation: string; length: number; form: TextForm }
  | { kind: 'binary'; length: number; form: BinaryForm }
  | { kind: 'date' }
  | { kind: 'time'; fsp: number }
  | { kind: 'datetime'; fsp: number }
  | { kind: 'timestamp'; fsp: number }
  | { kind: 'year' }
  | { kind: 'enum'; values: string[] }
  | { kind: 'set'; values: string[] }
  | { kind: 'bit'; bits: number }
  | { kind: 'json' }
  | { kind: 'geometry'; form: GeometryForm }
  | { kind: 'vector'; bytes: number }
  | { kind: 'address'; form: 'uuid' | 'inet6' | 'inet4' }
  /** `remedy` where it is not that of any other type. */
  | { kind: 'unsupported'; declared: string; reason: string; remedy?: string };

export type Column = {
  name: string;
  type: ColumnType;
  nullable: boolean;
  autoIncrement: boolean;
  generated: 'no' | 'virtual' | 'stored';
  invisible: boolean;
  /**
   * Of a column that was added with a constant: its value (Avro, in hexadecimal digits) in the rows
   * that were there. Rows of before have it; none is NULL.
   */
  fill?: string;
  /**
   * Of a column that was made wider while the job ran: its declaration. It is in the value schema,
   * so that a plan with it has another schema than the one before.
   */
  widened?: string;
};
