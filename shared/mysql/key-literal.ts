/**
 * Row keys as the servers print them: each key column as an SQL literal. The literals of a key
 * are the same on every server, whatever its character sets, so joined they name the row; and they
 * go back into a statement as they are, so no value passes through a JavaScript number or string.
 */

import { type KeyLiterals, keyColumns } from '../row/key-range.ts';
import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { quoteId } from './identifier.ts';

/** Expressions of the key's literals, in key order. */
export function keyLiteralList(schema: TableSchema): string {
  return keyColumns(schema).map(literalOf).join(',');
}

function literalOf({ name, type }: Column): string {
  const literal = familyOf(type).keyLiteral(quoteId(name), type);
  if (literal !== null) return literal;
  throw new ReshardError('unsupported-type', `${type.kind} in a row key`, {
    context: { column: name },
  });
}

/** What names a row, for maps. Literals hold no tab. */
export function keyText(key: KeyLiterals): string {
  return key.join('\t');
}

/** The key for people: column names and values; bytes as 0x..., ENUM and SET as member names. */
export function readableKey(schema: TableSchema, key: KeyLiterals): Record<string, string> {
  const readable: Record<string, string> = {};
  keyColumns(schema).forEach(({ name, type }, i) => {
    readable[name] = familyOf(type).readable(type, key[i] ?? '');
  });
  return readable;
}
