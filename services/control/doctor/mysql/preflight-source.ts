/**
 * Everything that must be true of a source before a job starts. Nothing here writes, and nothing
 * stops at the first finding: the operator gets the whole list at once.
 */

import { checkCascades } from '../../../../shared/mysql/cascade.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { readAccount } from '../../../../shared/mysql/grant.ts';
import { quoteText } from '../../../../shared/mysql/identifier.ts';
import {
  dropHistory,
  inspectTable,
  listTables,
  type ServerFacts,
  serverFacts,
  type TableKind,
} from '../../../../shared/mysql/inspect.ts';
import { mapMysqlError } from '../../../../shared/mysql/mysql-error.ts';
import { refuseOtherKey } from '../../../../shared/mysql/row-key.ts';
import { printTable } from '../../../../shared/mysql/schema-copy.ts';
import type { PrintedTable } from '../../../../shared/mysql/schema-fix.ts';
import { isFrom } from '../../../../shared/mysql/server-version.ts';
import type { TableSchema } from '../../../../shared/schema/table-schema.ts';
import { checkPrivileges, SOURCE_NEEDS } from './grant.ts';
import { checkFormats } from './preflight-format.ts';
import { checkTable, type TableRequest } from './preflight-table.ts';
import { checkGtid, checkSettings, SOURCE_RULES, setGlobal } from './setting-rule.ts';

export interface SourceRequest {
  /** Name of the source for the reader, such as `source shard1 (db1:3306)`. */
  where: string;
  db: string;
  tables: readonly TableRequest[];
  /** Server id that our binlog reader will use; null if it makes one of its own. */
  dumpServerId: number | null;
  maxMessageBytes: number;
  /** The job has started before: its own reader may be connected. */
  resuming: boolean;
}

export interface SourceReport {
  findings: Finding[];
  facts: ServerFacts;
  serverUuid: string;
  /** By table name; a table that cannot be inspected is missing. */
  schemas: Map<string, TableSchema>;
  /** By table name. */
  printed: Map<string, PrintedTable>;
}

const HOUR_S = 3600;
/** A careful guess of the slowest copy, to see whether the log will outlive it. */
const SLOW_COPY_BYTES_PER_S = 2 * 1024 * 1024;

export async function preflightSource(
  session: MysqlSession,
  request: SourceRequest,
): Promise<SourceReport> {
  const facts = await serverFacts(session);
  const { where, db } = request;
  const names = request.tables.map(t => t.table);
  const findings = [
    ...checkVersion(session, where),
    ...checkSettings(SOURCE_RULES, session.flavor, facts, where),
    ...checkGtid(session.flavor, facts, where),
    ...checkPrivileges(await readAccount(session), SOURCE_NEEDS, db, names, where),
    ...(await checkServerId(session, facts, request)),
    ...(await checkReplica(session, facts, where)),
    ...(await checkLogFilter(session, db, where)),
    ...(await checkFormats(session, facts, where)),
    ...(await checkCascades(session, facts, db, names, where)),
  ];
  const tables = await preflightTables(session, facts, request);
  return {
    findings: [...findings, ...tables.findings],
    facts,
    serverUuid: serverUuid(facts),
    schemas: tables.schemas,
    printed: tables.printed,
  };
}

/** MariaDB has no server uuid: host name and port tell two servers apart well enough. */
export function serverUuid(facts: ServerFacts): string {
  return facts.get('server_uuid') ?? `${facts.text('hostname')}:${facts.text('port')}`;
}

function checkVersion(session: MysqlSession, where: string): Finding[] {
  if (isFrom(session, { mysql: '8.0.0', mariadb: '10.5.0' })) return [];
  return [
    {
      level: 'blocker',
      code: 'source-version',
      where,
      what: `version ${session.version} is too old`,
      why: 'Column names and types in the binary log (binlog_row_metadata=FULL) exist from MySQL 8.0 and MariaDB 10.5 on.',
      fix: 'upgrade the server, or use a replica of a newer version as the source',
    },
  ];
}

