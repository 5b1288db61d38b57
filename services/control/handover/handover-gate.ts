/**
 * What must be true before a target becomes a replica: pure functions of what the servers say.
 * A native replica applies every change of the whole server from one position on, and stops at the
 * first that it cannot: so both servers are compared as a whole, not the tables of the job alone.
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
import { type Job, tablesOf } from '../../../shared/job/job.ts';
import { isOwnTable } from '../../../shared/mysql/target-state.ts';
import { type Gate, open, shut, unknown } from '../cutover/gate.ts';
import type { ServerFacts } from './server-facts.ts';

/** Told, and no refusal. */
export interface Warning {
  what: string;
  fix: string;
}

/** Those that ask no server: what is refused by the job file alone. */
export function fileGates(job: Job): Gate[] {
  if (job.kind !== 'copy') {
    const why = `it is a job of kind ${job.kind}: its target does not hold what one source holds`;
    return [shut('kind', '', why, 'a job of `kind: copy` can be handed over')];
  }
  const kind = open('kind', '', 'copy');
  if (job.handover === undefined) {
    const fix = 'give the job file `handover: { user: ..., password: "${REPL_PASSWORD}" }`';
    return [kind, shut('settings', '', 'nothing names the account of replication', fix)];
  }
  if (job.cutover.back !== undefined) {
    const why = 'the job keeps a way back, whose sinks write to the source';
    const fix = 'take `cutover.back` out, and start all members again';
    return [kind, shut('way back', '', why, fix)];
  }
  const [source, target] = [job.sources[0], job.targets[0]];
  if (source?.database !== target?.database) {
    const why = `${source?.database} is ${target?.database} on the target: replication renames none`;
    return [kind, shut('database', '', why, 'copy to a database of the same name')];
  }
  return [kind, open('settings', '', `replication by the account ${job.handover.user}`)];
}

export function serverGates(job: Job, s: ServerFacts, t: ServerFacts): Gate[] {
  const foreign = [s, t].find(x => x.flavor !== 'mysql');
  if (foreign !== undefined) {
    const why = `${foreign.name} is ${foreign.flavor}: only MySQL is handed over`;
    const fix = 'make it a replica by hand, from a position of your own';
    return [shut('flavor', foreign.name, why, fix)];
  }
  return [
    versionGate(s, t),
    ...gtidGates(s, t),
    ...contentGates(job, s, t),
    sourceGate(s),
    ...targetGates(job, t),
    ...[s, t].map(x => accountGate(x, job.sources[0]?.database ?? '')),
  ];
}

/** Asked once more when the log has ended: what a statement before that has made comes never. */
export function contentGates(job: Job, s: ServerFacts, t: ServerFacts): Gate[] {
  return [...tableGates(job, s, t), ...definitionGates(s, t)];
}

/** A row is written to it, behind the point of no return. */
function sourceGate({ name, isReadOnly }: ServerFacts): Gate {
  const fix = 'SET GLOBAL read_only = OFF; -- or read the server that takes the writes';
  return isReadOnly
    ? shut('writable', name, 'read_only is ON: no row can show that replication goes on', fix)
    : open('writable', name, 'takes a row that shows that replication goes on');
}

function versionGate(s: ServerFacts, t: ServerFacts): Gate {
  const why = `the source has ${s.version}, the target ${t.version}`;
  if (isOlder(t.version, s.version)) {
    return shut('version', t.name, `${why}: a replica must not be older`, 'upgrade the target');
  }
  return open('version', t.name, why);
}

function isOlder(a: string, b: string): boolean {
  const numbers = (v: string): number[] =>
    (v.match(/^\d+\.\d+\.\d+/)?.[0] ?? v).split('.').map(Number);
  const [x, y] = [numbers(a), numbers(b)];
  const at = x.findIndex((n, i) => n !== y[i]);
  return at >= 0 && (x[at] ?? 0) < (y[at] ?? 0);
}

