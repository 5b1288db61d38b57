/**
 * What must be true of a replica that rows of the copy are read from. A chunk carries the set of
 * transactions that the replica had applied, so one that is behind costs time and nothing else;
 * one that is not a replica of this source, or has changes of its own, would bring rows that no
 * event of the binlog ever corrects.
 */

import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { readAccount } from '../../../../shared/mysql/grant.ts';
import { qualified, quoteText } from '../../../../shared/mysql/identifier.ts';
import { inspectTable, type ServerFacts, serverFacts } from '../../../../shared/mysql/inspect.ts';
import { mapMysqlError } from '../../../../shared/mysql/mysql-error.ts';
import { replicaFaults } from '../../../../shared/mysql/replica-fidelity.ts';
import {
  rowKeyNames,
  schemaFingerprint,
  type TableSchema,
} from '../../../../shared/schema/table-schema.ts';
import { checkPrivileges, SOURCE_NEEDS } from './grant.ts';
import { serverUuid, tableError } from './preflight-source.ts';

export interface ReplicaRequest {
  where: string;
  db: string;
  /** The tables as they are on the source. */
  schemas: ReadonlyMap<string, TableSchema>;
  sourceUuid: string;
}

export async function preflightReplica(
  replica: MysqlSession,
  source: MysqlSession,
  request: ReplicaRequest,
): Promise<Finding[]> {
  const { where } = request;
  if (replica.flavor !== source.flavor) return [unrelated(where, 'is another kind of server')];
  const facts = await serverFacts(replica);
  if (serverUuid(facts) === request.sourceUuid) return [sameServer(where)];
  return [
    ...checkSettings(replica, facts, where),
    ...(await checkFidelity(replica, request)),
    ...(await checkSets(replica, source, where)),
    ...(await checkRights(replica, request)),
    ...(await checkTables(replica, request)),
  ];
}

/** What can be seen of filters and skips; and a word on what cannot. */
async function checkFidelity(
  replica: MysqlSession,
  { where, db, schemas }: ReplicaRequest,
): Promise<Finding[]> {
  try {
    const faults = await replicaFaults(replica, db, [...schemas.keys()]);
    return [
      ...faults.map(fault => ({ level: 'blocker' as const, where, ...fault })),
      unseen(where),
    ];
  } catch (e) {
    const error = mapMysqlError(e, replica.where());
    if (error.kind !== 'denied') throw error;
    return [
      {
        level: 'blocker',
        code: 'replica-status-denied',
        where,
        what: 'the account may not see the state of the replication',
        why: 'A filter or a skipped event makes rows of the replica wrong, and could not be seen.',
        fix: `GRANT ${replica.flavor === 'mysql' ? 'REPLICATION CLIENT' : 'REPLICA MONITOR'} ON *.* TO ${quoteText(replica.endpoint.user)}@'%';`,
      },
    ];
  }
}

function unseen(where: string): Finding {
  return {
    level: 'info',
    code: 'replica-unseen',
    where,
    what: 'a transaction that was replaced by an empty one, or rows changed with sql_log_bin = 0, cannot be seen',
    why: 'Its rows are taken for what its GTID set says.',
    fix: 'reshard verify <job file> -- after the copy: it compares with the source itself',
  };
}

function sameServer(where: string): Finding {
  return {
    level: 'warning',
    code: 'replica-is-source',
    where,
    what: 'this is the source itself',
    why: 'The copy loads the source, which a replica is there to prevent.',
    fix: 'name the replica, or take `replica` out of the job file',
  };
}

function unrelated(where: string, what: string): Finding {
  return {
    level: 'blocker',
    code: 'replica-unrelated',
    where,
    what,
    why: 'Its rows say nothing of the source, and its transactions cannot be compared with those of the source.',
    fix: 'correct host and port of `replica` in the job file',
  };
}

