/** What the writer must know of the server before it asks for the binlog. */
import { randomInt } from 'node:crypto';
import type { Flavor } from '../../../shared/change/gtid.ts';
import type { JobSource } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { isFrom, type ServerVersion } from '../../../shared/mysql/server-version.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';

export interface SourceFacts {
  flavor: Flavor;
  version: string;
  /** The server's uuid; MariaDB has none, there it is made of its server id. */
  serverUuid: string;
  /** By it the job knows the server; MariaDB has one for this, other than `serverUuid`. */
  identityUuid: string;
  /** Id that our reader takes; another reader with the same one would end ours. */
  readerId: number;
  /** What the server's clock is ahead of ours: its commit times are by its own clock. */
  clockAheadMs: number;
  nameKey: NameKey;
}

/** Names that are one name to the server give one text: on most servers `T` and `t` are two. */
export type NameKey = (name: string) => string;

/** Made at random in a range in which no server is numbered by hand. */
export const READER_ID_MIN = 0x8000_0000;
export const READER_ID_MAX = 0xffff_fff0;

/**
 * Whether whoever sees an XA transaction's commit among the visible ones sees its rows too: chunks
 * are merged by that. MySQL commits it as any other one since 8.0.30; before, and on MariaDB, the
 * binlog and the set of transactions may have it earlier than a SELECT.
 */
export function carriesXa(server: ServerVersion): boolean {
  return isFrom(server, { mysql: '8.0.30' });
}

export async function sourceFacts(source: JobSource, log: Logger): Promise<SourceFacts> {
  await using session = await MysqlSession.open(source, { role: 'admin', side: 'source', log });
  const { flavor, version } = session;
  const mysql = flavor === 'mysql';
  const uuid = mysql ? '@@server_uuid' : "CONCAT('server-', @@server_id)";
  const askedMs = Date.now();
  const [facts] = await session.query<
    Record<'id' | 'uuid' | 'log' | 'mode' | 'names' | 'clock', string>
  >(
    `SELECT @@server_id AS id, ${uuid} AS uuid, @@log_bin AS log,
      @@lower_case_table_names AS names, ${mysql ? '@@gtid_mode' : "'ON'"} AS mode,
      UNIX_TIMESTAMP(SYSDATE(6)) AS clock`,
  );
  const heardMs = Date.now();
  if (facts === undefined) throw new ReshardError('source', 'the server tells nothing of itself');
  const context = { host: source.host, port: source.port };
  if (`${facts.log}` !== '1' || facts.mode !== 'ON') {
    throw new ReshardError('server-setting', 'the source has no binlog with global ids', {
      context: { ...context, log_bin: facts.log, gtid_mode: facts.mode },
      remedy: 'start it with log_bin, gtid_mode = ON, enforce_gtid_consistency = ON',
    });
  }
  const readerId = source.serverId ?? randomInt(READER_ID_MIN, READER_ID_MAX);
  if (source.serverId !== undefined) await refuseTakenId(session, readerId, Number(facts.id));
  const nameKey: NameKey = name => (`${facts.names}` === '0' ? name : name.toLowerCase());
  const clockAheadMs = Math.round(Number(facts.clock) * 1000 - (askedMs + heardMs) / 2);
  const identityUuid = await readServerUuid(session);
  const { uuid: serverUuid } = facts;
  return { flavor, version, serverUuid, identityUuid, readerId, clockAheadMs, nameKey };
}

async function refuseTakenId(session: MysqlSession, id: number, serverId: number): Promise<void> {
  const statement = session.flavor === 'mysql' ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS';
  const replicas = await session.query<{ Server_Id?: string; Server_id?: string }>(statement);
  const taken = replicas.some(r => Number(r.Server_Id ?? r.Server_id) === id);
  if (id !== serverId && !taken) return;
  throw new ReshardError('server-setting', `server id ${id} is in use`, {
    context: session.where(),
    remedy: 'give the source another serverId in the job file, or none',
  });
}
