/** Short questions to a server that gates of sources and of targets go by; they change nothing. */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { quoteText } from '../../../shared/mysql/identifier.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { isFrom } from '../../../shared/mysql/server-version.ts';
import { describeError, firstLine } from '../../../shared/runtime/error.ts';

/** A transaction that is open on a server; of its statement nothing is told. */
export interface OpenTransaction {
  thread: string;
  seconds: number;
  rows: number;
}

const NOT_ALLOWED = [1227, 1401];

/** Null when the account may not ask: a gate that is not known, and no end of the others. */
export async function asked<T>(
  question: () => Promise<T>,
  notAllowed: readonly number[] = NOT_ALLOWED,
): Promise<T | null> {
  try {
    return await question();
  } catch (e) {
    if (notAllowed.includes(errnoOf(e) ?? 0)) return null;
    throw e;
  }
}

/**
 * Transactions that are at least so old. Their beginning is shown in the server's own time zone,
 * whatever the session's is.
 */
export function openTransactions(
  session: MysqlSession,
  olderSeconds: number,
): Promise<OpenTransaction[]> {
  return transactions(session, `seconds >= ${olderSeconds}`);
}

/** Transactions of other accounts that have changed rows. */
export function foreignWriters(session: MysqlSession, user: string): Promise<OpenTransaction[]> {
  return transactions(session, `\`rows\` > 0 AND user <> ${quoteText(user)}`);
}

async function transactions(session: MysqlSession, where: string): Promise<OpenTransaction[]> {
  const found = await session.query<Record<keyof OpenTransaction, string | number>>(
    `SELECT thread, seconds, \`rows\` FROM (
       SELECT t.trx_mysql_thread_id AS thread, t.trx_rows_modified AS \`rows\`,
         COALESCE(p.USER, '') AS user,
         TIMESTAMPDIFF(SECOND, t.trx_started,
           CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM')) AS seconds
       FROM information_schema.INNODB_TRX t
       LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
       WHERE t.trx_mysql_thread_id NOT IN (0, CONNECTION_ID())) x
     WHERE ${where} ORDER BY seconds DESC`,
  );
  return found.map(({ thread, seconds, rows }) => ({
    thread: String(thread),
    seconds: Number(seconds),
    rows: Number(rows),
  }));
}

/** What is persisted of read_only and super_read_only, by name; what is not is left out. */
export async function persistedReadOnly(session: MysqlSession): Promise<Record<string, string>> {
  const set = await session.query<{ name: string; value: string }>(
    `SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value
       FROM performance_schema.persisted_variables
      WHERE VARIABLE_NAME IN ('read_only', 'super_read_only')`,
  );
  return Object.fromEntries(set.map(({ name, value }) => [name, value]));
}

/** Of those, the names that a restart of the server would switch on. */
export function persistedOn(persisted: Readonly<Record<string, string>>): string[] {
  return Object.keys(persisted).filter(name => /^(ON|1)$/i.test(persisted[name] ?? ''));
}

/** Channels whose applier runs; a server that does not let us look says why instead. */
export async function appliersOf(session: MysqlSession): Promise<string[]> {
  try {
    const channels = await readChannels(session);
    return channels.filter(c => c.applies).map(c => c.name);
  } catch (e) {
    if (!NOT_ALLOWED.includes(errnoOf(e) ?? 0)) throw e;
    return [`not known: ${firstLine(describeError(e))}`];
  }
}

/** All channels, stopped ones too; null where we may not look. */
export function channelsOf(session: MysqlSession): Promise<string[] | null> {
  return asked(async () => (await readChannels(session)).map(c => c.name));
}

async function readChannels(session: MysqlSession): Promise<{ name: string; applies: boolean }[]> {
  const isMysql = session.flavor === 'mysql';
  const isNew = isFrom(session, { mysql: '8.0.22' });
  const show = isMysql ? `SHOW ${isNew ? 'REPLICA' : 'SLAVE'} STATUS` : 'SHOW ALL SLAVES STATUS';
  const rows = await session.query<Record<string, string | number | null>>(show);
  return rows.map(c => ({
    name: `channel "${c.Channel_Name ?? c.Connection_name ?? ''}"`,
    applies: (c.Replica_SQL_Running ?? c.Slave_SQL_Running) !== 'No',
  }));
}

/** Name of the replication group that the server is in; empty for none. */
export async function groupOf(session: MysqlSession): Promise<string> {
  const [row] = await session.query<{ Value: string }>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name = 'group_replication_group_name'",
  );
  return row?.Value ?? '';
}

/**
 * Names of events that run by themselves, of a database, or of all but the server's own (null), as
 * `<database>.<event>` then. An event is listed to those alone who may make some: null otherwise.
 */
export async function eventsOf(
  session: MysqlSession,
  database: string | null,
  maySee: boolean,
): Promise<string[] | null> {
  const [row] = await session.query<{ scheduler: string }>(
    'SELECT @@global.event_scheduler AS scheduler',
  );
  if ((row?.scheduler ?? '').toUpperCase() !== 'ON') return [];
  if (!maySee) return null;
  const where = database === null ? "NOT IN ('mysql', 'sys')" : `IN (${quoteText(database)})`;
  const rows = await session.query<{ db: string; name: string }>(
    `SELECT EVENT_SCHEMA AS db, EVENT_NAME AS name FROM information_schema.EVENTS
      WHERE EVENT_SCHEMA ${where} AND STATUS = 'ENABLED' ORDER BY EVENT_SCHEMA, EVENT_NAME`,
  );
  return rows.map(r => (database === null ? `${r.db}.${r.name}` : r.name));
}