function gtidGates(s: ServerFacts, t: ServerFacts): Gate[] {
  const off = [s, t].filter(x => x.gtidMode !== 'ON' || x.enforcesGtid !== 'ON');
  if (off.length > 0) {
    return off.map(x => {
      const why = `gtid_mode ${x.gtidMode}, enforce_gtid_consistency ${x.enforcesGtid}`;
      return shut('gtid', x.name, why, 'set both ON, and persist them');
    });
  }
  const same = s.uuid === t.uuid || s.serverId === t.serverId || t.serverId === 0;
  return [
    open('gtid', '', 'gtid_mode is ON on both'),
    same
      ? shut(
          'server id',
          t.name,
          `server_id ${t.serverId}, server_uuid ${t.uuid}: not unlike the source's`,
          'SET PERSIST server_id = <another>; -- and no copied auto.cnf',
        )
      : open('server id', t.name, `${t.serverId}, beside ${s.serverId}`),
    s.lowerCase === t.lowerCase
      ? open('names', t.name, `lower_case_table_names ${t.lowerCase} on both`)
      : shut(
          'names',
          t.name,
          `lower_case_table_names ${t.lowerCase}, and ${s.lowerCase} at the source`,
          'make the target anew with that of the source',
        ),
  ];
}

/** Whether the sink made it: it goes before the target is a replica. */
function isOwn(database: string, table: string): boolean {
  return table.startsWith(`${database}.`) && isOwnTable(table.slice(database.length + 1));
}

function tableGates(job: Job, s: ServerFacts, t: ServerFacts): Gate[] {
  const database = job.sources[0]?.database ?? '';
  const carried = tablesOf(job).map(name => `${database}.${name}`);
  const left = s.tables.filter(name => !carried.includes(name));
  const more = t.tables.filter(name => !carried.includes(name) && !isOwn(database, name));
  const databases = t.databases.filter(
    d => !d.startsWith(`${database} `) && !s.databases.includes(d),
  );
  const lacking = s.databases.filter(d => !hasName(t, d));
  const take = '`reshard apply <job file>` takes up what the job file names more; or drop them';
  const not = 'replication stops at the first change of one';
  return [
    left.length === 0
      ? open('tables', s.name, `the job carries all ${carried.length} tables of the server`)
      : shut('tables', s.name, `not carried, and ${not}: ${some(left)}`, take),
    ...lacking.map(d => {
      const [name = ''] = d.split(' ');
      const why = `it lacks the database ${name}: replication stops at the first table in it`;
      return shut('tables', t.name, why, `create ${name} there, with the charset of the source`);
    }),
    more.length + databases.length === 0
      ? open('tables', t.name, 'nothing but those of the job')
      : shut(
          'tables',
          t.name,
          `not of the job: ${some([...more, ...databases.map(d => `database ${d}`)])}`,
          'drop them, or make the replica on an empty server',
        ),
  ];
}

function definitionGates(s: ServerFacts, t: ServerFacts): Gate[] {
  const differing = [...s.definitions].flatMap(([table, source]): Gate[] => {
    const target = t.definitions.get(table) ?? null;
    if (source !== null && source === target) return [];
    const why =
      source === null || target === null ? 'it is not there' : firstUnlike(source, target);
    const fix = `ALTER TABLE ${table} on the target, until SHOW CREATE TABLE says the same of both`;
    return [shut('definition', table, why, fix)];
  });
  const unlike = t.databases.filter(d => !s.databases.includes(d) && hasName(s, d));
  const ofDatabase = unlike.map(d =>
    shut(
      'definition',
      'database',
      `${d} on the target is other on the source`,
      'ALTER DATABASE ...',
    ),
  );
  const found = [...differing, ...ofDatabase];
  return found.length > 0 ? found : [open('definition', '', 'the same on both, table by table')];
}

function hasName(s: ServerFacts, database: string): boolean {
  return s.databases.some(d => d.split(' ')[0] === database.split(' ')[0]);
}