async function preflightTables(
  session: MysqlSession,
  facts: ServerFacts,
  request: SourceRequest,
): Promise<Pick<SourceReport, 'findings' | 'schemas' | 'printed'>> {
  const { where, db, maxMessageBytes } = request;
  const findings: Finding[] = [];
  const schemas = new Map<string, TableSchema>();
  const printed = new Map<string, PrintedTable>();
  const present = new Map((await listTables(session, db)).map(t => [t.table, t]));
  let dataBytes = 0;
  for (const { table, route, key } of request.tables) {
    const found = present.get(table);
    if (found === undefined || found.kind !== 'table') {
      findings.push(noTable(where, db, table, found?.kind));
      continue;
    }
    dataBytes += found.dataBytes;
    try {
      const schema = await inspectTable(session, db, table, { key });
      refuseOtherKey(schema, key);
      schemas.set(table, schema);
      printed.set(table, await printTable(session, db, table));
      const context = { session, facts, db, where, maxMessageBytes };
      findings.push(...(await checkTable(context, schema, found, route)));
    } catch (e) {
      findings.push(tableError(e, session, `${where} ${db}.${table}`));
    }
  }
  findings.push(...checkRetention(session, facts, dataBytes, where));
  return { findings, schemas, printed };
}

function noTable(where: string, db: string, table: string, kind?: TableKind): Finding {
  if (kind === 'system-versioned table') {
    return {
      level: 'blocker',
      code: 'table-history',
      where: `${where} ${db}.${table}`,
      what: 'this is a system-versioned table',
      why: 'The binary log tells its deletes as changes, and rows of the past as new ones.',
      fix: `${dropHistory(db, table)}; or leave the table out of the job`,
    };
  }
  return {
    level: 'blocker',
    code: 'table-missing',
    where: `${where} ${db}.${table}`,
    what: kind === undefined ? 'there is no such table' : `this is a ${kind}, not a table`,
    why: 'The job names it. Names are compared with their case; the user needs SELECT to see it.',
    fix: 'correct `tables` in the job file, or create the table',
  };
}

/** One table that cannot be examined must not hide the findings of the others. */
export function tableError(e: unknown, session: MysqlSession, where: string): Finding {
  const error = mapMysqlError(e, session.where());
  if (error.kind === 'unreachable') throw error;
  return {
    level: 'blocker',
    code: `table-${error.kind}`,
    where,
    what: error.message,
    why: 'The table could not be examined.',
    fix: error.remedy ?? '',
  };
}

/** Binlogs must outlive the copy and a weekend's outage of ours. */
function checkRetention(
  session: MysqlSession,
  facts: ServerFacts,
  dataBytes: number,
  where: string,
): Finding[] {
  if (facts.get('binlog_expire_logs_auto_purge') === 'OFF') return [];
  const seconds =
    facts.get('binlog_expire_logs_seconds') ?? String(facts.number('expire_logs_days') * 86400);
  const kept = Number(seconds);
  if (kept === 0 || Number.isNaN(kept)) return [];
  const needed = Math.ceil(Math.max(HOUR_S, (2 * dataBytes) / SLOW_COPY_BYTES_PER_S));
  if (kept >= Math.max(needed, 24 * HOUR_S)) return [];
  return [
    {
      level: kept < needed ? 'blocker' : 'warning',
      code: 'binlog-retention',
      where,
      what: `binary logs are kept for ${kept} s; the copy may need ${needed} s, an outage more`,
      why: 'When a log that is still needed is purged, changes are lost and the copy starts again.',
      fix: setGlobal(
        session.flavor,
        'binlog_expire_logs_seconds',
        String(Math.max(7 * 24 * HOUR_S, needed)),
      ),
    },
  ];
}

async function checkServerId(
  session: MysqlSession,
  facts: ServerFacts,
  request: SourceRequest,
): Promise<Finding[]> {
  const { where, dumpServerId } = request;
  const own = facts.number('server_id');
  const found: Finding[] = [];
  if (own === 0) {
    found.push({
      level: 'blocker',
      code: 'server-id-zero',
      where,
      what: 'server_id is 0',
      why: 'A server with id 0 serves no binary log.',
      // Any number that no other server has: its port is a fair guess.
      fix: setGlobal(session.flavor, 'server_id', facts.text('port') || '1'),
    });
  }
  if (dumpServerId === null) return found;
  const others = request.resuming ? [] : await replicaIds(session);
  if (dumpServerId !== own && !others.includes(dumpServerId)) return found;
  const taken = new Set([own, ...others]);
  let free = dumpServerId + 1;
  while (taken.has(free)) free += 1;
  const owner = dumpServerId === own ? 'the server itself' : 'another replica of it';
  return [
    ...found,
    {
      level: 'blocker',
      code: 'server-id-taken',
      where,
      what: `the server id ${dumpServerId} of our binlog reader belongs to ${owner}`,
      why: 'Two readers with one id throw each other out, over and over.',
      fix: `set \`serverId: ${free}\` for this source in the job file`,
    },
  ];
}

