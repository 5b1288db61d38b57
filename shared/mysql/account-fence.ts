/**
 * The fence of accounts: those that write are locked, and their sessions are ended. For a server on
 * which nobody may set super_read_only. A lock keeps new sessions away and leaves those that are
 * there alone, so each is ended, and its transaction waited for. A lock outlives a restart, and is
 * on a replica as on its source.
 *
 * It stops sessions alone: events run as their definers without one, and an applier of replication
 * needs none. Those are gates of the cutover.
 */
import { sleep } from '../runtime/clock.ts';
import { readAccounts, type ServerAccount } from './account.ts';
import type { MysqlSession } from './connect.ts';
import { quoteText } from './identifier.ts';
import { errnoOf } from './mysql-error.ts';

/** What is needed to lift it; accounts are `user@host`. */
export interface AccountRecord {
  /** Those that we lock, and unlock again: none of them was locked before. */
  locked: string[];
  /** Those that might write all the same when it was raised: others must not. */
  spared: string[];
}

export interface AccountWish {
  lock: 'writers' | readonly string[];
  /** Of all that may write: not these. */
  spare: readonly string[];
}

export interface OwnAccount {
  /** User names that Reshard works by. */
  users: ReadonlySet<string>;
  /** Whether this account may change those that have SYSTEM_USER. */
  isSystem: boolean;
}

export interface AccountPlan extends AccountRecord {
  /** Why it would be no fence, or could not be raised. */
  problems: string[];
}

/** What would be locked as the accounts are now. */
export function planAccounts(
  accounts: readonly ServerAccount[],
  { lock, spare }: AccountWish,
  own: OwnAccount,
): AccountPlan {
  const isOurs = (a: ServerAccount): boolean => own.users.has(a.user);
  const isNamed = (a: ServerAccount): boolean =>
    lock === 'writers'
      ? a.mayWrite && !isOurs(a) && !spare.includes(a.name)
      : lock.includes(a.name);
  const named = accounts.filter(isNamed);
  const locked = named.filter(a => !a.isLocked && !isOurs(a));
  const rest = accounts.filter(a => !a.isLocked && !locked.includes(a));
  return {
    locked: namesOf(locked),
    spared: namesOf(rest.filter(a => a.mayWrite)),
    problems: [
      ...missing(accounts, [...(lock === 'writers' ? [] : lock), ...spare]),
      ...named.filter(isOurs).map(a => `${a.name} is of Reshard itself: it must go on`),
      ...locked.filter(a => a.user === '').map(a => `the sessions of ${a.name} have any name`),
      ...rest.flatMap(a => mistaken(a, locked)),
      ...locked.filter(a => a.isSystem && !own.isSystem).map(a => `${a.name} ${OUT_OF_REACH}`),
      ...(lock === 'writers' && named.length === 0 ? ['no account but ours may write'] : []),
    ],
  };
}

const OUT_OF_REACH = 'has SYSTEM_USER, which ours lacks: GRANT it, or name that one in `spare`';

function missing(accounts: readonly ServerAccount[], names: readonly string[]): string[] {
  const known = namesOf(accounts);
  return names.filter(name => !known.includes(name)).map(name => `there is no account ${name}`);
}

/** A session does not tell by which of the accounts of its user it is there. */
function mistaken(one: ServerAccount, locked: readonly ServerAccount[]): string[] {
  const other = locked.find(a => a.user === one.user);
  if (other === undefined) return [];
  return [`${one.name} has the user of ${other.name}: lock both, or none`];
}

function namesOf(accounts: readonly ServerAccount[]): string[] {
  return accounts.map(a => a.name);
}

/** Why accounts could write to a server that the record says is fenced; nothing: none could. */
export async function unlockedAccounts(
  session: MysqlSession,
  { database, users }: { database: string; users: ReadonlySet<string> },
  record: AccountRecord,
): Promise<string[]> {
  const accounts = await readAccounts(session, database);
  const open = accounts.filter(a => !a.isLocked && !users.has(a.user));
  const able = open.filter(
    a => record.locked.includes(a.name) || (a.mayWrite && !record.spared.includes(a.name)),
  );
  if (able.length > 0) return able.map(a => `${a.name} is not locked`);
  const sessions = await sessionsOf(session, usersOf(record));
  return sessions.map(s => `${s.user} has a session (thread ${s.thread})`);
}

/** Those that are gone meanwhile are left out. */
export async function lockAccounts(
  session: MysqlSession,
  names: readonly string[],
  how: 'LOCK' | 'UNLOCK',
): Promise<void> {
  if (names.length === 0) return;
  await session.rawQuery(`ALTER USER IF EXISTS ${names.map(accountSql).join(', ')} ACCOUNT ${how}`);
}

