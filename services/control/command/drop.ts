/**
 * Removes all that a job owns: its topics, subjects and groups, and its own rows on the targets.
 * The user's tables are never touched, nor a topic of another job.
 *
 * Whether members live is asked when it is planned, and again around the first step: the operator's
 * word stands between, and somebody may have started the job meanwhile.
 * The order makes it safe to die anywhere: first the state says that the job is being dropped, so
 * nothing of it starts again; then the older control and the writers of the sources are fenced; the
 * owners of the sources go near the end, and the state, by which a second run knows what is to be
 * done, goes last.
 */
import { markSubject } from '../../../shared/codec/mark.ts';
import { isRegistered } from '../../../shared/codec/record-codec.ts';
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { jobNameOf } from '../../../shared/job/state/identity.ts';
import { type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { stateCodec } from '../../../shared/job/state/open.ts';
import { sourceTransactionalId } from '../../../shared/job/state/owner.ts';
import {
  controlTransactionalId,
  controlWriter,
  readRecords,
} from '../../../shared/job/state/record-writer.ts';
import type { TopicAdmin } from '../../../shared/kafka/admin.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import {
  chunksTopic,
  deadLetterTopic,
  progressTopic,
  reportTopic,
  schemaTopic,
  stateTopic,
  streamTopic,
} from '../../../shared/kafka/topic-name.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import { JOB_TABLES } from '../../../shared/mysql/target-state.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import { refuseVerb } from '../cutover/verb.ts';
import { registerState } from '../phase/prepare.ts';
import { ownerOf } from '../phase/source-owner.ts';

const SERVICES = ['control', 'binlog', 'snapshot', 'sink', 'checker'];
const GONE_MS = 60_000;

export interface DropDeps {
  job: Job;
  kafka: KafkaLog;
  registry: SchemaRegistry;
}

export interface OwnRows {
  target: string;
  table: string;
  rows: number;
}

export interface DropPlan {
  /** Null if the state of the job is gone. */
  jobId: string | null;
  /** Sources whose topics are the job's. */
  sources: string[];
  tableTopics: string[];
  /** Those of the sources' progress: they say whose the source is. */
  ownerTopics: string[];
  jobTopics: string[];
  hasState: boolean;
  subjects: string[];
  groups: string[];
  rows: OwnRows[];
  /** Tables that are the job's as a whole: the source of each row of a table (sink, owner.ts). */
  tables: { target: string; table: string }[];
  transactionalIds: string[];
  /** What looks like the job's and is not, in words. */
  kept: string[];
}

/** Looks at what there is; changes nothing. Throws while a member of the job lives. */
export async function planDrop(deps: DropDeps): Promise<DropPlan> {
  const { job, kafka, registry } = deps;
  const admin = await kafka.admin();
  const topics = new Set(await admin.listTopics());
  const there = (names: readonly string[]): string[] => names.filter(name => topics.has(name));
  const records = await stateRecords(deps, topics);
  const cutoverRun = records.get(stateKey.cutoverRun)?.cutoverRun ?? null;
  const handoverRun = records.get(stateKey.handoverRun)?.handoverRun ?? null;
  refuseVerb('drop', { cutoverRun, handoverRun });
  const groups = await groupsWithoutMembers(deps);
  const jobId = records.get(stateKey.identity)?.identity?.id ?? null;
  const { sources, kept } = await ownSources(deps, records, jobId);
  const planned = [...records.values()].flatMap(r => r.plan ?? []);
  const tableTopics = there(planned.filter(p => sources.includes(p.source)).map(p => p.topic));
  const ownerTopics = there(sources.map(progressTopic));
  const jobTopics = there([
    ...sources.flatMap(s => [chunksTopic(s), schemaTopic(s)]),
    deadLetterTopic(job.job),
    streamTopic(job.job),
    reportTopic(job.job),
  ]);
  const named = [...tableTopics, ...ownerTopics, ...jobTopics, stateTopic(job.job)];
  const bySource = sources.flatMap(s => [chunksTopic(s), schemaTopic(s), progressTopic(s)]);
  const byPlan = planned.filter(p => sources.includes(p.source)).map(p => p.topic);
  const possible = new Set([
    ...[...named, ...bySource, ...byPlan].flatMap(t => [`${t}-key`, `${t}-value`]),
    `${reportTopic(job.job)}-value`,
    ...sources.map(markSubject),
  ]);
  return {
    jobId,
    sources,
    tableTopics,
    ownerTopics,
    jobTopics,
    hasState: topics.has(stateTopic(job.job)),
    subjects: (await registry.subjects()).filter(s => possible.has(s)),
    groups: groups.map(g => g.group),
    rows: (await Promise.all(job.targets.map(t => ownRows(t, job.job)))).flat(),
    tables: (await Promise.all(job.targets.map(t => ownTables(t, job.job)))).flat(),
    transactionalIds: [controlTransactionalId(job.job), ...sources.map(sourceTransactionalId)],
    kept,
  };
}

