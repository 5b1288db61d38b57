/**
 * Prepare: everything that a job needs before the first row moves, in an order that may be cut at
 * any point and done again. The report topic is made last: it tells the services that all is there.
 * The start position is taken before the plan, and the plan before any SELECT: no row can fall
 * between the snapshot and the log.
 */
import { envelopeSchema, keySchema } from '../../../shared/codec/avro-schema.ts';
import { staticSchema } from '../../../shared/codec/record-codec.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import {
  chunksTopic,
  progressTopic,
  reportTopic,
  stateTopic,
  tableTopic,
} from '../../../shared/kafka/topic-name.ts';
import { stateCodec } from '../../../shared/member/context.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { planRanges } from '../../../shared/mysql/range-plan.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { type StateWriter, stateWriter } from './state-writer.ts';
import { controlTopics, tableTopics } from './topic-plan.ts';

export interface PrepareDeps {
  job: Job;
  kafka: KafkaLog;
  registry: SchemaRegistry;
  log: Logger;
}

/** Whether the job has been prepared to the end, by this or another control. */
export async function prepared(kafka: KafkaLog, job: Job): Promise<boolean> {
  const admin = await kafka.admin();
  return (await admin.listTopics()).includes(reportTopic(job.job));
}

/**
 * Tells views what the job waits for. Nothing but views reads the record, so one that comes late,
 * from a control that has lost its lease, does no harm.
 */
export async function noteWaiting(deps: PrepareDeps, sinceMs: number, waiting: string) {
  const { job, kafka, registry } = deps;
  await (await kafka.admin()).ensureTopics([controlTopics(job).state]);
  await registerStatic(registry, job);
  const writer = await stateWriter(kafka, job, await stateCodec(registry, job));
  await writer.put(stateKey.prepare, { prepare: { sinceMs, waiting } });
}

/** Makes what is missing and returns when the job may start. */
export async function prepare(deps: PrepareDeps): Promise<void> {
  const { job, kafka, registry, log } = deps;
  const admin = await kafka.admin();
  const { state, report, deadLetters, perSource } = controlTopics(job);
  await registerStatic(registry, job);
  await admin.ensureTopics([state, deadLetters, ...perSource]);
  const writer = await stateWriter(kafka, job, await stateCodec(registry, job));
  const known = await writer.read();
  if (!known.has(stateKey.job)) {
    for (const source of job.sources) await prepareSource(deps, source, writer, known);
    const now = Date.now();
    await writer.put(stateKey.job, {
      job: { phase: 'copying', sinceMs: now, startedMs: now, paused: [] },
    });
  }
  if (known.has(stateKey.prepare)) await writer.remove(stateKey.prepare);
  await admin.ensureTopics([report]);
  log.info({ job: job.job }, 'job prepared');
}

async function prepareSource(
  deps: PrepareDeps,
  source: JobSource,
  writer: StateWriter,
  known: Map<string, StateRecord>,
): Promise<void> {
  const { job, log } = deps;
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const facts = { flavor: session.flavor, serverUuid: await serverUuid(session) };
  if (!known.has(stateKey.start(source.name))) {
    const gtid = await gtidLowerBound(session);
    await writer.put(stateKey.start(source.name), { start: { gtid, ...facts } });
  }
  failpoint(FAILPOINTS.controlMidPrepare);
  for (const table of job.tables) {
    const schema = await inspectTable(session, source.database, table.name);
    await prepareTable(deps, source, schema, session, writer);
    log.info({ source: source.name, table: table.name }, 'table planned');
  }
}

async function prepareTable(
  deps: PrepareDeps,
  source: JobSource,
  schema: TableSchema,
  session: MysqlSession,
  writer: StateWriter,
): Promise<void> {
  const { job, kafka, registry } = deps;
  const topic = tableTopic(source.name, schema.db, schema.table);
  const key = keySchema(source.name, schema);
  const value = envelopeSchema(source.name, schema);
  const keySchemaId = await registry.registerFrozen(`${topic}-key`, key);
  const valueSchemaId = await registry.register(`${topic}-value`, value, 'BACKWARD');
  await (await kafka.admin()).ensureTopics(tableTopics(job, topic));
  const { estimatedRows, ranges } = await planRanges(session, schema);
  await writer.put(stateKey.plan(source.name, schema.db, schema.table), {
    plan: {
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
    },
  });
}

async function serverUuid(session: MysqlSession): Promise<string> {
  const sql =
    session.flavor === 'mariadb' ? 'SELECT @@server_uid AS id' : 'SELECT @@server_uuid AS id';
  const rows = await session.query<{ id: string }>(sql);
  return rows[0]?.id ?? '';
}

/**
 * Registers the control plane's schemas in one place, so that services only look them up. Also of a
 * job that runs already: its members of a newer version need the newer schemas.
 */
export async function registerStatic(registry: SchemaRegistry, job: Job): Promise<void> {
  const subjects: [string, 'state' | 'report' | 'progress' | 'chunk', 'BACKWARD' | 'NONE'][] = [
    [stateTopic(job.job), 'state', 'BACKWARD'],
    [reportTopic(job.job), 'report', 'BACKWARD'],
    ...job.sources.flatMap((s): [string, 'progress' | 'chunk', 'BACKWARD' | 'NONE'][] => [
      [progressTopic(s.name), 'progress', 'BACKWARD'],
      [chunksTopic(s.name), 'chunk', 'NONE'],
    ]),
  ];
  const registering = subjects.map(([topic, name, level]) =>
    registry.register(`${topic}-value`, staticSchema(name), level),
  );
  await Promise.all(registering);
}
