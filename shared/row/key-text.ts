/**
 * A key as people and reports write it (column name -> text; bytes as 0x..., ENUM and SET by member
 * names) back as canonical key bytes. The text is put into the form in which a server prints the
 * key columns, and the row codec reads that: there is no second encoding of a key.
 */

import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { NotOfType } from '../type/type-family.ts';
import type { KeyBound } from './key-bound.ts';
import { keyColumns } from './key-range.ts';

const SHORT_MAX = 250;

export function keyFromText(bound: KeyBound, key: Readonly<Record<string, string>>): Buffer {
  const packet = bound.columns.flatMap(column => {
    const text = key[column.name];
    if (text === undefined) throw wrong(column, 'is missing in the key');
    const bytes = printed(column, text);
    return [lengthOf(bytes.length), bytes];
  });
  const row = Buffer.concat(packet);
  try {
    return bound.fromText(row, 0, row.length);
  } catch (e) {
    if (e instanceof ReshardError && e.kind !== 'corrupt') throw e;
    throw wrong(bound.columns[0], 'the key is not of the type of its columns', e);
  }
}

/** Values of all key columns, separated by commas, by name; null if there are not as many. */
export function namedKey(schema: TableSchema, values: string): Record<string, string> | null {
  const columns = keyColumns(schema);
  const parts = columns.length === 1 ? [values] : values.split(',');
  if (parts.length !== columns.length) return null;
  return Object.fromEntries(columns.map((c, i) => [c.name, parts[i] ?? '']));
}

/** What the server sends for this value of a key column (selectExpression in range-sql.ts). */
function printed(column: Column, text: string): Buffer {
  try {
    return familyOf(column.type).printed(column.type, text);
  } catch (e) {
    if (e instanceof NotOfType) throw wrong(column, e.message);
    throw e;
  }
}

/** Length-encoded, as in a row packet. */
function lengthOf(length: number): Buffer {
  if (length <= SHORT_MAX) return Buffer.from([length]);
  return Buffer.from([0xfc, length & 0xff, length >> 8]);
}

function wrong(column: Column | undefined, what: string, cause?: unknown): ReshardError {
  return new ReshardError('config', `${column?.name ?? 'key'}: ${what}`, { cause });
}