export function isEmpty(plan: DropPlan): boolean {
  const { tableTopics, ownerTopics, jobTopics, hasState, subjects, groups, rows, tables } = plan;
  const lists = [tableTopics, ownerTopics, jobTopics, subjects, groups, rows, tables];
  return !hasState && lists.every(list => list.length === 0);
}

/** Does what the plan says; `tell` hears of each step that is done. */
export async function carryOutDrop(
  deps: DropDeps,
  plan: DropPlan,
  by: string,
  tell: (step: string) => void,
): Promise<void> {
  const { job, kafka, registry } = deps;
  const admin = await kafka.admin();
  await groupsWithoutMembers(deps);
  if (plan.hasState) await announce(deps, by);
  await groupsWithoutMembers(deps);
  for (const source of plan.sources) {
    const transactionalId = sourceTransactionalId(source);
    (await kafka.transactionalWriter({ transactionalId })).close();
  }
  tell('older members are fenced');
  for (const target of job.targets) await removeRows(target, job.job);
  tell('rows on the targets are removed');
  failpoint(FAILPOINTS.dropAfterRows);
  await removeTopics(admin, plan.tableTopics);
  tell('table topics are removed');
  failpoint(FAILPOINTS.dropAfterTopics);
  const stateSubject = `${stateTopic(job.job)}-value`;
  for (const subject of plan.subjects) {
    if (subject !== stateSubject && !plan.sources.some(s => subject === ownerSubject(s))) {
      await registry.deleteSubject(subject);
    }
  }
  await removeTopics(admin, plan.jobTopics);
  await removeTopics(admin, plan.ownerTopics);
  for (const source of plan.sources) await registry.deleteSubject(ownerSubject(source));
  tell('all other topics of the job and its subjects are removed');
  await admin.deleteGroups(plan.groups);
  tell('consumer groups are removed');
  if (!plan.hasState) return;
  await removeTopics(admin, [stateTopic(job.job)]);
  await registry.deleteSubject(stateSubject);
  tell('the state is removed');
}

/** By it the owner is read: it goes after the topic. */
function ownerSubject(source: string): string {
  return `${progressTopic(source)}-value`;
}

async function stateRecords(
  { job, kafka, registry }: DropDeps,
  topics: ReadonlySet<string>,
): Promise<Map<string, StateRecord>> {
  const topic = stateTopic(job.job);
  if (!topics.has(topic)) return new Map();
  // Of an older version, or dropped in part: what is there is read by the schema of this one.
  if (!(await isRegistered(registry, 'state', `${topic}-value`)))
    await registerState(registry, job);
  return readRecords({ kafka, job, codec: await stateCodec(registry, job) });
}

/** Throws while one of them has members. */
async function groupsWithoutMembers({ job, kafka }: DropDeps): Promise<{ group: string }[]> {
  const admin = await kafka.admin();
  const groups = await admin.groups([...SERVICES, 'stream'].map(s => `reshard.${job.job}.${s}`));
  const live = groups.filter(g => g.members > 0);
  if (live.length === 0) return groups;
  const list = live.map(g => `${g.group} (${g.members})`).join(', ');
  throw new ReshardError('config', `members of the job ${job.job} are alive: ${list}`, {
    remedy:
      'stop them (whatever runs as reshard up or reshard service); one that was killed is out of its group ' +
      `after ${job.options.sessionTimeoutMs / 1000} s`,
  });
}

