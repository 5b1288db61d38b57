/**
 * Alters a table of a target in the way that disturbs it least and that it takes. The server's DDL
 * is in no transaction: what was done before a crash is found by looking, and looked at when it has
 * come to its end, so that no statement is sent a second time.
 */
import { createHash } from 'node:crypto';
import type { JobTarget } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { quoteId, quoteText } from '../../../shared/mysql/identifier.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { LENIENT_SQL_MODE, SESSION_SQL_MODE } from '../../../shared/mysql/session-setting.ts';
import { asReshardError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { Logger } from '../../../shared/runtime/log.ts';

/** What an ALTER TABLE asks of the server, the least disturbance first. */
const WAYS = ['ALGORITHM=INSTANT', 'ALGORITHM=INPLACE, LOCK=NONE'];
/** ALGORITHM or LOCK is not supported for this change; too many, or too long, rows for INSTANT. */
const NOT_THIS_WAY: ReadonlySet<number> = new Set([1845, 1846, 4092, 4093]);
const DUPLICATE_COLUMN = 1060;
/** All who use the table wait behind an ALTER that waits for a transaction. */
const LOCK_WAIT_S = 5;
/** One that copies the table waits once more when it has: too short, and it is for nothing. */
const COPY_LOCK_WAIT_S = 60;

/**
 * Alters a table of a target. `look` gives the statements that are still to be run, when nobody
 * else's of the table are under way. Throws `target` if it cannot be altered now, and
 * `schema-changed` if the server will never take a statement.
 */
export async function alterTarget(
  { log }: { log: Logger },
  target: JobTarget,
  table: string,
  look: () => Promise<readonly string[]>,
): Promise<void> {
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target', log });
  await takeTurn(session, target, table);
  const statements = await look();
  await session.query(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_S}`);
  // A table that is copied is checked anew, and rows may be there before those they refer to.
  await session.query('SET SESSION foreign_key_checks = 0');
  for (const sql of statements) {
    const begunMs = Date.now();
    const way = await alter(session, sql.replace(/;$/, '')).catch(e => {
      if (errnoOf(e) === DUPLICATE_COLUMN) return 'it was there';
      const error = asReshardError(e);
      throw policyOf(error.kind) === 'restart' ? error : untaken(target, sql, error);
    });
    log.info({ target: target.name, sql, way, ms: Date.now() - begunMs }, 'target table altered');
  }
}

/**
 * A server carries on with an ALTER whose client has died, and the session has its locks as long:
 * what the table is by then is what is looked at.
 */
async function takeTurn(
  session: MysqlSession,
  { name, database }: JobTarget,
  table: string,
): Promise<void> {
  const hash = createHash('sha256').update(`${database}\0${table}`).digest('hex');
  const [row] = await session.query<{ got: string | number | null }>(
    'SELECT GET_LOCK(?, ?) AS got',
    [`reshard.alter.${hash.slice(0, 32)}`, LOCK_WAIT_S],
  );
  if (Number(row?.got) === 1) return;
  throw new ReshardError('target', `${name}: another ALTER of ${table} is still under way`, {
    context: { target: name, table },
  });
}

/**
 * Values that a table has by a session that is not strict, and what is computed of them, a strict
 * one does not copy. A column that is wider has them as they are, and the others are not changed.
 */
const DOES_NOT_FIT: ReadonlySet<number> = new Set([1264, 1265, 1292, 1366, 1406]);

/** Returns the way that the server took. */
async function alter(session: MysqlSession, sql: string): Promise<string> {
  try {
    return await alterInTurn(session, sql);
  } catch (e) {
    if (!DOES_NOT_FIT.has(errnoOf(e) ?? 0) || isOfItsColumn(sql, e)) throw e;
  }
  await session.query(`SET SESSION sql_mode = ${quoteText(LENIENT_SQL_MODE)}`);
  try {
    return await alterInTurn(session, sql);
  } finally {
    await session.query(`SET SESSION sql_mode = ${quoteText(SESSION_SQL_MODE)}`);
  }
}

/** Whether the server names a column of the statement as the one that does not fit. */
function isOfItsColumn(sql: string, e: unknown): boolean {
  const { message } = asReshardError(e);
  const column = / for column '(.+)' at row \d+$/s.exec(message)?.[1];
  return column !== undefined && sql.includes(quoteId(column));
}

async function alterInTurn(session: MysqlSession, sql: string): Promise<string> {
  for (const way of WAYS) {
    try {
      await session.query(`${sql}, ${way}`);
      return way;
    } catch (e) {
      if (!NOT_THIS_WAY.has(errnoOf(e) ?? 0)) throw e;
    }
  }
  await session.query(`SET SESSION lock_wait_timeout = ${COPY_LOCK_WAIT_S}`);
  await session.query(sql);
  await session.query(`SET SESSION lock_wait_timeout = ${LOCK_WAIT_S}`);
  return 'as the server does it';
}

/** Its rows get too long by it, or an index, or it has a constraint that the source has not. */
function untaken({ name }: JobTarget, sql: string, cause: ReshardError): ReshardError {
  return new ReshardError('schema-changed', `${name} does not take ${sql}`, {
    cause,
    context: { target: name },
    remedy:
      'make the table of the target one that takes it, and run it there;' +
      ' then `reshard ddl apply <job file>`',
  });
}