/** Ids of connected replicas; none if we may not see them (the privilege check tells that). */
async function replicaIds(session: MysqlSession): Promise<number[]> {
  const isNew = isFrom(session, { mysql: '8.0.22' });
  const sql = isNew ? 'SHOW REPLICAS' : 'SHOW SLAVE HOSTS';
  try {
    const rows = await session.query<Record<string, number | string>>(sql);
    return rows.map(r => Number(r.Server_Id ?? r.Server_id ?? 0));
  } catch (e) {
    if (mapMysqlError(e, session.where()).kind === 'denied') return [];
    throw e;
  }
}

/** A replica as the source must log what it applies, in the order of its primary. */
async function checkReplica(
  session: MysqlSession,
  facts: ServerFacts,
  where: string,
): Promise<Finding[]> {
  const isMysql = session.flavor === 'mysql';
  const rows = await optionalRows(session, [
    isMysql ? 'SHOW REPLICA STATUS' : 'SHOW ALL SLAVES STATUS',
    'SHOW SLAVE STATUS',
  ]);
  if (rows.length === 0) return [];
  const found: Finding[] = [];
  const logs = facts.get('log_replica_updates') ?? facts.text('log_slave_updates');
  if (logs.toUpperCase() !== 'ON') {
    const name = isMysql ? 'log_replica_updates' : 'log_slave_updates';
    found.push({
      level: 'blocker',
      code: 'log-replica-updates',
      where,
      what: `the source is a replica with ${name} off`,
      why: 'Changes that come from its primary are not in its binary log.',
      fix: `put \`${name} = ON\` under [mysqld] in the server's configuration file and restart it`,
    });
  }
  const workers = facts.number('replica_parallel_workers');
  if (isMysql && workers > 1 && !facts.isOn('replica_preserve_commit_order')) {
    found.push({
      level: 'blocker',
      code: 'replica-commit-order',
      where,
      what: 'the source is a replica that commits in another order than its primary',
      why: 'A resume point could name a transaction of which an earlier one is still missing.',
      fix: 'STOP REPLICA SQL_THREAD; SET PERSIST replica_preserve_commit_order = ON; START REPLICA SQL_THREAD;',
    });
  }
  return found;
}

/** Rows of the first statement that this server knows and allows. */
async function optionalRows(
  session: MysqlSession,
  statements: readonly string[],
): Promise<Record<string, string>[]> {
  for (const sql of statements) {
    try {
      return await session.query<Record<string, string>>(sql);
    } catch (e) {
      const { kind } = mapMysqlError(e, session.where());
      if (kind !== 'bug' && kind !== 'denied') throw e;
    }
  }
  return [];
}

/** binlog_do_db and binlog_ignore_db leave whole databases out of the log. */
async function checkLogFilter(
  session: MysqlSession,
  db: string,
  where: string,
): Promise<Finding[]> {
  const rows = await optionalRows(session, [
    session.flavor === 'mysql' ? 'SHOW BINARY LOG STATUS' : 'SHOW BINLOG STATUS',
    'SHOW MASTER STATUS',
  ]);
  const only = (rows[0]?.Binlog_Do_DB ?? '').split(',').filter(s => s !== '');
  const never = (rows[0]?.Binlog_Ignore_DB ?? '').split(',').filter(s => s !== '');
  const isLogged = (only.length === 0 || only.includes(db)) && !never.includes(db);
  if (isLogged) return [];
  return [
    {
      level: 'blocker',
      code: 'binlog-filter',
      where,
      what: `binlog_do_db or binlog_ignore_db keeps ${quoteText(db)} out of the binary log`,
      why: 'Changes of this database are not logged at all.',
      fix: "take binlog_do_db and binlog_ignore_db out of the server's configuration file and restart it",
    },
  ];
}
