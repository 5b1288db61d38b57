/** A column as the binlog tells it: a TableMap event with row_metadata FULL. */

export interface SeenColumn {
  name: string;
  /** MySQL's type code, with ENUM (247) and SET (248) for what is sent as a string. */
  code: number;
  metadata: Record<string, number>;
  unsigned: boolean;
  /** null for binary and for what has no characters. */
  charset: string | null;
  values: string[];
}

/** Type codes of the protocol (enum_field_types) that row images use. */
export const TYPE_CODE = {
  FLOAT: 4,
  DOUBLE: 5,
  DATE: 10,
  YEAR: 13,
  VARCHAR: 15,
  BIT: 16,
  TIMESTAMP2: 17,
  DATETIME2: 18,
  TIME2: 19,
  VECTOR: 242,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  BLOB: 252,
  STRING: 254,
  GEOMETRY: 255,
} as const;
