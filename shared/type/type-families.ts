/** The families by the kind of their types: total, so a new kind does not compile without one. */

import { ADDRESS } from './address.ts';
import { BINARY } from './binary.ts';
import { BIT } from './bit.ts';
import type { Column, ColumnType } from './column-type.ts';
import { DECIMAL } from './decimal.ts';
import type { DeclaredType } from './declared-type.ts';
import { ENUM, SET } from './enum-set.ts';
import { DOUBLE, FLOAT } from './float.ts';
import { GEOMETRY } from './geometry.ts';
import { INTEGER, YEAR } from './integer.ts';
import { JSON_DOCUMENT } from './json.ts';
import { DATE, DATETIME, TIME, TIMESTAMP } from './temporal-family.ts';
import { TEXT } from './text.ts';
import type { TypeFamily } from './type-family.ts';
import { hasOwnForm, UNSUPPORTED } from './unsupported.ts';
import type { ValueCodec } from './value-codec.ts';
import { VECTOR } from './vector.ts';

const FAMILIES: { [K in ColumnType['kind']]: TypeFamily<Extract<ColumnType, { kind: K }>> } = {
  integer: INTEGER,
  decimal: DECIMAL,
  float: FLOAT,
  double: DOUBLE,
  text: TEXT,
  binary: BINARY,
  date: DATE,
  time: TIME,
  datetime: DATETIME,
  timestamp: TIMESTAMP,
  year: YEAR,
  enum: ENUM,
  set: SET,
  bit: BIT,
  json: JSON_DOCUMENT,
  geometry: GEOMETRY,
  vector: VECTOR,
  address: ADDRESS,
  unsupported: UNSUPPORTED,
};

/** The family of a type; by its table, it answers for this type. */
export function familyOf<T extends ColumnType>(type: T): TypeFamily<T> {
  return FAMILIES[type.kind] as unknown as TypeFamily<T>;
}

/** The type that INFORMATION_SCHEMA words so; `unsupported` if no family knows it. */
export function columnTypeOf(declared: DeclaredType): ColumnType {
  const lower = { ...declared, dataType: declared.dataType.toLowerCase() };
  if (hasOwnForm(lower)) return UNSUPPORTED.declare(lower) as ColumnType;
  for (const family of Object.values(FAMILIES)) {
    const type = family === UNSUPPORTED ? null : family.declare(lower);
    if (type !== null) return type;
  }
  return UNSUPPORTED.declare(lower) as ColumnType;
}

/** Loud on what is not carried. */
export function columnCodec(table: string, { name, type }: Column): ValueCodec {
  return familyOf(type).codec(type, { table, column: name });
}
