/**
 * The negative probe: whether an account like that of the application can write to a source. A
 * freeze is not taken at its word. A proxy may lead to another server, somebody may have lifted it,
 * an account may have more rights than anyone knows.
 *
 * What it writes is an UPDATE that no row fits, in a transaction that is rolled back. The server
 * refuses it by what it is, before it looks for rows; where nothing is frozen it changes nothing,
 * leaves no lock behind and nothing in the binlog. That it goes through before the freeze shows
 * that the account may write at all: one that never could would find everything frozen. Where only
 * rows that move are refused, it is an UPDATE that leaves a row as it is, by a session that the
 * fence is to refuse whichever row it is (row-fence.ts): one that nobody else has locked, since
 * a trigger fires behind the lock, and the first row may be the one that is written all the time.
 *
 * An account that is locked is not let in, so it cannot say by which server: the server that we
 * ask ourselves must have counted it. A hook may refuse by whatever the server knows.
 */
import {
  asReshardError,
  describeError,
  firstLine,
  ReshardError,
  unreachable,
} from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import { type MysqlEndpoint, MysqlSession } from './connect.ts';
import { qualified, quoteId } from './identifier.ts';
import { keyLiteralList } from './key-literal.ts';
import { errnoOf, LOCK_WAIT_TIMEOUT } from './mysql-error.ts';
import { keysPredicate } from './range-sql.ts';
import { FENCE_TEXT, probeFence, SIGNALLED } from './row-fence.ts';
import { readServerUuid } from './server-uuid.ts';

export type ProbeAnswer =
  /** The statement went through: nothing is frozen here. */
  | { kind: 'accepted'; serverUuid: string }
  /** Refused by what the fence of the server refuses by, and it was that server. */
  | { kind: 'refused'; serverUuid: string; text: string }
  /** There is no row: nothing could be refused. */
  | { kind: 'untried'; serverUuid: string }
  /** Others have locked what it would write: nothing of a freeze, nor of the account. */
  | { kind: 'locked'; text: string }
  /** Anything else, a missing privilege too: it says nothing of a freeze. */
  | { kind: 'unclear'; text: string };

export interface ProbePlace {
  /** As Reshard itself comes there. */
  source: MysqlEndpoint;
  account: { user: string; password: string };
  schema: TableSchema;
  /** By what the server is fenced, if it is. */
  by: 'read-only' | 'triggers' | 'accounts' | 'hook';
  /** The job whose fence it is, where only rows that move are refused. */
  job: string;
}

const OPTION_PREVENTS = 1290;
/** MySQL's, MariaDB's. */
const ACCOUNT_LOCKED = [3118, 4151];
const TIMEOUT_MS = 3000;
const LIMITS = {
  side: 'source',
  connectTimeoutMs: TIMEOUT_MS,
  statementTimeoutMs: TIMEOUT_MS,
  lockWaitTimeoutS: 1,
} as const;

/** Of several tables the first that has a row to try it with, one that nobody has locked. */
export async function probe(places: readonly ProbePlace[]): Promise<ProbeAnswer> {
  let answer: ProbeAnswer = { kind: 'unclear', text: 'there is no table to probe' };
  for (const [i, place] of places.entries()) {
    const found = await probeTable(place);
    if (found.kind !== 'untried' && found.kind !== 'locked') return found;
    // That nothing moves from here is not said while there is a row that was not tried.
    if (i === 0 || found.kind === 'locked') answer = found;
  }
  return answer;
}

async function probeTable(place: ProbePlace): Promise<ProbeAnswer> {
  try {
    if (place.by !== 'accounts' && place.by !== 'hook') return await tryWrite(place);
    await using own = await MysqlSession.open(place.source, { ...LIMITS, role: 'admin' });
    const before = await refusedLogins(own);
    try {
      return await tryWrite(place);
    } catch (e) {
      const isLocked = ACCOUNT_LOCKED.includes(errnoOf(e) ?? 0);
      if (!isLocked && !(place.by === 'hook' && isDenied(e))) throw e;
      const isCounted = before === null || (await refusedLogins(own)) !== before;
      if (isLocked && !isCounted) return { kind: 'unclear', text: `${said(e)}, by another server` };
      return { kind: 'refused', serverUuid: await readServerUuid(own), text: said(e) };
    }
  } catch (e) {
    return { kind: 'unclear', text: said(e) };
  }
}