function firstUnlike(source: string, target: string): string {
  const [a, b] = [source.split('\n'), target.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  const i = at < 0 ? a.length : at;
  const text = (lines: string[]): string => lines[i]?.trim() ?? 'nothing more';
  return `source: ${text(a)}; target: ${text(b)}`;
}

function targetGates(job: Job, t: ServerFacts): Gate[] {
  const alien = GtidSet.parse(t.executed, 'mysql');
  const others = [...uuidsOf(t.executed)].filter(uuid => uuid !== t.uuid);
  const jobs = t.jobs.filter(name => name !== job.job);
  const name = t.name;
  return [
    others.length === 0
      ? open('transactions', name, `its own alone: ${alien.toString() || 'none'}`)
      : shut(
          'transactions',
          name,
          `it has those of other servers, ${others.join(', ')}`,
          "take a server that was nobody else's replica",
        ),
    jobs.length === 0
      ? open('jobs', name, 'no other job writes to it')
      : shut('jobs', name, `other jobs write to it: ${jobs.join(', ')}`, 'finish and drop them'),
    channelGate(t),
    dumpGate(t),
    t.filters === null
      ? unknown('filters', name, 'not shown', 'GRANT SELECT ON performance_schema.*')
      : t.filters === 0
        ? open('filters', name, 'none of replication')
        : shut(
            'filters',
            name,
            `${t.filters} replication filters`,
            'CHANGE REPLICATION FILTER ...',
          ),
    t.isReadOnly
      ? shut('writable', name, 'read_only is ON', 'SET GLOBAL read_only = OFF;')
      : open('writable', name, 'takes our writes'),
  ];
}

function accountGate({ name, missing, account }: ServerFacts, database: string): Gate {
  if (missing.length === 0) return open('account', name, `${account} may do its part`);
  const on = missing.some(m => /_|RELOAD/.test(m)) ? '*.*' : `\`${database}\`.*`;
  const fix = `GRANT ${missing.join(', ')} ON ${on} TO ${account};`;
  return shut('account', name, `${account} lacks ${missing.join(', ')}`, fix);
}

/** A stopped one is somebody's too: what it has come to would be wiped. */
function channelGate({ name, channels, account }: ServerFacts): Gate {
  const stop = 'STOP REPLICA; RESET REPLICA ALL; -- or take another server';
  if (channels === null) {
    return unknown('replica', name, 'not shown', `GRANT REPLICATION CLIENT ON *.* TO ${account};`);
  }
  return channels.length === 0
    ? open('replica', name, "it is nobody's replica")
    : shut('replica', name, `it is a replica already: ${channels.join(', ')}`, stop);
}

function dumpGate({ name, dumps }: ServerFacts): Gate {
  const fix = 'stop those: RESET BINARY LOGS AND GTIDS takes the log away from under them';
  if (dumps === null) return unknown('its replicas', name, 'not shown', 'GRANT PROCESS');
  if (dumps === 0) return open('its replicas', name, 'nobody reads its log');
  return shut('its replicas', name, `${dumps} read its log`, fix);
}

function uuidsOf(gtids: string): Set<string> {
  return new Set(gtids.split(',').flatMap(part => part.split(':')[0] || []));
}

/** Named, and left to the operator: row changes do not need them. */
export function warningsOf(s: ServerFacts, t: ServerFacts): Warning[] {
  const programs = s.programs.filter(p => !t.programs.includes(p));
  const accounts = (s.accounts ?? []).filter(a => !(t.accounts ?? []).includes(a));
  const made =
    'with SET sql_log_bin = 0, once it is a replica: replication stops where one is changed';
  return [
    ...(programs.length === 0
      ? []
      : [{ what: `the target lacks ${some(programs)}`, fix: `make them there, ${made}` }]),
    ...(s.accounts === null || t.accounts === null
      ? [{ what: 'accounts are not compared: not shown', fix: 'GRANT SELECT ON mysql.user' }]
      : []),
    ...(accounts.length === 0
      ? []
      : [
          {
            what: `accounts that the target lacks: ${some(accounts)}`,
            fix: `CREATE USER, ${made}`,
          },
        ]),
  ];
}

function some(names: readonly string[]): string {
  const more = names.length > 8 ? ` and ${names.length - 8} more` : '';
  return `${names.slice(0, 8).join(', ')}${more}`;
}
