/**
 * What rows that differ hold, column by column, for people who have asked for it: read from the
 * servers when it is shown, and kept nowhere. It is no verdict, and may be newer than the one that
 * it is shown beside.
 *
 * Columns differ if hashes of their exact values do, so what looks the same is shown all the same.
 */
import type { Difference } from '../../../shared/job/state/check-result.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { keyLiteralList, readableKey } from '../../../shared/mysql/key-literal.ts';
import { fromByKey, keysPredicate } from '../../../shared/mysql/range-sql.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import { type KeyLiterals, keyColumns } from '../../../shared/row/key-range.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { agreed, commonSchema } from '../../../shared/schema/agreed-schema.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';
import { cellsOf } from './repair-rows.ts';
import type { SqlRepair, SqlServer } from './repair-sql.ts';
import {
  CELLS,
  columnSql,
  type ReadValue,
  readValue,
  type ShownValue,
  shownOf,
} from './shown-value.ts';

export interface ColumnValues {
  column: string;
  /** Null: there is no row. */
  source: ShownValue | null;
  target: ShownValue | null;
}

/** The row of a key on a source and a target. */
export interface RowValues {
  source: string | null;
  target: string | null;
  /** Columns that differ, or all of them where one side has no row; at most COLUMNS_MAX. */
  columns: ColumnValues[];
  more: number;
}

/** A difference as it is shown. */
export interface ShownDifference extends Difference {
  values?: RowValues[];
}

const KEYS_PER_STATEMENT = 100;
const COLUMNS_MAX = 20;

type Servers = Pick<SqlRepair, 'sources' | 'targets'>;

/** Gives the differences of one table their values. */
export async function readValues(
  { sources, targets }: Servers,
  table: string,
  key: readonly string[] | undefined,
  differences: readonly ShownDifference[],
): Promise<void> {
  if (differences.length === 0) return;
  await using stack = new AsyncDisposableStack();
  const servers = [...sources, ...targets];
  const sessions: MysqlSession[] = [];
  const found: TableSchema[] = [];
  for (const server of servers) {
    const session = stack.use(await server.open());
    const [model] = found;
    const wanted = model === undefined ? { key } : { like: model };
    sessions.push(session);
    found.push(await inspectTable(session, server.database, table, wanted));
  }
  const common = commonSchema(found);
  const rows = new Map<SqlServer, Rows>();
  for (const [i, server] of servers.entries()) {
    const [session, own] = [sessions[i], found[i]];
    if (session === undefined || own === undefined) throw new ReshardError('bug', 'no session');
    const schema = agreed(common, own, server.name);
    const bound = new KeyBound(schema);
    const keys = differences
      .filter(d => [...d.sources, ...d.targets].includes(server.name))
      .map(d => bound.literals(keyFromText(bound, d.key)));
    rows.set(server, await rowsOf(session, schema, keys));
  }
  const names = allColumns(common).map(c => c.name);
  const rowOn = (list: readonly SqlServer[], name: string | null, d: Difference): Row | null => {
    const server = list.find(s => s.name === name);
    return (server === undefined ? undefined : rows.get(server)?.get(nameOf(d.key))) ?? null;
  };
  for (const d of differences) {
    const [source = null] = d.sources;
    const here = rowOn(sources, source, d);
    const places = d.targets.length > 0 ? d.targets : [null];
    d.values = places.map(target =>
      compared(names, [source, here], [target, rowOn(targets, target, d)]),
    );
  }
}

/** By column. */
type Row = ReadonlyMap<string, ReadValue>;
/** By readable key. */
type Rows = ReadonlyMap<string, Row>;
type Side = readonly [name: string | null, row: Row | null];

function compared(
  names: readonly string[],
  [source, here]: Side,
  [target, there]: Side,
): RowValues {
  const differ = names.filter(name => here?.get(name)?.exact !== there?.get(name)?.exact);
  const isOne = here === null || there === null;
  const shown = isOne && (here ?? there) !== null ? names : differ;
  const columns = shown.slice(0, COLUMNS_MAX).map((column): ColumnValues => {
    const [a, b] = [here?.get(column), there?.get(column)];
    return { column, source: shownOf(a, b), target: shownOf(b, a) };
  });
  return { source, target, columns, more: shown.length - columns.length };
}

async function rowsOf(
  session: MysqlSession,
  schema: TableSchema,
  keys: readonly KeyLiterals[],
): Promise<Rows> {
  const columns = allColumns(schema);
  const keyLength = keyColumns(schema).length;
  const list = columns.map(c => columnSql(c)).join(',');
  const rows = new Map<string, Row>();
  for (let i = 0; i < keys.length; i += KEYS_PER_STATEMENT) {
    const some = keys.slice(i, i + KEYS_PER_STATEMENT);
    const sql =
      `SELECT ${keyLiteralList(schema)},${list} ${fromByKey(schema)} ` +
      `WHERE ${keysPredicate(schema, some)}`;
    await session.rawQuery(sql, (buf, start) => {
      const { texts } = cellsOf(buf, start, keyLength + CELLS * columns.length);
      const key = readableKey(
        schema,
        texts.slice(0, keyLength).map(t => t ?? 'NULL'),
      );
      const values = columns.map((column, c) => {
        const cells = texts.slice(keyLength + CELLS * c, keyLength + CELLS * (c + 1));
        return [column.name, readValue(column, cells)] as const;
      });
      rows.set(nameOf(key), new Map(values));
    });
  }
  return rows;
}

/** Of key columns in key order. */
function nameOf(key: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(key));
}