/** Of locked accounts; null where the server does not count them. */
async function refusedLogins(session: MysqlSession): Promise<string | null> {
  const [row] = await session.query<{ Value: string }>("SHOW GLOBAL STATUS LIKE 'Locked_connects'");
  return row?.Value ?? null;
}

/** By a connection of its own, as the application would come; throws if it is not let in. */
async function tryWrite(place: ProbePlace): Promise<ProbeAnswer> {
  const { source, account, schema, by, job } = place;
  await using session = await MysqlSession.open(
    { ...source, ...account },
    { ...LIMITS, role: 'apply' },
  );
  await session.rawQuery('SET SESSION lock_wait_timeout = 1');
  const serverUuid = await readServerUuid(session);
  if (by === 'triggers') await probeFence(session, job);
  await session.rawQuery('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  await session.rawQuery('START TRANSACTION');
  try {
    const row = by === 'triggers' ? await freeRow(session, schema) : '1 = 0';
    if (row === null) {
      if (!(await hasRow(session, schema))) return { kind: 'untried', serverUuid };
      return { kind: 'locked', text: `${schema.table} has no row to try` };
    }
    await session.rawQuery(`UPDATE ${nameOf(schema)} SET ${unchanged(schema)} WHERE ${row}`);
    return { kind: 'accepted', serverUuid };
  } catch (e) {
    const text = said(e);
    if (isRefusal(e, text, by)) return { kind: 'refused', serverUuid, text };
    return { kind: errnoOf(e) === LOCK_WAIT_TIMEOUT ? 'locked' : 'unclear', text };
  } finally {
    if (session.alive) await session.rawQuery('ROLLBACK');
  }
}

const nameOf = (schema: TableSchema): string => qualified(schema.db, schema.table);

async function hasRow(session: MysqlSession, schema: TableSchema): Promise<boolean> {
  return (await session.query(`SELECT 1 FROM ${nameOf(schema)} LIMIT 1`)).length > 0;
}

/** The condition of a row that is ours alone until the transaction ends; null: there is none. */
async function freeRow(session: MysqlSession, schema: TableSchema): Promise<string | null> {
  const key = `CAST(CONCAT_WS('\t', ${keyLiteralList(schema)}) AS CHAR)`;
  const [row] = await session.query<{ k: string }>(
    `SELECT ${key} AS k FROM ${nameOf(schema)} LIMIT 1 FOR UPDATE SKIP LOCKED`,
  );
  return row === undefined ? null : keysPredicate(schema, [row.k.split('\t')]);
}

/** An assignment that leaves a row as it is. */
function unchanged({ columns, table }: TableSchema): string {
  const written = columns.find(c => c.generated === 'no');
  if (written === undefined) throw new ReshardError('bug', `${table} has generated columns alone`);
  return `${quoteId(written.name)} = ${quoteId(written.name)}`;
}

function isRefusal(e: unknown, text: string, by: ProbePlace['by']): boolean {
  const isReadOnly = errnoOf(e) === OPTION_PREVENTS && /read.only/i.test(text);
  switch (by) {
    case 'read-only':
      return isReadOnly;
    case 'triggers':
      return errnoOf(e) === SIGNALLED && text.includes(FENCE_TEXT);
    case 'accounts':
      // Whoever is let in is none that is locked.
      return false;
    case 'hook':
      return isReadOnly || errnoOf(e) === SIGNALLED || isDenied(e);
    default:
      return unreachable(by);
  }
}

/** The server has said that the account may not. */
function isDenied(e: unknown): boolean {
  return e instanceof ReshardError && e.kind === 'denied';
}

function said(e: unknown): string {
  return firstLine(describeError(asReshardError(e)));
}
