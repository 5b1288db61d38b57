/**
 * Members of ENUM and SET as they are. Both flavors print definitions in three-byte UTF-8: a member
 * with a character beyond that is shown as `?`, in COLUMN_TYPE and SHOW CREATE TABLE alike, so two
 * of them look the same, and a table that is made from such a text holds question marks. Rows and
 * the binlog have the true ones. So where a `?` is seen, a temporary table is given one row for each
 * member, by its number, and asked for the texts.
 */
import type { ColumnType } from '../type/column-type.ts';
import { textOf } from '../type/text.ts';
import type { MysqlSession } from './connect.ts';
import { qualified, quoteId, quoteText } from './identifier.ts';
import { errnoOf } from './mysql-error.ts';

type Listed = Extract<ColumnType, { kind: 'enum' | 'set' }>;

interface MemberColumn {
  db: string;
  table: string;
  name: string;
  charset: string;
}

const TEMPORARY = 'reshard_members';
/** Access denied: to the database, to the table, to this kind of statement. */
const DENIED = [1044, 1142, 1227, 1370];

/** Whether what the server has printed may not be what it has. */
export function isDoubtful(type: ColumnType): type is Listed {
  if (type.kind !== 'enum' && type.kind !== 'set') return false;
  return type.values.some(v => v.includes('?'));
}

/** The same type with its true members; `unsupported`, with the remedy, if we may not ask. */
export async function trueMembers(
  session: MysqlSession,
  at: MemberColumn,
  type: Listed,
): Promise<ColumnType> {
  const numbers = type.values.map((_, i) => (type.kind === 'enum' ? i + 1 : 2n ** BigInt(i)));
  try {
    const texts = await printed(session, at, numbers.map(n => `(${n})`).join(','));
    return { ...type, values: texts };
  } catch (e) {
    if (!DENIED.includes(errnoOf(e) ?? 0)) throw e;
    return {
      kind: 'unsupported',
      declared: type.kind,
      reason: 'the server prints its members as `?`, and the account may not ask for the true ones',
      remedy: `GRANT CREATE TEMPORARY TABLES ON ${quoteId(at.db)}.* TO the account of the job`,
    };
  }
}

/** The texts of the values that are written into a temporary copy of the column. */
async function printed(session: MysqlSession, at: MemberColumn, values: string): Promise<string[]> {
  const copy = qualified(at.db, TEMPORARY);
  const column = `${quoteId(at.name)} AS m`;
  const [mode] = await session.query<{ ro: number | string }>(
    'SELECT @@session.transaction_read_only AS ro',
  );
  const isReadOnly = Number(mode?.ro) === 1;
  if (isReadOnly) await session.rawQuery('SET SESSION TRANSACTION READ WRITE');
  try {
    await session.rawQuery(`DROP TEMPORARY TABLE IF EXISTS ${copy}`);
    await session.rawQuery(
      `CREATE TEMPORARY TABLE ${copy} SELECT ${column} FROM ${qualified(at.db, at.table)} WHERE FALSE`,
    );
    await session.rawQuery(`INSERT INTO ${copy} VALUES ${values}`);
    const rows = await session.query<{ m: Buffer }>(
      `SELECT CAST(m AS BINARY) AS m FROM ${copy} ORDER BY m + 0`,
    );
    await session.rawQuery(`DROP TEMPORARY TABLE ${copy}`);
    return rows.map(r => textOf(r.m, at.charset));
  } finally {
    if (isReadOnly) await session.rawQuery('SET SESSION TRANSACTION READ ONLY');
  }
}

/**
 * The definition of a table with the true members of one column, in the words of SHOW CREATE
 * TABLE; its default is looked up by the same way.
 */
export async function withTrueMembers(
  session: MysqlSession,
  createTable: string,
  at: MemberColumn,
  type: Listed,
): Promise<string> {
  const head = `\n  ${quoteId(at.name)} ${type.kind}(`;
  const start = createTable.indexOf(head);
  if (start < 0) return createTable;
  const listStart = start + head.length;
  const listEnd = endOfList(createTable, listStart);
  const lineEnd = createTable.indexOf('\n', listEnd);
  const list = type.values.map(quoteText).join(',');
  let rest = createTable.slice(listEnd, lineEnd);
  if (/ DEFAULT '[^']*\?/.test(rest)) {
    const [value = ''] = await printed(session, at, '(DEFAULT)');
    rest = rest.replace(/ DEFAULT '(?:[^']|'')*'/, () => ` DEFAULT ${quoteText(value)}`);
  }
  return createTable.slice(0, listStart) + list + rest + createTable.slice(lineEnd);
}

/** Where the parenthesis closes; quotes in members are doubled. */
function endOfList(text: string, start: number): number {
  let isQuoted = false;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "'") isQuoted = !isQuoted;
    else if (text[i] === ')' && !isQuoted) return i;
  }
  return text.length;
}
