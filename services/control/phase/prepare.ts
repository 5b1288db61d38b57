/**
 * Prepare: everything that a job needs before the first row moves, in an order that may be cut at
 * any point and done again. The identity comes first: what is written after it names the job. The
 * report topic is made last: it tells the services that all is there.
 * The start position is taken before the plans, and the plans before any SELECT: no row can fall
 * between the snapshot and the log. Each plan is of a place of its own behind the start: up to
 * there the log has nothing of the table, neither rows of an older shape nor statements that are
 * in the plan already; what comes behind it is met like any later change.
 */
import { envelopeSchema, keySchema } from '../../../shared/codec/avro-schema.ts';
import { markSubject } from '../../../shared/codec/mark.ts';
import { type RecordName, staticSchema } from '../../../shared/codec/record-codec.ts';
import type { Job, JobSource, JobTarget } from '../../../shared/job/job.ts';
import { inspectJobTable } from '../../../shared/job/job-key.ts';
import { isReturnJob } from '../../../shared/job/return-job.ts';
import {
  foreignJob,
  type JobIdentity,
  makeIdentity,
  refuseChangedFile,
  tablesFrom,
} from '../../../shared/job/state/identity.ts';
import {
  type StateRecord,
  stateKey,
  type TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import {
  dropping,
  openState,
  refuseOtherFile,
  stateCodec,
} from '../../../shared/job/state/open.ts';
import { type ControlWriter, controlWriter } from '../../../shared/job/state/record-writer.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import {
  chunksTopic,
  progressTopic,
  reportTopic,
  schemaTopic,
  stateTopic,
  streamTopic,
  tableTopic,
} from '../../../shared/kafka/topic-name.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { planRanges } from '../../../shared/mysql/range-plan.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { type PlacedTable, tableAtPosition } from '../../../shared/mysql/table-position.ts';
import { levelOf, type SchemaRegistry } from '../../../shared/registry/registry.ts';
import { keyClassesOf } from '../../../shared/row/key-class.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { keyIndexName, rowKeyNames } from '../../../shared/schema/table-schema.ts';
import { claimSource, refuseOwned } from './source-owner.ts';
import { controlTopics, tableTopics } from './topic-plan.ts';

export interface PrepareDeps {
  job: Job;
  kafka: KafkaLog;
  registry: SchemaRegistry;
  log: Logger;
}

/** Makes the targets hold what is planned, or throws. */
export type MatchTargets = (planned: readonly PlacedTable[]) => Promise<void>;

/** Whether the job has been prepared to the end, by this or another control. */
export async function prepared(kafka: KafkaLog, job: Job): Promise<boolean> {
  const admin = await kafka.admin();
  return (await admin.listTopics()).includes(reportTopic(job.job));
}

/** Throws if the job that is prepared is not that of the job file; changes nothing of it. */
export async function refuseUnlike(deps: PrepareDeps): Promise<void> {
  await registerState(deps.registry, deps.job);
  await using state = await openState(deps);
  refuseOtherFile(deps.job, state.view);
}

/**
 * Tells views what the job waits for; under the fence, as all that control writes. Not of a job
 * that is prepared: its views look at its units, and nobody would take the record away again.
 */
export async function noteWaiting(
  deps: PrepareDeps,
  sinceMs: number,
  waiting: string,
): Promise<void> {
  const { job, kafka } = deps;
  const topics = await (await kafka.admin()).listTopics();
  if (topics.includes(reportTopic(job.job))) return;
  if (!topics.includes(stateTopic(job.job))) await refuseSourcesOwned(deps, '');
  const writer = await openWriter(deps);
  try {
    await writer.put(stateKey.prepare, { prepare: { sinceMs, waiting } });
  } finally {
    writer.close();
  }
}

