/** Doctor: sources and targets, each on its own and all against each other. */
import {
  type Job,
  type JobSource,
  type JobTarget,
  readServer,
  routeSpec,
} from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { blocks } from '../../../shared/mysql/finding.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { copyDatabase, copyTables } from '../../../shared/mysql/schema-copy.ts';
import { alterTable } from '../../../shared/mysql/schema-fix.ts';
import { hasPositions } from '../../../shared/mysql/target-state.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { schemaDifferences } from '../../../shared/schema/schema-diff.ts';
import { checkBroadcasts } from './broadcast-copies.ts';
import { errorFinding, serverWhere } from './error-finding.ts';
import { checkMisplaced } from './misplaced-rows.ts';
import { preflightReplica } from './mysql/preflight-replica.ts';
import { preflightSource, type SourceReport } from './mysql/preflight-source.ts';
import { preflightTarget, type TargetReport } from './mysql/preflight-target.ts';
import { checkSharedKeys } from './shared-keys.ts';

export interface MysqlCheckOptions {
  log: Logger;
  createTargets: boolean;
  /** Really create what `createTargets` allows; else it is only foreseen. */
  apply: boolean;
  /** The job has been prepared before: its progress and its rows are expected. */
  resuming: boolean;
}

interface CheckedSource {
  source: JobSource;
  report: SourceReport;
}

export async function checkMysql(job: Job, o: MysqlCheckOptions): Promise<Finding[]> {
  const findings: Finding[] = [];
  const sources: CheckedSource[] = [];
  for (const result of await Promise.all(job.sources.map(s => checkSource(job, s, o)))) {
    findings.push(...result.findings);
    if (result.checked !== undefined) sources.push(result.checked);
  }
  const [model, ...others] = sources;
  for (const other of others) if (model) findings.push(...compareSources(model, other, o));
  // Rows of other sources come and go while a job runs; then the check tells.
  if (model && !o.resuming && sources.length === job.sources.length && !blocks(findings)) {
    const { schemas } = model.report;
    findings.push(...(await checkSharedKeys(job, schemas, o.log)));
    findings.push(...(await checkMisplaced(job, schemas, o.log)));
    findings.push(...(await checkBroadcasts(job, o.log)));
  }
  const mayCreate = o.apply && o.createTargets && !blocks(findings);
  const targets = await Promise.all(
    job.targets.map(t => checkTarget(job, t, model, { ...o, apply: mayCreate })),
  );
  for (const target of targets) findings.push(...target.findings);
  return [...findings, ...checkIdentity(sources, targets)];
}

async function checkSource(
  job: Job,
  source: JobSource,
  o: MysqlCheckOptions,
): Promise<{ findings: Finding[]; checked?: CheckedSource }> {
  const where = serverWhere('source', source);
  try {
    await using session = await MysqlSession.open(source, { role: 'read', log: o.log });
    const report = await preflightSource(session, {
      where,
      db: source.database,
      tables: job.tables.map(({ name, key }) => ({
        table: name,
        route: routeSpec(job, name),
        key,
      })),
      dumpServerId: source.serverId ?? null,
      maxMessageBytes: job.options.maxMessageBytes,
      resuming: o.resuming,
    });
    const replica = await checkReplica(source, session, report, o.log);
    return { findings: [...report.findings, ...replica], checked: { source, report } };
  } catch (e) {
    return { findings: [errorFinding(e, where)] };
  }
}

/** The server that the copy reads from, if it is not the source. */
async function checkReplica(
  source: JobSource,
  session: MysqlSession,
  report: SourceReport,
  log: Logger,
): Promise<Finding[]> {
  if (source.replica === undefined) return [];
  const server = readServer(source);
  const where = `replica of source ${source.name} (${server.host}:${server.port})`;
  try {
    await using replica = await MysqlSession.open(server, { role: 'read', log });
    const { schemas, serverUuid: sourceUuid } = report;
    const request = { where, db: source.database, schemas, sourceUuid };
    return await preflightReplica(replica, session, request);
  } catch (e) {
    return [errorFinding(e, where)];
  }
}

/**
 * Tables of all sources end in the same target tables, so they must be the same. While a job runs
 * its sources get columns, wider ones or fewer one by one, and control makes the targets fit them.
 */
function compareSources(
  model: CheckedSource,
  other: CheckedSource,
  { resuming }: Pick<MysqlCheckOptions, 'resuming'>,
): Finding[] {
  const findings: Finding[] = [];
  for (const [table, schema] of other.report.schemas) {
    const wanted = model.report.schemas.get(table);
    if (wanted === undefined) continue;
    const name = qualified(other.source.database, table);
    const printed = model.report.printed.get(table);
    const there = other.report.printed.get(table)?.collation;
    if (printed === undefined || there === undefined) continue;
    for (const difference of schemaDifferences(wanted, schema)) {
      const place = difference.column === '' ? table : `${table}.${difference.column}`;
      const isWidth = difference.width !== undefined;
      const isPassing = isWidth || ['add', 'drop'].includes(difference.remedy.kind);
      const isWider = difference.width === 'wider';
      const fix = isWider ? undefined : alterTable(name, difference.remedy, printed, there);
      findings.push({
        level: (isPassing && resuming ? false : isWidth || difference.blocks)
          ? 'blocker'
          : 'warning',
        code: 'sources-differ',
        where: `${serverWhere('source', other.source)} ${other.source.database}.${place}`,
        what: `${difference.what} ${model.source.name}`.replace(/the (source|target)/g, 'source'),
        why: 'Rows of all sources go into the same tables.',
        fix: fix ?? sameAsOn(isWider ? other : model, table),
      });
    }
  }
  return findings;
}