function accountSql(name: string): string {
  const [user, host] = split(name);
  return `${quoteText(user)}@${quoteText(host)}`;
}

/** A user may have an @ in its name, a host has none. */
function split(name: string): [user: string, host: string] {
  const at = name.lastIndexOf('@');
  return [name.slice(0, at), name.slice(at + 1)];
}

function usersOf({ locked }: AccountRecord): string[] {
  return [...new Set(locked.map(name => split(name)[0]))];
}

const POLL_MS = 20;
/** How long a login may take that had begun before the lock. */
const LOGIN_MS = 250;
/** What the list of processes calls one whose account is not known yet. */
const UNAUTHENTICATED = 'unauthenticated user';

/**
 * Ends sessions of locked accounts, again and again until none is left; false when that takes
 * longer than `endMs` (monotonic). Whoever was about to log in before the lock is in the list from
 * the first look on: that one is waited for, and ended too if it takes its time.
 */
export async function endSessions(
  session: MysqlSession,
  record: AccountRecord,
  endMs: number,
): Promise<boolean> {
  const users = usersOf(record);
  let early: Set<string> | null = null;
  const longMs = performance.now() + LOGIN_MS;
  for (;;) {
    // One question: whoever logs in meanwhile is seen as one of both.
    const seen = await sessionsOf(session, [...users, UNAUTHENTICATED]);
    const inside = seen.filter(s => s.user !== UNAUTHENTICATED);
    const waiting = seen.filter(s => s.user === UNAUTHENTICATED);
    const late = waiting.filter(s => early?.has(s.thread) !== false);
    const isLong = performance.now() > longMs;
    for (const { thread } of isLong ? [...inside, ...late] : inside) {
      await endSession(session, thread);
    }
    if (inside.length + late.length === 0) return await settled(session, endMs);
    early ??= new Set(waiting.map(s => s.thread));
    if (performance.now() > endMs) return false;
    await sleep(POLL_MS);
  }
}

/** The server answers anew what transactions there are when nobody has asked it for so long. */
const TRANSACTIONS_MS = 110;

/**
 * MySQL lists no session whose connection is closed, while its transaction is rolled back, or even
 * committed yet: until there is none without a session, its last word is not in the position.
 */
async function settled(session: MysqlSession, endMs: number): Promise<boolean> {
  for (;;) {
    await sleep(TRANSACTIONS_MS);
    const left = await session.query(
      `SELECT 1 FROM information_schema.INNODB_TRX t
         LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id
        WHERE t.trx_mysql_thread_id <> 0 AND p.ID IS NULL LIMIT 1`,
    );
    if (left.length === 0) return true;
    if (performance.now() > endMs) return false;
  }
}

interface Process {
  thread: string;
  user: string;
}

async function sessionsOf(session: MysqlSession, users: readonly string[]): Promise<Process[]> {
  if (users.length === 0) return [];
  const rows = await session.query<{ thread: string | number; user: string }>(
    `SELECT ID AS thread, USER AS user FROM information_schema.PROCESSLIST
      WHERE USER IN (${users.map(quoteText).join(', ')}) AND COMMAND <> 'Daemon' ORDER BY ID`,
  );
  return rows.map(r => ({ thread: String(r.thread), user: r.user }));
}

const NO_SUCH_THREAD = 1094;
const NOT_OWNER = 1095;
/** Procedures of those who let nobody end the sessions of others by KILL. */
const KILLERS = ['rds_kill', 'az_kill'];

async function endSession(session: MysqlSession, thread: string): Promise<void> {
  try {
    await session.rawQuery(`KILL ${thread}`).catch(async e => {
      const killer = errnoOf(e) === NOT_OWNER ? await killerOf(session) : null;
      if (killer === null) throw e;
      await session.rawQuery(`CALL mysql.${killer}(${thread})`);
    });
  } catch (e) {
    if (errnoOf(e) !== NO_SUCH_THREAD) throw e;
  }
}

/** The procedure of the server that ends a session; null: there is none that we may call. */
export async function killerOf(session: MysqlSession): Promise<string | null> {
  const [row] = await session.query<{ name: string }>(
    `SELECT ROUTINE_NAME AS name FROM information_schema.ROUTINES
      WHERE ROUTINE_SCHEMA = 'mysql' AND ROUTINE_NAME IN (${KILLERS.map(quoteText).join(', ')})`,
  );
  return row?.name ?? null;
}