/** Makes what is missing and returns when the job may start. */
export async function prepare(deps: PrepareDeps, match: MatchTargets): Promise<void> {
  const { job, kafka, log } = deps;
  const admin = await kafka.admin();
  // A job that may not be leaves nothing behind.
  const isNew = !(await admin.listTopics()).includes(stateTopic(job.job));
  if (isNew) await refuseSourcesOwned(deps, '');
  const writer = await openWriter(deps);
  try {
    await prepareUnder(deps, writer, match);
  } finally {
    writer.close();
  }
  await admin.ensureTopics([controlTopics(job).report]);
  log.info({ job: job.job }, 'job prepared');
}

async function openWriter({ job, kafka, registry }: PrepareDeps): Promise<ControlWriter> {
  await (await kafka.admin()).ensureTopics([controlTopics(job).state]);
  await registerState(registry, job);
  return controlWriter({ kafka, job, codec: await stateCodec(registry, job) });
}

async function prepareUnder(
  deps: PrepareDeps,
  writer: ControlWriter,
  match: MatchTargets,
): Promise<void> {
  const { job, kafka, registry } = deps;
  const known = await writer.read();
  if (known.get(stateKey.drop)?.drop) throw dropping(job.job);
  const identity = known.get(stateKey.identity)?.identity ?? (await newIdentity(deps, known));
  writer.jobId = identity.id;
  refuseChangedFile(job, identity);
  await refuseSourcesOwned(deps, identity.id);
  if (!known.has(stateKey.identity)) await writer.put(stateKey.identity, { identity });
  failpoint(FAILPOINTS.controlAfterIdentity);
  const { deadLetters, perSource, stream } = controlTopics(job);
  const admin = await kafka.admin();
  await Promise.all([
    registerStatic(registry, job),
    admin.ensureTopics([deadLetters, ...stream, ...perSource]),
  ]);
  for (const { name } of job.sources) {
    await claimSource(deps, name, { job: job.job, id: identity.id });
  }
  if (!known.has(stateKey.job)) {
    // Those that the file has more since then are left to `reshard apply`.
    const made = { ...deps, job: { ...job, tables: tablesFrom(identity) } };
    const planned: PlacedTable[] = [];
    for (const source of job.sources) {
      planned.push(...(await prepareSource(made, source, writer, known)));
    }
    await match(planned);
    const now = Date.now();
    await writer.put(stateKey.job, {
      job: { phase: 'copying', sinceMs: now, startedMs: now, paused: [] },
    });
  }
  if (known.has(stateKey.prepare)) await writer.remove(stateKey.prepare);
}

async function refuseSourcesOwned(deps: PrepareDeps, id: string): Promise<void> {
  const { job } = deps;
  for (const { name } of job.sources) await refuseOwned(deps, name, { job: job.job, id });
}

/** Asks every server who it is. What an older version has left cannot be gone on with. */
async function newIdentity(
  { job, log }: PrepareDeps,
  known: ReadonlyMap<string, StateRecord>,
): Promise<JobIdentity> {
  const left = [...known.keys()].find(key => key !== stateKey.prepare && key !== stateKey.term);
  if (left !== undefined) {
    const what = `the record ${left} of ${stateTopic(job.job)}`;
    const theirs = known.get(left)?.jobId ?? '';
    throw foreignJob({ what, ours: job.job, theirs });
  }
  const uuids = new Map<string, string>();
  const ask = async (side: 'source' | 'target', server: JobSource | JobTarget): Promise<void> => {
    // Without a database: that of a target may have to be created yet.
    const endpoint = { ...server, database: undefined };
    await using session = await MysqlSession.open(endpoint, { role: 'admin', side, log });
    uuids.set(`${side}/${server.name}`, await readServerUuid(session));
  };
  await Promise.all([
    ...job.sources.map(s => ask('source', s)),
    ...job.targets.map(t => ask('target', t)),
  ]);
  return makeIdentity(job, {
    source: name => uuids.get(`source/${name}`) ?? '',
    target: name => uuids.get(`target/${name}`) ?? '',
  });
}