const sameAsOn = ({ source }: CheckedSource, table: string): string =>
  `-- make it as on ${source.name}: SHOW CREATE TABLE ${table};`;

interface CheckedTarget {
  target: JobTarget;
  findings: Finding[];
  report?: TargetReport;
}

async function checkTarget(
  job: Job,
  target: JobTarget,
  model: CheckedSource | undefined,
  o: MysqlCheckOptions,
): Promise<CheckedTarget> {
  const where = serverWhere('target', target);
  const tables = job.tables.map(t => t.name);
  try {
    // Without a database: it may have to be created first.
    const endpoint = { ...target, database: undefined };
    await using session = await MysqlSession.open(endpoint, {
      role: 'admin',
      side: 'target',
      log: o.log,
    });
    if (o.apply && model) await createOn(session, target, model, tables, o.log);
    const databases = await session.query<{ name: string }>(
      'SELECT SCHEMA_NAME AS name FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ?',
      [target.database],
    );
    const hasDatabase = databases.some(d => d.name === target.database);
    const findings = hasDatabase ? [] : [missingDatabase(target, where, o.createTargets)];
    const hasProgress = hasDatabase && (await hasPositions(session, target.database, job.job));
    if (hasProgress && !o.resuming) findings.push(staleProgress(job, target, where));
    const report = await preflightTarget(session, {
      where,
      db: target.database,
      tables,
      schemas: model?.report.schemas ?? new Map(),
      printed: model?.report.printed ?? new Map(),
      sourceFacts: model?.report.facts,
      maxMessageBytes: job.options.maxMessageBytes,
      createTargets: o.createTargets,
      resuming: o.resuming || hasProgress,
    });
    return { target, findings: [...findings, ...report.findings], report };
  } catch (e) {
    return { target, findings: [errorFinding(e, where)] };
  }
}

async function createOn(
  session: MysqlSession,
  target: JobTarget,
  model: CheckedSource,
  tables: readonly string[],
  log: Logger,
): Promise<void> {
  const { source } = model;
  await using from = await MysqlSession.open(source, { role: 'read', log });
  await copyDatabase(from, source.database, session, target.database);
  const created = await copyTables(from, source.database, session, target.database, tables);
  if (created.length > 0) log.info({ target: target.name, tables: created }, 'tables created');
}

function missingDatabase(target: JobTarget, where: string, createTargets: boolean): Finding {
  const { database } = target;
  return {
    level: createTargets ? 'info' : 'blocker',
    code: 'target-database-missing',
    where,
    what: createTargets
      ? `the database ${database} will be created as it is on the source`
      : `there is no database ${database}`,
    why: 'Rows are written into tables of this database.',
    fix: createTargets ? '' : `CREATE DATABASE ${quoteId(database)};`,
  };
}

function staleProgress(job: Job, target: JobTarget, where: string): Finding {
  return {
    level: 'blocker',
    code: 'stale-progress',
    where,
    what: `the target holds progress of a job named ${job.job}, but that job's log is gone`,
    why: 'It is of another life of the job, whose rows are there: the sink refuses to go on from it.',
    fix: `reshard drop <job file> # removes it; then empty the tables in ${target.database}`,
  };
}

/** No server twice in one role, no target that is a source. */
function checkIdentity(sources: readonly CheckedSource[], targets: readonly CheckedTarget[]) {
  const findings: Finding[] = [];
  const seen = new Map<string, string>();
  const uuids = new Map<string, CheckedSource>();
  for (const checked of sources) {
    const where = serverWhere('source', checked.source);
    seen.set(`${checked.report.serverUuid}/${checked.source.database}`, where);
    const twin = uuids.get(checked.report.serverUuid);
    uuids.set(checked.report.serverUuid, checked);
    if (twin === undefined || twin.source.port === checked.source.port) continue;
    findings.push({
      level: 'blocker',
      code: 'server-uuid-twice',
      where,
      what: `has the server uuid of ${serverWhere('source', twin.source)}`,
      why: 'Transactions of the two cannot be told apart: their global ids are the same.',
      fix: 'stop the copied server, delete auto.cnf in its data directory and start it again',
    });
  }
  for (const { target, report } of targets) {
    if (report === undefined) continue;
    const where = serverWhere('target', target);
    const id = `${report.serverUuid}/${target.database}`;
    const other = seen.get(id);
    seen.set(id, where);
    if (other === undefined) continue;
    findings.push({
      level: 'blocker',
      code: 'same-database',
      where,
      what: `is the same database as ${other}`,
      why: 'Rows would be written onto themselves, or onto those of another target.',
      fix: 'correct host, port or database in the job file',
    });
  }
  return findings;
}
