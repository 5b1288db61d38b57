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
 * fence is to refuse whichever row it is (row-fence.ts).
 */
import type { JobSource } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { FENCE_TEXT, probeFence, SIGNALLED } from '../../../shared/mysql/row-fence.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { asReshardError, describeError, firstLine } from '../../../shared/runtime/error.ts';

export type ProbeAnswer =
  /** The statement went through: nothing is frozen here. */
  | { kind: 'accepted'; serverUuid: string }
  /** Refused because the server is read-only (1290), or because the row moves (1644). */
  | { kind: 'refused'; serverUuid: string; text: string }
  /** There is no row: nothing could be refused. */
  | { kind: 'untried'; serverUuid: string }
  /** Anything else, a missing privilege too: it says nothing of a freeze. */
  | { kind: 'unclear'; text: string };

export interface ProbePlace {
  source: JobSource;
  account: { user: string; password: string };
  table: string;
  /** A column that is not generated. */
  column: string;
  /** The job whose fence it is, where only rows that move are refused. */
  fence?: string;
}

const OPTION_PREVENTS = 1290;
const TIMEOUT_MS = 3000;

/** Of several tables the first that has a row to try it with. */
export async function probe(places: readonly ProbePlace[]): Promise<ProbeAnswer> {
  let answer: ProbeAnswer = { kind: 'unclear', text: 'there is no table to probe' };
  for (const place of places) {
    answer = await probeTable(place);
    if (answer.kind !== 'untried') break;
  }
  return answer;
}

/** By a connection of its own, as the application would come. */
async function probeTable(place: ProbePlace): Promise<ProbeAnswer> {
  const { source, account, table, column, fence } = place;
  try {
    await using session = await MysqlSession.open(
      { ...source, ...account },
      {
        role: 'apply',
        side: 'source',
        connectTimeoutMs: TIMEOUT_MS,
        statementTimeoutMs: TIMEOUT_MS,
        lockWaitTimeoutS: 1,
      },
    );
    await session.rawQuery('SET SESSION lock_wait_timeout = 1');
    const serverUuid = await readServerUuid(session);
    const name = quoteId(column);
    if (fence !== undefined) {
      await probeFence(session, fence);
      const row = `SELECT 1 FROM ${qualified(source.database, table)} LIMIT 1`;
      if ((await session.query(row)).length === 0) return { kind: 'untried', serverUuid };
    }
    const where = fence === undefined ? 'WHERE 1 = 0' : 'LIMIT 1';
    const nothing = `UPDATE ${qualified(source.database, table)} SET ${name} = ${name} ${where}`;
    // Rows that do not move are looked at, and none of them stays locked.
    await session.rawQuery('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
    await session.rawQuery('START TRANSACTION');
    try {
      await session.rawQuery(nothing);
      return { kind: 'accepted', serverUuid };
    } catch (e) {
      const text = said(e);
      const isRefused =
        fence === undefined
          ? errnoOf(e) === OPTION_PREVENTS && /read.only/i.test(text)
          : errnoOf(e) === SIGNALLED && text.includes(FENCE_TEXT);
      return isRefused ? { kind: 'refused', serverUuid, text } : { kind: 'unclear', text };
    } finally {
      if (session.alive) await session.rawQuery('ROLLBACK');
    }
  } catch (e) {
    return { kind: 'unclear', text: said(e) };
  }
}

function said(e: unknown): string {
  return firstLine(describeError(asReshardError(e)));
}