async function prepareSource(
  deps: PrepareDeps,
  source: JobSource,
  writer: ControlWriter,
  known: ReadonlyMap<string, StateRecord>,
): Promise<PlacedTable[]> {
  const { job, log } = deps;
  const planned: PlacedTable[] = [];
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const facts = { flavor: session.flavor, serverUuid: await readServerUuid(session) };
  if (!known.has(stateKey.start(source.name))) {
    const gtid = await gtidLowerBound(session);
    await writer.put(stateKey.start(source.name), { start: { gtid, ...facts } });
  }
  failpoint(FAILPOINTS.controlMidPrepare);
  for (const table of job.tables) {
    const placed = await tableAtPosition(session, () =>
      inspectJobTable(session, job, source.database, table.name),
    );
    const { schema } = placed;
    const isAgain = known.has(stateKey.plan(source.name, schema.db, schema.table));
    const plan = await planTable(deps, source, placed, session, isAgain);
    planned.push(placed);
    await writer.put(stateKey.plan(source.name, schema.db, schema.table), { plan });
    const key = { columns: rowKeyNames(schema), index: keyIndexName(schema) };
    log.info({ source: source.name, table: table.name, key }, 'table planned');
    failpoint(FAILPOINTS.controlAfterPlan);
  }
  return planned;
}

/**
 * Makes the table's topic and subjects, and its plan; the plan is durable when it is put. `isAgain`:
 * there is a plan of a prepare that was cut; it has brought no record into the topic.
 */
export async function planTable(
  deps: Omit<PrepareDeps, 'log'>,
  source: JobSource,
  { schema, gtid }: PlacedTable,
  session: MysqlSession,
  isAgain = false,
): Promise<TablePlanRecord> {
  const { job, kafka, registry } = deps;
  const topic = tableTopic(source.name, schema.db, schema.table);
  const key = keySchema(source.name, schema);
  const value = envelopeSchema(source.name, schema);
  const level = isAgain ? await levelOf(registry, `${topic}-value`, value) : 'BACKWARD';
  const admin = await kafka.admin();
  const [keySchemaId, valueSchemaId, { estimatedRows, ranges }] = await Promise.all([
    registry.registerFrozen(`${topic}-key`, key),
    registry.register(`${topic}-value`, value, level),
    // The rows are on both sides of a way back: there is nothing to copy.
    isReturnJob(job) ? { estimatedRows: 0, ranges: [] } : planRanges(session, schema),
    admin.ensureTopics(tableTopics(job, topic)),
  ]);
  return {
    generation: 1,
    source: source.name,
    db: schema.db,
    table: schema.table,
    topic,
    schemaJson: JSON.stringify(schema),
    keySchemaId,
    valueSchemaId,
    estimatedRows,
    ranges,
    skipTo: gtid,
    keyClasses: keyClassesOf(schema),
  };
}

/**
 * Registers the control plane's schemas in one place, so that services only look them up. Also of a
 * job that runs already: its members of a newer version need the newer schemas.
 */
export async function registerStatic(registry: SchemaRegistry, job: Job): Promise<void> {
  await registerState(registry, job);
  const subjects: [string, RecordName, 'BACKWARD' | 'NONE'][] = [
    [reportTopic(job.job), 'report', 'BACKWARD'],
    ...job.sources.flatMap((s): [string, RecordName, 'BACKWARD' | 'NONE'][] => [
      [progressTopic(s.name), 'progress', 'BACKWARD'],
      [schemaTopic(s.name), 'schema-change', 'BACKWARD'],
      [chunksTopic(s.name), 'chunk', 'NONE'],
    ]),
  ];
  if (job.options.streamingCheck) subjects.push([streamTopic(job.job), 'stream', 'BACKWARD']);
  const marks = job.options.originMarks ? job.sources.map(s => markSubject(s.name)) : [];
  const registering = subjects.map(([topic, name, level]) =>
    registry.register(`${topic}-value`, staticSchema(name), level),
  );
  const marking = marks.map(subject => registry.register(subject, staticSchema('mark'), 'NONE'));
  await Promise.all([...registering, ...marking]);
}

/** The schema of the state alone: by it the rest is decided. */
export async function registerState(registry: SchemaRegistry, job: Job): Promise<void> {
  await registry.register(`${stateTopic(job.job)}-value`, staticSchema('state'), 'BACKWARD');
}
