/**
 * The texts around the literals of multi-row writes. The sink fills literals in as bytes between
 * these constant pieces, so a batch of any size costs no string building.
 * Upsert is INSERT ... ON DUPLICATE KEY UPDATE, never REPLACE: REPLACE deletes first, which takes
 * other rows with it (another unique key) and fires what hangs on deletes.
 */

import { hasSpellings } from '../row/key-class.ts';
import { keyColumns } from '../row/key-range.ts';
import { keyIndexName, type TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import type { Flavor } from './connect.ts';
import { qualified, quoteId } from './identifier.ts';

/** Name of the row of new values; not a name that a user's table would have. */
const NEW_ROW = '`reshard_new`';

/** prefix row(sep row)* suffix, where row = open literal (between[i] literal)* close. */
export interface RowListShape {
  prefix: Buffer;
  open: Buffer;
  /** Text in front of each literal; the first one follows `open`. */
  between: Buffer[];
  close: Buffer;
  separator: Buffer;
  suffix: Buffer;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');

/** Columns that an INSERT may set: all but the generated ones. */
function insertableColumns(schema: TableSchema): number[] {
  return schema.columns.flatMap((c, i) => (c.generated === 'no' ? [i] : []));
}

/** A key column that may be declared ON UPDATE CURRENT_TIMESTAMP: left out, it would move. */
function hasClock(column: Column | undefined): boolean {
  return column?.type.kind === 'datetime' || column?.type.kind === 'timestamp';
}

/** A key column that is set although the row has its value: its spelling may be another one. */
export function isSetInKey(column: Column | undefined): boolean {
  return hasClock(column) || hasSpellings(column);
}

/**
 * The value of the column in the row that comes, for ON DUPLICATE KEY UPDATE. Servers copy a SET by
 * the text that they print, which has no member '' in front of another one, or alone.
 */
export function newValue(column: Column | undefined, { flavor }: { flavor: Flavor }): string {
  const name = quoteId(column?.name ?? '');
  const value = flavor === 'mysql' ? `${NEW_ROW}.${name}` : `VALUES(${name})`;
  const isByText = column?.type.kind === 'set' && column.type.values.includes('');
  return isByText ? `CAST(${value} AS UNSIGNED)` : value;
}

/** INSERT of full rows; a row whose key is there takes all the new values. */
export function upsertShape(schema: TableSchema, target: { flavor: Flavor }): RowListShape {
  const columns = insertableColumns(schema);
  const isKey = new Set(schema.primaryKey);
  const rest = columns.filter(i => !isKey.has(i) || isSetInKey(schema.columns[i]));
  // A table of key columns only: the update must name something, and changes nothing.
  const set = rest.length > 0 ? rest : columns.slice(0, 1);
  const nameOf = (i: number): string => quoteId(schema.columns[i]?.name ?? '');
  const assignments = set.map(i => `${nameOf(i)}=${newValue(schema.columns[i], target)}`);
  const alias = target.flavor === 'mysql' ? ` AS ${NEW_ROW}` : '';
  return {
    prefix: bytes(
      `INSERT INTO ${qualified(schema.db, schema.table)} (${columns.map(nameOf).join(',')}) VALUES `,
    ),
    open: bytes('('),
    between: columns.map((_, i) => bytes(i === 0 ? '' : ',')),
    close: bytes(')'),
    separator: bytes(','),
    suffix: bytes(`${alias} ON DUPLICATE KEY UPDATE ${assignments.join(',')}`),
  };
}

/** INSERT of full rows without an answer to duplicates: they are an error. */
export function insertShape(schema: TableSchema): RowListShape {
  return { ...upsertShape(schema, { flavor: 'mariadb' }), suffix: bytes('') };
}

/**
 * DELETE by the row key. A list of row values is looked up by index on both flavors; the same keys
 * as `a = 1 AND b = 2 OR ...` take 15 times as long, nearly all of it in the optimizer.
 * The hint: for a long list and a small table the optimizer would read, and lock on its way, every
 * row of the table. MariaDB takes it for a comment. `index` is the key's on this server.
 */
export function deleteShape(schema: TableSchema, index = keyIndexName(schema)): RowListShape {
  const names = `${quoteId(schema.table)} ${quoteId(index)}`;
  const hint = names.includes('*/') ? '' : `/*+ INDEX(${names}) */`;
  return keyListShape(schema, `DELETE ${hint} FROM ${qualified(schema.db, schema.table)} WHERE `);
}

/** `prefix` and a list of keys as one condition, whatever stands in front of it. */
export function keyListShape(schema: TableSchema, prefix: string): RowListShape {
  const names = keyColumns(schema).map(c => quoteId(c.name));
  const [first] = names;
  const isSingle = names.length === 1;
  // MariaDB finds no row by several row values of BIT(64), or of the one character set whose
  // literals are converted. No server finds a row by the number of an ENUM's member inside of row
  // values, where it compares texts.
  const isApart = keyColumns(schema).some(({ type }) => {
    const { kind } = type;
    return kind === 'bit' || kind === 'enum' || (kind === 'text' && type.charset === 'ucs2');
  });
  if (isApart && !isSingle) {
    return {
      // `source = 'a' AND` would be of the first key alone.
      prefix: bytes(`${prefix}(`),
      open: bytes('('),
      between: names.map((name, i) => bytes(i === 0 ? `${name}=` : ` AND ${name}=`)),
      close: bytes(')'),
      separator: bytes(' OR '),
      suffix: bytes(')'),
    };
  }
  return {
    prefix: bytes(`${prefix}${isSingle ? first : `(${names.join(',')})`} IN (`),
    open: bytes(isSingle ? '' : '('),
    between: names.map((_, i) => bytes(i === 0 ? '' : ',')),
    close: bytes(isSingle ? '' : ')'),
    separator: bytes(','),
    suffix: bytes(')'),
  };
}

/** The same from literals as text: for tests, repair and small work. */
export function fillShape(shape: RowListShape, rows: readonly (readonly string[])[]): string {
  const text = rows.map(row => {
    const cells = row.map((literal, i) => `${shape.between[i]}${literal}`).join('');
    return `${shape.open}${cells}${shape.close}`;
  });
  return `${shape.prefix}${text.join(String(shape.separator))}${shape.suffix}`;
}
