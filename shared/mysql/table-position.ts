/**
 * A table as it is at a known place of its server's binlog: every change of its definition up to
 * there is in what is seen, and whatever comes behind is met in the binlog. A definition that is
 * read without its place is of no use to who reads the binlog: what he meets first may be rows of
 * an older table, or a statement that is carried out already.
 *
 * A definition has no place of its own, so it is looked at twice, with the place in between, and
 * counts if nothing has changed. A statement whose work is seen the first time may not be among the
 * executed ones yet: it holds the table until it is, and a SELECT that opens the table waits for
 * that.
 */
import { ReshardError } from '../runtime/error.ts';
import { rowKeyNames, schemaFingerprint, type TableSchema } from '../schema/table-schema.ts';
import type { MysqlSession } from './connect.ts';
import { gtidLowerBound } from './gtid-lower-bound.ts';
import { qualified } from './identifier.ts';
import { inspectTable } from './inspect.ts';
import { printTable } from './schema-copy.ts';
import type { PrintedTable } from './schema-fix.ts';

export interface PlacedTable {
  schema: TableSchema;
  printed: PrintedTable;
  /** GTID set (MySQL) or position (MariaDB): what is in it, and no more, the schema has seen. */
  gtid: string;
}

/** Each is a few short statements. */
const LOOKS_MAX = 100;

/** Rejects with `source` if the table is altered faster than it can be looked at. */
export async function tableAtPosition(
  session: MysqlSession,
  inspect: () => Promise<TableSchema>,
): Promise<PlacedTable> {
  let schema = await inspect();
  const { db, table } = schema;
  let printed = await printTable(session, db, table);
  for (let look = 0; look < LOOKS_MAX; look++) {
    const gtid = await positionBehind(session, db, table);
    const again = await inspect();
    const print = await printTable(session, db, table);
    const isSame =
      print.statement === printed.statement && JSON.stringify(again) === JSON.stringify(schema);
    if (isSame) return { schema, printed, gtid };
    schema = again;
    printed = print;
  }
  throw new ReshardError('source', `${db}.${table} is altered faster than it can be looked at`, {
    context: { ...session.where(), db, table },
  });
}

/** Where the table is still as `schema` says; null: it has been altered since. */
export async function positionOf(
  session: MysqlSession,
  schema: TableSchema,
): Promise<string | null> {
  const { db, table } = schema;
  const gtid = await positionBehind(session, db, table);
  const now = await inspectTable(session, db, table, { key: rowKeyNames(schema) });
  return schemaFingerprint(now) === schemaFingerprint(schema) ? gtid : null;
}

/** GTIDs behind every statement whose work has been seen on the table before this was called. */
export async function positionBehind(
  session: MysqlSession,
  db: string,
  table: string,
): Promise<string> {
  await session.rawQuery(`SELECT 1 FROM ${qualified(db, table)} LIMIT 0`);
  return await gtidLowerBound(session);
}
