/**
 * Doctor: which index tells the rows of a table apart; for a table that has none, the statement
 * that gives it one and changes nothing else, as it can be typed in. A unique index that would do
 * if its columns were NOT NULL is looked at first: rows that are NULL there stand against it.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { qualified, quoteId } from '../../../../shared/mysql/identifier.ts';
import { columnsOf, type TableKey } from '../../../../shared/mysql/row-key.ts';
import { createTableSql } from '../../../../shared/mysql/schema-copy.ts';
import { notNullDefinition } from '../../../../shared/mysql/schema-fix.ts';
import { isFrom } from '../../../../shared/mysql/server-version.ts';
import { COARSEST, keyClassesOf } from '../../../../shared/row/key-class.ts';
import { keyColumns } from '../../../../shared/row/key-range.ts';
import { rowKeyNames, type TableSchema } from '../../../../shared/schema/table-schema.ts';

/** The column that the advice adds; a table that has one already gets `reshard_id_2`, and so on. */
const COLUMN = 'reshard_id';

export async function checkRowKey(
  session: MysqlSession,
  schema: TableSchema,
  keys: readonly TableKey[],
  where: string,
): Promise<Finding[]> {
  const { keyIndex } = schema;
  const why = 'Copy, log, targets and checks tell rows apart by one key.';
  if (schema.primaryKey.length === 0) {
    const { what, fix } = await advice(session, schema, keys);
    return [{ level: 'blocker', code: 'row-key', where, what, why, fix }];
  }
  const found = coarseKey(schema, where);
  if (keyIndex === undefined) return found;
  const names = rowKeyNames(schema).join(', ');
  const because = keys.some(k => k.name === 'PRIMARY') ? '' : ': the table has no primary key';
  const what = `rows are told apart by the unique index ${keyIndex.name} (${names})${because}`;
  const fix = '';
  return [...found, { level: 'info', code: 'row-key', where, what, why, fix }];
}

/** What is equal under the collations of the key is not known here: one partition takes all. */
function coarseKey(schema: TableSchema, where: string): Finding[] {
  const classes = keyClassesOf(schema);
  if (classes.length === 0 || classes.some(name => name !== COARSEST)) return [];
  const columns = keyColumns(schema).map(({ name, type }) => {
    return `${name} (${type.kind === 'text' ? type.collation : type.kind})`;
  });
  return [
    {
      level: 'warning',
      code: 'one-partition',
      where,
      what: `all rows of the table are in one partition of its topic, by its key ${columns.join(', ')}`,
      why: 'Which texts are one key is not known of these collations: none may be apart from another.',
      fix: '-- nothing is wrong but throughput; docs/TOPICS.md ("Keys that are text") lists collations with more partitions',
    },
  ];
}

async function advice(
  session: MysqlSession,
  schema: TableSchema,
  keys: readonly TableKey[],
): Promise<{ what: string; fix: string }> {
  const name = qualified(schema.db, schema.table);
  const none =
    'the table has neither a primary key nor a unique index of columns that are NOT NULL';
  const nullable = keys.filter(k => wouldDo(k, schema));
  const create = nullable.length > 0 ? await createTableSql(session, schema.db, schema.table) : '';
  for (const key of nullable) {
    const columns = key.parts.flatMap(p => (p.nullable ? (p.column ?? []) : []));
    const isNull = columns.map(c => `${quoteId(c)} IS NULL`).join(' OR ');
    const { rows } = await session.rawQuery(`SELECT 1 FROM ${name} WHERE ${isNull} LIMIT 1`);
    const definitions = columns.flatMap(c => notNullDefinition(create, c) ?? []);
    if (rows > 0 || definitions.length < columns.length) continue;
    const changes = definitions.map(d => `MODIFY COLUMN ${d}`).join(', ');
    return {
      what: `${none}: ${key.name} (${columnsOf(key).join(', ')}) allows NULL, though no row has it`,
      fix: `ALTER TABLE ${name} ${changes};`,
    };
  }
  const [held] = nullable;
  const what =
    held === undefined
      ? none
      : `${none}: ${held.name} (${columnsOf(held).join(', ')}) allows NULL, and rows have it`;
  return { what, fix: `ALTER TABLE ${name} ${newKey(session, schema)};` };
}

/** A unique index of whole columns of the rows, some of which allow NULL. */
function wouldDo(key: TableKey, { columns }: TableSchema): boolean {
  const isPlain = (column: string | undefined): boolean =>
    columns.some(c => c.name === column && c.generated === 'no');
  const isWhole = key.parts.every(p => p.prefix === undefined && isPlain(p.column));
  return key.unique && key.readable && isWhole && key.parts.some(p => p.nullable);
}

/** A table has one column that counts at most; where it is there, it is the key that is missing. */
function newKey(session: MysqlSession, { columns }: TableSchema): string {
  const counter = columns.find(c => c.autoIncrement);
  if (counter !== undefined) return `ADD PRIMARY KEY (${quoteId(counter.name)})`;
  const taken = new Set(columns.map(c => c.name.toLowerCase()));
  let name = COLUMN;
  for (let n = 2; taken.has(name); n++) name = `${COLUMN}_${n}`;
  const hides = isFrom(session, { mysql: '8.0.23', mariadb: '10.3.0' });
  const invisible = hides ? ' INVISIBLE' : '';
  return `ADD COLUMN ${quoteId(name)} BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY${invisible}`;
}
