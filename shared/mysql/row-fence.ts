/**
 * The fence around rows that move: triggers on a server of the cluster that refuse to write a row
 * whose owner is another server by now, by the SQL of the table's route. All other rows are written
 * as ever. Named by the job and the table, so that whoever asks a server knows them without a plan.
 *
 * They fire after a row is written, which takes the row back all the same: only then are the values
 * known that it has in the end, by AUTO_INCREMENT, generated columns and the triggers of others.
 * They do not fire for TRUNCATE, nor for what a foreign key carries on.
 *
 * A session that says it probes is refused each UPDATE of a row, whichever: to find one that moves
 * would take a look at the whole table, and there may be none.
 *
 * CREATE and DROP TRIGGER wait until no transaction is open that has used the table, and hold up
 * whoever comes behind: so each is tried for a short time only.
 */
import { createHash } from 'node:crypto';
import type { MysqlSession } from './connect.ts';
import { qualified, quoteId, quoteText } from './identifier.ts';

export interface FencedTable {
  table: string;
  /** The condition of rows that move, by the names of the table's columns; `quote` writes those. */
  condition: (quote: (name: string) => string) => string;
}

const EVENTS = ['INSERT', 'UPDATE', 'DELETE'] as const;

/** The text of a refusal; what an application sees is of error 1644, SQLSTATE 45000. */
export const FENCE_TEXT = 'reshard: the row belongs to another server of the cluster';
/** Error number of SIGNAL. */
export const SIGNALLED = 1644;
/** What a session sets to the job's name to delete rows that have moved. */
const EXEMPT = '@reshard_cleanup';
/** What a session sets to the job's name to be refused like one that writes a row that moves. */
const PROBES = '@reshard_probe';

function triggerName(job: string, table: string, event: string): string {
  const hash = createHash('sha256').update(`${job}\0${table}`).digest('hex').slice(0, 24);
  return `reshard_fence_${hash}_${event.toLowerCase()}`;
}

/**
 * Makes the fence of a table, whatever is left of an older one; `limit` is called in front of each
 * statement that may wait for others.
 */
export async function raiseFence(
  session: MysqlSession,
  { job, database }: { job: string; database: string },
  { table, condition }: FencedTable,
  limit: () => Promise<void> = async () => undefined,
): Promise<void> {
  const of = (row: 'OLD' | 'NEW'): string => condition(name => `${row}.${quoteId(name)}`);
  const moving = {
    INSERT: of('NEW'),
    UPDATE: `(${of('OLD')}) OR (${of('NEW')})`,
    DELETE: of('OLD'),
  };
  const probed = { INSERT: '', UPDATE: ` OR ${PROBES} <=> ${quoteText(job)}`, DELETE: '' };
  for (const event of EVENTS) {
    const name = qualified(database, triggerName(job, table, event));
    await limit();
    await session.rawQuery(`DROP TRIGGER IF EXISTS ${name}`);
    await limit();
    const exempt = event === 'DELETE' ? ` AND NOT (${EXEMPT} <=> ${quoteText(job)})` : '';
    await session.rawQuery(
      `CREATE TRIGGER ${name} AFTER ${event} ON ${qualified(database, table)} FOR EACH ROW ` +
        `IF (${moving[event]})${exempt}${probed[event]} THEN SIGNAL SQLSTATE '45000' ` +
        `SET MESSAGE_TEXT = ${quoteText(FENCE_TEXT)}; END IF`,
    );
  }
}

export async function dropFence(
  session: MysqlSession,
  { job, database }: { job: string; database: string },
  table: string,
): Promise<void> {
  for (const event of EVENTS) {
    const name = qualified(database, triggerName(job, table, event));
    await session.rawQuery(`DROP TRIGGER IF EXISTS ${name}`);
  }
}

/** Tables whose fence does not stand as a whole. */
export async function unfenced(
  session: MysqlSession,
  { job, database }: { job: string; database: string },
  tables: readonly string[],
): Promise<string[]> {
  const found = await session.query<{ name: string; event: string; tab: string }>(
    `SELECT TRIGGER_NAME AS name, EVENT_MANIPULATION AS event, EVENT_OBJECT_TABLE AS tab
       FROM information_schema.TRIGGERS
      WHERE TRIGGER_SCHEMA = ${quoteText(database)} AND ACTION_TIMING = 'AFTER'
        AND ACTION_STATEMENT LIKE ${quoteText(`%${FENCE_TEXT}%`)}`,
  );
  return tables.filter(table =>
    EVENTS.some(
      event =>
        !found.some(
          t => t.name === triggerName(job, table, event) && t.event === event && t.tab === table,
        ),
    ),
  );
}

/** Triggers of others that would act on what is deleted of a table. */
export async function deleteTriggers(
  session: MysqlSession,
  database: string,
  table: string,
): Promise<string[]> {
  const found = await session.query<{ name: string }>(
    `SELECT TRIGGER_NAME AS name FROM information_schema.TRIGGERS
      WHERE EVENT_OBJECT_SCHEMA = ${quoteText(database)}
        AND EVENT_OBJECT_TABLE = ${quoteText(table)} AND EVENT_MANIPULATION = 'DELETE'
        AND ACTION_STATEMENT NOT LIKE ${quoteText(`%${FENCE_TEXT}%`)}`,
  );
  return found.map(t => t.name);
}

/** From here on the fence refuses each UPDATE of a row by this session. */
export async function probeFence(session: MysqlSession, job: string): Promise<void> {
  await session.rawQuery(`SET ${PROBES} = ${quoteText(job)}`);
}

/** From here on the session deletes rows that have moved; nobody else does. */
export async function exemptSession(session: MysqlSession, job: string): Promise<void> {
  await session.rawQuery(`SET ${EXEMPT} = ${quoteText(job)}`);
}