function checkSettings(replica: MysqlSession, facts: ServerFacts, where: string): Finding[] {
  const found: Finding[] = [];
  const isMysql = replica.flavor === 'mysql';
  if (isMysql && facts.text('gtid_mode') !== 'ON') {
    found.push({
      level: 'blocker',
      code: 'replica-gtid-mode',
      where,
      what: `gtid_mode is ${facts.text('gtid_mode')}`,
      why: 'Which transactions a chunk has seen is told by their global ids.',
      fix: 'SET PERSIST enforce_gtid_consistency = ON; SET PERSIST gtid_mode = OFF_PERMISSIVE; SET PERSIST gtid_mode = ON_PERMISSIVE; SET PERSIST gtid_mode = ON;',
    });
  }
  const name = isMysql ? 'log_replica_updates' : 'log_slave_updates';
  const logs = facts.get(name) ?? facts.text('log_slave_updates');
  if (logs.toUpperCase() !== 'ON') {
    found.push({
      level: 'blocker',
      code: 'replica-log-updates',
      where,
      what: `${name} is off`,
      why: 'What it has applied is not in its own binary log, so it could not take the place of the source.',
      fix: `put \`${name} = ON\` under [mysqld] in the server's configuration file and restart it`,
    });
  }
  const workers = facts.number('replica_parallel_workers');
  if (isMysql && workers > 1 && !facts.isOn('replica_preserve_commit_order')) {
    found.push({
      level: 'blocker',
      code: 'replica-commit-order',
      where,
      what: `${workers} workers commit in another order than the source`,
      why: 'It shows states that the source never had, and could not take the place of the source.',
      fix: 'STOP REPLICA SQL_THREAD; SET PERSIST replica_preserve_commit_order = ON; START REPLICA SQL_THREAD;',
    });
  }
  return found;
}

/** Compares what the two have executed; the source is asked before and after the replica. */
async function checkSets(
  replica: MysqlSession,
  source: MysqlSession,
  where: string,
): Promise<Finding[]> {
  if (replica.flavor !== 'mysql') return [];
  const before = await executed(source);
  const applied = await executed(replica);
  const after = await executed(source);
  const common = await subtract(replica, before, await subtract(replica, before, applied));
  if (before !== '' && common === '') {
    return [unrelated(where, 'it has none of the transactions of the source')];
  }
  const found: Finding[] = [];
  const missing = await subtract(replica, before, applied);
  if (missing !== '') {
    found.push({
      level: 'warning',
      code: 'replica-lag',
      where,
      what: `it has not applied ${short(missing)}`,
      why: 'Chunks of a replica that is behind are read again until it has caught up: the copy waits for it.',
      fix: 'SHOW REPLICA STATUS; -- both threads must run, and Seconds_Behind_Source fall',
    });
  }
  const own = await subtract(replica, applied, after);
  if (own !== '') {
    found.push({
      level: 'blocker',
      code: 'replica-own-changes',
      where,
      what: `it has transactions that the source has not: ${short(own)}`,
      why: 'Rows that they changed would be copied, and no event of the source would ever correct them.',
      fix: `-- look at them, then on the source for each one: SET gtid_next = ${quoteText('uuid:number')}; BEGIN; COMMIT; SET gtid_next = AUTOMATIC;`,
    });
  }
  return found;
}

async function executed(session: MysqlSession): Promise<string> {
  const [row] = await session.query<{ gtids: string }>('SELECT @@global.gtid_executed AS gtids');
  return (row?.gtids ?? '').replaceAll(/\s/g, '');
}

async function subtract(session: MysqlSession, a: string, b: string): Promise<string> {
  const rows = await session.query<{ rest: string }>('SELECT GTID_SUBTRACT(?, ?) AS rest', [a, b]);
  return (rows[0]?.rest ?? '').replaceAll(/\s/g, '');
}

function short(gtids: string): string {
  return gtids.length > 200 ? `${gtids.slice(0, 200)}...` : gtids;
}

/** Rows are read, the log is not. */
async function checkRights(
  replica: MysqlSession,
  { db, schemas, where }: ReplicaRequest,
): Promise<Finding[]> {
  const needs = SOURCE_NEEDS.filter(n => n.privilege === 'SELECT');
  return checkPrivileges(await readAccount(replica), needs, db, [...schemas.keys()], where);
}

async function checkTables(
  replica: MysqlSession,
  { db, schemas, where }: ReplicaRequest,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const [table, schema] of schemas) {
    try {
      const own = await inspectTable(replica, db, table, { key: rowKeyNames(schema) });
      if (schemaFingerprint(own) === schemaFingerprint(schema)) continue;
    } catch (e) {
      found.push(tableError(e, replica, `${where} ${db}.${table}`));
      continue;
    }
    found.push({
      level: 'blocker',
      code: 'replica-schema',
      where: `${where} ${db}.${table}`,
      what: 'the table has another definition than on the source',
      why: 'Rows of it would not fit what the log carries.',
      fix: `SHOW CREATE TABLE ${qualified(db, table)}; -- on both, and make them the same`,
    });
  }
  return found;
}
