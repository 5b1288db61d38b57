/**
 * Whether a replica's rows are what its GTID set says. A chunk that is read there carries that set
 * as the transactions that it has seen (R), and nothing of them is ever sent again. A replica that
 * filters, skips or overlooks has a transaction in its set and not in its rows: such a row would be
 * wrong for ever. What can be seen is refused, before the job and again by each session that reads
 * chunks; a filter that cannot touch our tables is the operator's business.
 *
 * What cannot be seen (an empty transaction that was injected in place of another, rows changed
 * with sql_log_bin = 0) only a check finds.
 */
import { ReshardError } from '../runtime/error.ts';
import type { MysqlSession } from './connect.ts';

export interface ReplicaFault {
  code: string;
  what: string;
  why: string;
  fix: string;
}

/** The filters of one replication channel, as its status lists them. */
export interface ReplicaFilters {
  doDb: string[];
  ignoreDb: string[];
  doTable: string[];
  ignoreTable: string[];
  wildDoTable: string[];
  wildIgnoreTable: string[];
  rewriteDb: string;
  ignoreServerIds: string[];
  doDomainIds: string[];
  ignoreDomainIds: string[];
}

const NOT_IN_ROWS =
  'Its transactions are in its GTID set and not in its rows: what is read there would be taken for newer than it is, and stay wrong.';
const RECLONE = 'and make the replica anew from a backup: what it has left out does not come back';

/** Pure: which filter may keep a change of these tables out; null if none can. */
export function filterFault(
  filters: ReplicaFilters,
  db: string,
  tables: readonly string[],
): string | null {
  const { doDb, ignoreDb, doTable, wildDoTable } = filters;
  const ours = db.toLowerCase();
  const same = (name: string): boolean => name.trim().toLowerCase() === ours;
  if (ignoreDb.some(same)) return `replicate_ignore_db has ${db}`;
  if (doDb.length > 0 && !doDb.some(same)) return `replicate_do_db has not ${db}`;
  if (filters.rewriteDb.toLowerCase().includes(ours))
    return 'replicate_rewrite_db changes the name';
  if (filters.ignoreServerIds.length > 0) return 'IGNORE_SERVER_IDS leaves out a server';
  if (filters.doDomainIds.length > 0) return 'DO_DOMAIN_IDS leaves out domains';
  if (filters.ignoreDomainIds.length > 0) return 'IGNORE_DOMAIN_IDS leaves out domains';
  for (const table of tables) {
    const name = `${ours}.${table.toLowerCase()}`;
    const isNamed = (list: string[]): boolean => list.some(t => t.trim().toLowerCase() === name);
    const isLike = (list: string[]): boolean => list.some(t => likes(t.trim(), name));
    if (isNamed(filters.ignoreTable)) return `replicate_ignore_table has ${name}`;
    if (isLike(filters.wildIgnoreTable)) {
      return `replicate_wild_ignore_table matches ${name}`;
    }
    const isListed = doTable.length > 0 || wildDoTable.length > 0;
    if (isListed && !isNamed(doTable) && !isLike(wildDoTable)) {
      return `replicate_do_table and replicate_wild_do_table have not ${name}`;
    }
  }
  return null;
}

