/**
 * The server that is read may be another one than before: a replica took its place. By global ids
 * our position means the same there, if that server has every transaction that the log has. It is
 * not left to the server to refuse: MySQL compares only transactions that were born on itself, so
 * a replica that was promoted too early would serve us, and the log would hold changes that no
 * server knows, for ever.
 */
import type { JobSource } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { SourceFacts } from './source-facts.ts';

export interface ReadServer {
  source: JobSource;
  log: Logger;
  facts: SourceFacts;
}

/**
 * A transaction is sent to readers of the binlog before it is visible, and a replica may still be
 * applying what it has received: that much patience.
 */
const WAIT_SECONDS = 5;
const MISSING_MAX = 400;

/** Refuses a server that lacks transactions of `gtid`; tells of one that is not `before`. */
export async function holdsAll(at: ReadServer, gtid: string, before: string): Promise<void> {
  const { source, log, facts } = at;
  // MariaDB refuses by itself a position that its binlog does not have.
  if (facts.flavor !== 'mysql') return;
  const place = { host: source.host, port: source.port, serverUuid: facts.serverUuid };
  if (before !== '' && before !== facts.serverUuid) {
    log.warn({ ...place, before, gtid }, 'the source is another server than before');
  }
  await using session = await MysqlSession.open(source, { role: 'admin', side: 'source', log });
  const [held] = await session.query<{ late: string | number }>(
    'SELECT WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS late',
    [gtid, WAIT_SECONDS],
  );
  if (Number(held?.late) === 0) return;
  const [lost] = await session.query<{ missing: string }>(
    'SELECT GTID_SUBTRACT(?, @@global.gtid_executed) AS missing',
    [gtid],
  );
  const missing = (lost?.missing ?? '').replaceAll(/\s/g, '');
  if (missing === '') return;
  throw new ReshardError('position-lost', 'the source lacks transactions that are in the log', {
    context: { source: source.name, ...place, before, missing: missing.slice(0, MISSING_MAX) },
    remedy:
      'if it is a replica that still applies them, wait and start the member again; else point the' +
      ` job at a server that has them, or \`reshard recopy <job file> --source ${source.name}\`` +
      ' copies the tables anew from this one',
  });
}