/** Sources of the job file and of the state whose topics belong to the job. */
async function ownSources(
  deps: DropDeps,
  records: ReadonlyMap<string, StateRecord>,
  jobId: string | null,
): Promise<{ sources: string[]; kept: string[] }> {
  const { job } = deps;
  const inState = [...records.keys()].filter(k => k.startsWith('start/')).map(k => k.slice(6));
  const identified = records.get(stateKey.identity)?.identity?.sources.map(s => s.name) ?? [];
  const sources: string[] = [];
  const kept: string[] = [];
  for (const name of new Set([...job.sources.map(s => s.name), ...identified, ...inState])) {
    const owner = await ownerOf(deps, name);
    const isNamed = inState.includes(name) || identified.includes(name);
    const isOurs =
      owner === null || owner === ''
        ? isNamed
        : owner === jobId || (jobId === null && jobNameOf(owner) === job.job);
    if (isOurs) sources.push(name);
    else if (owner !== null) {
      const whose = owner === '' ? 'nobody can tell whose they are' : `they belong to ${owner}`;
      kept.push(`the topics of the source ${name}: ${whose}`);
    }
  }
  return { sources, kept };
}

/** From here on nothing of the job starts again, and the control that led can write nothing. */
async function announce({ job, kafka, registry }: DropDeps, by: string): Promise<void> {
  const codec = await stateCodec(registry, job);
  const writer = await controlWriter({ kafka, job, codec });
  try {
    const known = await writer.read();
    writer.jobId = known.get(stateKey.identity)?.identity?.id ?? '';
    await writer.put(stateKey.drop, { drop: { sinceMs: Date.now(), by } });
  } finally {
    writer.close();
  }
}

async function removeTopics(admin: TopicAdmin, topics: readonly string[]): Promise<void> {
  const there = async (): Promise<string[]> => {
    const all = new Set(await admin.listTopics());
    return topics.filter(t => all.has(t));
  };
  const left = await there();
  if (left.length === 0) return;
  await admin.deleteTopics(left);
  const isGone = async (): Promise<boolean> => (await there()).length === 0;
  await until(isGone, { timeoutMs: GONE_MS, what: `the brokers to delete ${left.join(', ')}` });
}

async function onTarget<T>(target: JobTarget, work: (s: MysqlSession) => Promise<T>): Promise<T> {
  const endpoint = { ...target, database: undefined };
  await using session = await MysqlSession.open(endpoint, { role: 'admin', side: 'target' });
  return await work(session);
}

async function ourTables(session: MysqlSession, database: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    'SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = ?',
    [database],
  );
  return JOB_TABLES.filter(table => rows.some(r => r.name === table));
}

function ownRows(target: JobTarget, job: string): Promise<OwnRows[]> {
  return onTarget(target, async session => {
    const found: OwnRows[] = [];
    for (const table of await ourTables(session, target.database)) {
      const name = qualified(target.database, table);
      const sql = `SELECT COUNT(*) AS n FROM ${name} WHERE job = ?`;
      const [row] = await session.query<{ n: string | number }>(sql, [job]);
      const rows = Number(row?.n ?? 0);
      if (rows > 0) found.push({ target: target.name, table, rows });
    }
    return found;
  });
}

/**
 * Known by name and comment together: what a user has named so without being ours stays. The
 * comment ends in the id of the job.
 */
async function keyOwnerTables(
  session: MysqlSession,
  database: string,
  job: string,
): Promise<string[]> {
  const rows = await session.query<{ name: string; comment: string }>(
    `SELECT TABLE_NAME AS name, TABLE_COMMENT AS comment FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME LIKE 'reshard\\_owner\\_%'`,
    [database],
  );
  const whose = /^reshard: the source of each row of .*, job (\S+)$/s;
  return rows.filter(r => jobNameOf(whose.exec(r.comment)?.[1] ?? '') === job).map(r => r.name);
}

function ownTables(target: JobTarget, job: string): Promise<DropPlan['tables']> {
  return onTarget(target, async session => {
    const names = await keyOwnerTables(session, target.database, job);
    return names.map(table => ({ target: target.name, table }));
  });
}

/** A table of ours in which no job is left goes too. */
function removeRows(target: JobTarget, job: string): Promise<void> {
  return onTarget(target, async session => {
    for (const table of await keyOwnerTables(session, target.database, job)) {
      await session.rawQuery(`DROP TABLE ${qualified(target.database, table)}`);
    }
    for (const table of await ourTables(session, target.database)) {
      const name = qualified(target.database, table);
      await session.run(`DELETE FROM ${name} WHERE job = ?`, [job]);
      const { rows } = await session.rawQuery(`SELECT 1 FROM ${name} LIMIT 1`);
      if (rows === 0) await session.rawQuery(`DROP TABLE ${name}`);
    }
  });
}