/** A pattern with % and _, where a backslash takes the next sign as it is. */
function likes(pattern: string, name: string): boolean {
  const parts = pattern.toLowerCase().match(/\\.|[\s\S]/g) ?? [];
  const source = parts.map(p => {
    if (p === '%') return '[\\s\\S]*';
    if (p === '_') return '[\\s\\S]';
    return p.replace(/^\\(?=.)/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`).test(name);
}

export async function replicaFaults(
  session: MysqlSession,
  db: string,
  tables: readonly string[],
): Promise<ReplicaFault[]> {
  const isMysql = session.flavor === 'mysql';
  const channels = await session.query<Record<string, string | number | null>>(
    isMysql ? 'SHOW REPLICA STATUS' : 'SHOW ALL SLAVES STATUS',
  );
  const faults: ReplicaFault[] = [];
  if (channels.length === 0) {
    faults.push({
      code: 'replica-follows-nobody',
      what: 'it has no replication channel',
      why: 'It would never have the changes that the copy needs, and what it once left out cannot be seen.',
      fix: `SHOW ${isMysql ? 'REPLICA' : 'ALL SLAVES'} STATUS; -- name a server that replicates from the source`,
    });
  }
  for (const channel of channels) {
    const fault = filterFault(filtersOf(channel), db, tables);
    if (fault === null) continue;
    faults.push({
      code: 'replica-filter',
      what: `a replication filter keeps changes of ours out: ${fault}`,
      why: NOT_IN_ROWS,
      fix: `${isMysql ? unfilter(channel) : 'take the replicate_* option out of the configuration file and restart the server;'} -- ${RECLONE}`,
    });
  }
  return [...faults, ...(await skipFaults(session))];
}

function unfilter(channel: Record<string, unknown>): string {
  const name = String(channel.Channel_Name ?? '');
  const of = name === '' ? '' : ` FOR CHANNEL '${name.replaceAll("'", "''")}'`;
  const kinds = ['DO_DB', 'IGNORE_DB', 'DO_TABLE', 'IGNORE_TABLE', 'WILD_DO_TABLE'];
  const all = [...kinds, 'WILD_IGNORE_TABLE', 'REWRITE_DB'].map(k => `REPLICATE_${k} = ()`);
  return `STOP REPLICA SQL_THREAD; CHANGE REPLICATION FILTER ${all.join(', ')}${of}; START REPLICA SQL_THREAD;`;
}

function filtersOf(channel: Record<string, string | number | null>): ReplicaFilters {
  const byName = new Map(Object.entries(channel).map(([k, v]) => [k.toLowerCase(), `${v ?? ''}`]));
  const list = (name: string): string[] =>
    (byName.get(name) ?? '').split(',').filter(text => text.trim() !== '');
  return {
    doDb: list('replicate_do_db'),
    ignoreDb: list('replicate_ignore_db'),
    doTable: list('replicate_do_table'),
    ignoreTable: list('replicate_ignore_table'),
    wildDoTable: list('replicate_wild_do_table'),
    wildIgnoreTable: list('replicate_wild_ignore_table'),
    rewriteDb: byName.get('replicate_rewrite_db') ?? '',
    ignoreServerIds: list('replicate_ignore_server_ids'),
    doDomainIds: list('replicate_do_domain_ids'),
    ignoreDomainIds: list('replicate_ignore_domain_ids'),
  };
}

/** Variable, the values under which nothing is passed over, and what it does else. */
const SKIPS: readonly { name: string; fine: RegExp; what: string }[] = [
  { name: 'replica_skip_errors', fine: /^(OFF|)$/i, what: 'passes over changes that fail' },
  { name: 'slave_skip_errors', fine: /^(OFF|)$/i, what: 'passes over changes that fail' },
  { name: 'replica_exec_mode', fine: /^STRICT$/i, what: 'passes over rows that differ' },
  { name: 'slave_exec_mode', fine: /^STRICT$/i, what: 'passes over rows that differ' },
  { name: 'sql_replica_skip_counter', fine: /^0$/, what: 'passes over the next events' },
  { name: 'sql_slave_skip_counter', fine: /^0$/, what: 'passes over the next events' },
  { name: 'replica_type_conversions', fine: /^((?!ALL_LOSSY).)*$/i, what: 'cuts values to fit' },
  { name: 'slave_type_conversions', fine: /^((?!ALL_LOSSY).)*$/i, what: 'cuts values to fit' },
  {
    name: 'replicate_events_marked_for_skip',
    fine: /^REPLICATE$/i,
    what: 'passes over events that a session has marked',
  },
];

async function skipFaults(session: MysqlSession): Promise<ReplicaFault[]> {
  const names = SKIPS.map(s => `'${s.name}'`).join(', ');
  const rows = await session.query<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`,
  );
  const shown = new Map(rows.map(r => [r.Variable_name.toLowerCase(), `${r.Value}`]));
  const faults: ReplicaFault[] = [];
  for (const { name, fine, what } of SKIPS) {
    const value = shown.get(name);
    if (value === undefined || fine.test(value)) continue;
    // MySQL shows one variable under its old and its new name.
    if (shown.has(name.replace('slave', 'replica')) && name.includes('slave')) continue;
    faults.push({
      code: 'replica-skips',
      what: `${name} is ${value}: the replica ${what}`,
      why: NOT_IN_ROWS,
      fix: `${unskip(name)} -- ${RECLONE}`,
    });
  }
  return faults;
}

function unskip(name: string): string {
  if (name.endsWith('skip_errors')) {
    return `take ${name} out of the configuration file and restart the server;`;
  }
  const value = name.endsWith('exec_mode')
    ? "'STRICT'"
    : name.endsWith('counter')
      ? '0'
      : name.endsWith('conversions')
        ? "''"
        : "'REPLICATE'";
  return `SET GLOBAL ${name} = ${value};`;
}

/** For a session that is to read rows of the copy. */
export async function refuseUnfaithful(
  session: MysqlSession,
  db: string,
  tables: readonly string[],
): Promise<void> {
  const [fault] = await replicaFaults(session, db, tables);
  if (fault === undefined) return;
  throw new ReshardError('server-setting', `the replica cannot be read: ${fault.what}`, {
    context: session.where(),
    remedy: `${fault.fix}; or take \`replica\` out of the job file and read the source`,
  });
}
