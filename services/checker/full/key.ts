/**
 * Primary keys as the servers print them: each key column as an SQL literal. The literals of a key
 * are the same on every server, whatever its character sets, so joined they name the row; and they
 * go back into a statement as they are, so no value passes through a JavaScript number or string.
 */
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { type KeyLiterals, keyColumns } from '../../../shared/row/key-range.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';

export function tableName(schema: TableSchema): string {
  return qualified(schema.db, schema.table);
}

/** Expressions of the key's literals, in key order. */
export function keyLiteralList(schema: TableSchema): string {
  return keyColumns(schema).map(literalOf).join(',');
}

function literalOf({ name, type }: Column): string {
  const c = quoteId(name);
  switch (type.kind) {
    case 'integer':
      return `${c}+0`;
    case 'decimal':
    case 'year':
      return c;
    case 'enum':
    case 'set':
    case 'bit':
      return `CAST(${c} AS UNSIGNED)`;
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
      return `CONCAT('''',${c},'''')`;
    case 'text':
      return `CONCAT('_utf8mb4 x''',HEX(CONVERT(${c} USING utf8mb4)),'''')`;
    case 'binary':
      return `CONCAT('x''',HEX(${c}),'''')`;
    default:
      throw new ReshardError('unsupported-type', `${type.kind} in a primary key`, {
        context: { column: name },
      });
  }
}

/** What names a row, for maps. Literals hold no tab. */
export function keyText(key: KeyLiterals): string {
  return key.join('\t');
}

/** The key for people: column names and values; bytes as 0x..., ENUM and SET as member names. */
export function readableKey(schema: TableSchema, key: KeyLiterals): Record<string, string> {
  const readable: Record<string, string> = {};
  keyColumns(schema).forEach((column, i) => {
    readable[column.name] = readableValue(column, key[i] ?? '');
  });
  return readable;
}

function readableValue({ type }: Column, literal: string): string {
  const hex = /x'([0-9A-Fa-f]*)'$/.exec(literal)?.[1];
  switch (type.kind) {
    case 'text':
      return Buffer.from(hex ?? '', 'hex').toString('utf8');
    case 'binary':
      return `0x${hex ?? ''}`;
    case 'enum':
      return type.values[Number(literal) - 1] ?? '';
    case 'set':
      return type.values.filter((_, i) => (BigInt(literal) >> BigInt(i)) & 1n).join(',');
    default:
      return literal.replace(/^'(.*)'$/, '$1');
  }
}
