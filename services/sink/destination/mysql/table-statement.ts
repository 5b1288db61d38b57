/**
 * Statements of one table for one MySQL or MariaDB target.
 *
 * On a table with further unique keys the upsert carries a guard. ON DUPLICATE KEY UPDATE takes the
 * first row that collides by any unique key, and would rewrite the row of another key. The
 * guard makes the statement fail as a whole when the row found is not the row meant, so that it has
 * changed nothing: in an integer column of the key by a sum that no integer holds (1690), else by
 * NULL (1048). NULL is no guard where the column is AUTO_INCREMENT: the server stores 0 instead.
 */

import { qualified, quoteId } from '../../../../shared/mysql/identifier.ts';
import {
  deleteShape,
  insertShape,
  isSetInKey,
  keyListShape,
  newValue,
  type RowListShape,
  upsertShape,
} from '../../../../shared/mysql/statement.ts';
import { hasSpellings } from '../../../../shared/row/key-class.ts';
import type { TableSchema } from '../../../../shared/schema/table-schema.ts';
import { familyOf } from '../../../../shared/type/type-families.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import { KeyOwners } from './owner.ts';
import { keySelect, Statement } from './statement.ts';

/** Name of the row of new values; statement.ts uses the same. */
const NEW_ROW = '`reshard_new`';

export interface TargetFacts {
  database: string;
  flavor: 'mysql' | 'mariadb';
  /** The index of the row key on this target. */
  keyIndex: string;
  /** The target's table has unique keys besides the row key. */
  hasUniques: boolean;
  /** Whose owners of keys are meant: see `ownersId`. */
  owners: string;
  /** Rows that nobody owns may be of any source: they were there when the leg began. */
  mayTakeUnowned: boolean;
}

export class MysqlTable {
  readonly table: SinkTable;
  readonly hasUniques: boolean;
  /** Keys of other bytes may be one key for the server. */
  readonly hasSpellings: boolean;
  /**
   * An upsert may leave a row as it is: MySQL writes no document over one that it holds equal (1
   * and 1.0), if nothing else in the row has changed.
   */
  readonly keepsEqual: boolean;
  /** Rows, by the row key. */
  readonly upsert: Statement;
  /** Rows; any duplicate is an error. */
  readonly insert: Statement;
  /** Rows; those that collide are left out, each with a warning. */
  readonly insertIgnore: Statement;
  /** Which of some keys are in the table; answers in the form that the key codec reads. */
  readonly present: Statement;
  /** Keys, as they are in record keys. */
  readonly delete: Statement;
  /** Whose each row is; null where one source feeds the table, and every row is its own. */
  readonly owners: KeyOwners | null;
  readonly mayTakeUnowned: boolean;

  constructor(table: SinkTable, target: TargetFacts) {
    const { codec, keyCodec } = table;
    const schema = { ...table.schema, db: target.database };
    const width = schema.columns.length;
    const shape = upsertShape(schema, target);
    const guarded = target.hasUniques
      ? { ...shape, suffix: Buffer.from(guardedSuffix(schema, target)) }
      : shape;
    const keys = table.keyColumns.map((_, i) => i);
    this.table = table;
    this.hasUniques = target.hasUniques;
    this.hasSpellings = table.hasSpellings;
    this.keepsEqual = target.flavor === 'mysql' && schema.columns.some(c => c.type.kind === 'json');
    this.upsert = new Statement(guarded, codec.insertable, codec, width);
    const insert = insertShape(schema);
    this.insert = new Statement(insert, codec.insertable, codec, width);
    this.insertIgnore = new Statement(ignoring(insert), codec.insertable, codec, width);
    this.delete = new Statement(deleteShape(schema, target.keyIndex), keys, keyCodec, keys.length);
    const from = `SELECT ${keySelect(table)} FROM ${qualified(schema.db, schema.table)} WHERE `;
    this.present = new Statement(keyListShape(schema, from), keys, keyCodec, keys.length);
    this.mayTakeUnowned = target.mayTakeUnowned;
    this.owners = table.isShared ? new KeyOwners({ table, ...target }) : null;
  }
}

function ignoring(insert: RowListShape): RowListShape {
  const prefix = insert.prefix.toString('utf8').replace(/^INSERT /, 'INSERT IGNORE ');
  return { ...insert, prefix: Buffer.from(prefix) };
}

function byNumber({ columns }: TableSchema, i: number): boolean {
  const column = columns[i];
  return column !== undefined && familyOf(column.type).byNumber;
}

function guardedSuffix(schema: TableSchema, target: TargetFacts): string {
  const isMysql = target.flavor === 'mysql';
  const table = qualified(schema.db, schema.table);
  const nameOf = (i: number): string => quoteId(schema.columns[i]?.name ?? '');
  const old = (i: number): string => `${table}.${nameOf(i)}`;
  const fresh = (i: number): string => newValue(schema.columns[i], target);
  const isKey = new Set(schema.primaryKey);
  const isInteger = (i: number): boolean => schema.columns[i]?.type.kind === 'integer';
  const integer = schema.primaryKey.find(isInteger);
  const guarded = integer ?? schema.primaryKey[0] ?? 0;
  // Made from a column: the server would compute a constant before it looks at any row.
  const fail = integer === undefined ? 'NULL' : `${old(integer)} * 0 + 18446744073709551615 + 1`;
  // By its text a member of an ENUM may be equal to the error value.
  const plain = (i: number): string => (byNumber(schema, i) ? '+0' : '');
  const same = schema.primaryKey
    .map(i => `${old(i)}${plain(i)} = ${fresh(i)}${plain(i)}`)
    .join(' AND ');
  // Equal keys may be spelled in two ways, and it is the new one that is wanted.
  const kept = hasSpellings(schema.columns[guarded]) ? fresh(guarded) : old(guarded);
  const sets = [`${nameOf(guarded)} = IF(${same}, ${kept}, ${fail})`];
  schema.columns.forEach((c, i) => {
    const isSet = !isKey.has(i) || (i !== guarded && isSetInKey(c));
    if (c.generated === 'no' && isSet) sets.push(`${nameOf(i)}=${fresh(i)}`);
  });
  return `${isMysql ? ` AS ${NEW_ROW}` : ''} ON DUPLICATE KEY UPDATE ${sets.join(',')}`;
}
