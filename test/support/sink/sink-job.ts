/**
 * A job that has only its sink side: real topics, registry, state and targets, filled with records
 * that the test makes. Members run as processes, so that they can be killed at a failpoint.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { claimSource } from '../../../services/control/phase/source-owner.ts';
import { controlTopics, tableTopics } from '../../../services/control/phase/topic-plan.ts';
import { staticSchema } from '../../../shared/codec/record-codec.ts';
import type { Job } from '../../../shared/job/job.ts';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { makeIdentity } from '../../../shared/job/state/identity.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { stateCodec } from '../../../shared/job/state/open.ts';
import { controlWriter } from '../../../shared/job/state/record-writer.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { partitionOf } from '../../../shared/kafka/partition.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import {
  progressTopic,
  reportTopic,
  stateTopic,
  tableTopic,
} from '../../../shared/kafka/topic-name.ts';
import type { TransactionalWriter } from '../../../shared/kafka/transactional-writer.ts';
import { wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import { kafkaOf, registryOf, reportCodec } from '../../../shared/member/context.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { type MysqlEndpoint, MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { DevServers } from '../dev.ts';
import { type Event, LogMaker, SCHEMA_IDS } from './log-maker.ts';

export interface SinkJobOptions {
  servers: DevServers;
  /** Names of servers that are targets. */
  targets: string[];
  /** Unique name: job, source and database carry it. */
  name: string;
  /** CREATE TABLE statement by table name; each has a column `shard`. */
  tables: Record<string, string>;
  options?: Record<string, unknown>;
}

const LOG = createLogger({ name: 'test', level: process.env.TEST_LOG ?? 'silent' });
const MEMBER = fileURLToPath(new URL('./run-member.ts', import.meta.url));

export class SinkJob implements AsyncDisposable {
  readonly job: Job;
  readonly kafka: KafkaLog;
  readonly schemas = new Map<string, TableSchema>();
  readonly sessions: MysqlSession[] = [];
  jobId = '';
  readonly #uuids = new Map<string, string>();
  readonly #makers = new Map<string, LogMaker>();
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'reshard-sink-'));
  readonly #members = new Set<ChildProcess>();
  #writer: TransactionalWriter | undefined;

  private constructor(job: Job) {
    this.job = job;
    this.kafka = kafkaOf(job, LOG, 'sink-test');
    writeFileSync(this.jobFile, JSON.stringify(job));
  }

  get jobFile(): string {
    return path.join(this.#folder, 'job.yaml');
  }

  static async create(o: SinkJobOptions): Promise<SinkJob> {
    const { servers, name } = o;
    const endpoint = (server: string): object => ({ ...servers.mysql[server], database: name });
    const job = parseJob(
      JSON.stringify({
        job: name,
        kafka: { brokers: servers.brokers },
        registry: { url: servers.registryUrl },
        sources: [{ name: `${name}-s`, ...endpoint(o.targets[0] ?? '') }],
        targets: o.targets.map(t => ({ name: t, ...endpoint(t) })),
        tables: Object.keys(o.tables).map(t => ({ name: t })),
        route: { kind: 'modulus', column: 'shard' },
        options: { ...o.options },
      }),
      {},
    );
    const made = new SinkJob(job);
    await made.#prepareTargets(o.tables);
    await made.#prepareTopics();
    return made;
  }

  get source(): string {
    return this.job.sources[0]?.name ?? '';
  }

  topicOf(table: string): string {
    return tableTopic(this.source, this.job.job, table);
  }

  /** One Kafka transaction of events, each in the partition of its key. */
  async publish(table: string, events: readonly Event[]): Promise<void> {
    this.#writer ??= await this.kafka.transactionalWriter({ transactionalId: this.source });
    const writer = this.#writer;
    const maker = this.#maker(table);
    const { partitions } = this.job.options;
    const topic = this.topicOf(table);
    for (const event of events) {
      const { key, value } = maker.encode(event);
      const partition = partitionOf(key, 5, key.length, partitions);
      writer.append(topic, partition, wholeRecord(key, value, Date.now()));
    }
    await writer.commit();
  }

  /** Deletes the table's topic and makes another one of its name. */
  async remakeTopic(table: string): Promise<void> {
    const topic = this.topicOf(table);
    const admin = await this.kafka.admin();
    await admin.deleteTopics([topic]);
    await until(async () => !(await admin.listTopics()).includes(topic), {
      timeoutMs: 20_000,
      what: 'the end of the topic',
    });
    await admin.ensureTopics(tableTopics(this.job, topic));
    // The writer of before would notice, and refuse.
    this.#writer?.close();
    this.#writer = undefined;
  }

  /** Starts a member; `failpoint` makes it kill itself there. */
  start(
    o: { failpoint?: string; args?: string[]; env?: Record<string, string> } = {},
  ): ChildProcess {
    const child = spawn(process.execPath, [...(o.args ?? []), MEMBER, this.jobFile], {
      stdio: ['ignore', 'ignore', process.env.TEST_LOG ? 'inherit' : 'ignore'],
      env: { ...process.env, ...o.env, RESHARD_FAILPOINT: o.failpoint ?? '' },
    });
    this.#members.add(child);
    child.once('exit', () => this.#members.delete(child));
    return child;
  }

  /** A new session to a target whose server was restarted. */
  async reconnect(target: number): Promise<void> {
    const endpoint = this.job.targets[target];
    if (endpoint === undefined) throw new Error(`no target ${target}`);
    this.sessions[target]?.destroy();
    this.sessions[target] = await MysqlSession.open(endpointOf(endpoint), {
      role: 'admin',
      side: 'target',
    });
  }

  /** Whether every target has applied all partitions of all tables to their ends. */
  async applied(): Promise<boolean> {
    for (const table of this.schemas.keys()) {
      const topic = this.topicOf(table);
      const ends = await this.kafka.highWatermarks(topic);
      for (const session of this.sessions) {
        const rows = await session
          .query<{ part: string; n: string }>(
            'SELECT part, next_offset AS n FROM reshard_offset WHERE job = ? AND topic = ?',
            [this.job.job, topic],
          )
          .catch(() => []);
        const at = new Map(rows.map(r => [Number(r.part), Number(r.n)]));
        if (ends.some((end, part) => (at.get(part) ?? -1) < end)) return false;
      }
    }
    return true;
  }

  /** And no row waits. */
  async drained(): Promise<boolean> {
    if (!(await this.applied())) return false;
    const parked = await Promise.all(this.sessions.map(s => countOf(s, 'reshard_park')));
    return parked.every(n => n === 0);
  }

  waitApplied(timeoutMs = 60_000): Promise<boolean> {
    return until(() => this.applied(), { timeoutMs, everyMs: 20, what: 'the sink to apply all' });
  }

  waitDrained(timeoutMs = 60_000): Promise<boolean> {
    return until(() => this.drained(), { timeoutMs, everyMs: 20, what: 'the sink to drain' });
  }

  /** Waits until a member reports what `isWanted` says of one of the units of a target. */
  async waitReport(what: string, isWanted: (r: Report) => boolean): Promise<Report> {
    const codec = await reportCodec(registryOf(this.job), this.job);
    let found: Report | undefined;
    const tail = await tailTable(this.kafka, reportTopic(this.job.job), (_, value) => {
      const report = value === null ? undefined : codec.decode(value);
      if (report === undefined) return;
      if (isWanted(report)) found = report;
      else if (found?.unit === report.unit) found = undefined;
    });
    try {
      return await until(() => found, { timeoutMs: 60_000, what });
    } finally {
      await tail.close();
    }
  }

  /** Rows of a table by target, as text, in order. */
  async rows(table: string): Promise<string[][]> {
    return Promise.all(
      this.sessions.map(async s => {
        const rows = await s.query(`SELECT * FROM ${table}`);
        return rows.map(r => Object.values(r).join()).sort();
      }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ends = [...this.#members].map(child => {
      const gone = new Promise(resolve => child.once('exit', resolve));
      child.kill('SIGKILL');
      return gone;
    });
    await Promise.all(ends);
    for (const s of this.sessions) {
      await s.rawQuery(`DROP DATABASE IF EXISTS ${this.job.job}`);
      await s.close();
    }
    this.#writer?.close();
    const admin = await this.kafka.admin();
    const ours = (await admin.listTopics()).filter(
      t => t.startsWith(`${this.source}.`) || t.startsWith(`reshard.${this.job.job}.`),
    );
    if (ours.length > 0) await admin.deleteTopics(ours);
    await this.kafka.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #maker(table: string): LogMaker {
    let maker = this.#makers.get(table);
    const schema = this.schemas.get(table);
    if (schema === undefined) throw new Error(`no table ${table}`);
    maker ??= new LogMaker(schema, this.topicOf(table), 0);
    this.#makers.set(table, maker);
    return maker;
  }

  async #prepareTargets(tables: Record<string, string>): Promise<void> {
    for (const t of this.job.targets) {
      const session = await MysqlSession.open(
        { ...endpointOf(t), database: undefined },
        { role: 'admin', side: 'target' },
      );
      this.sessions.push(session);
      this.#uuids.set(t.name, await readServerUuid(session));
      await session.rawQuery(`DROP DATABASE IF EXISTS ${t.database}`);
      await session.rawQuery(`CREATE DATABASE ${t.database}`);
      await session.rawQuery(`USE ${t.database}`);
      for (const [table, ddl] of Object.entries(tables)) {
        await session.rawQuery(ddl);
        this.schemas.set(table, await inspectTable(session, t.database, table));
      }
    }
  }

  async #prepareTopics(): Promise<void> {
    const admin = await this.kafka.admin();
    const { state, report, deadLetters, perSource } = controlTopics(this.job);
    const topics = [...this.schemas.keys()].flatMap(t => tableTopics(this.job, this.topicOf(t)));
    await admin.ensureTopics([state, report, deadLetters, ...perSource, ...topics]);
    const registry = registryOf(this.job);
    const job = this.job.job;
    await registry.register(`${stateTopic(job)}-value`, staticSchema('state'), 'BACKWARD');
    await registry.register(`${reportTopic(job)}-value`, staticSchema('report'), 'BACKWARD');
    const progress = `${progressTopic(this.source)}-value`;
    await registry.register(progress, staticSchema('progress'), 'BACKWARD');
    const codec = await stateCodec(registry, this.job);
    const writer = await controlWriter({ kafka: this.kafka, job: this.job, codec });
    const uuid = (name: string): string => this.#uuids.get(name) ?? '';
    const identity = makeIdentity(this.job, { source: uuid, target: uuid });
    this.jobId = identity.id;
    writer.jobId = identity.id;
    await writer.put(stateKey.identity, { identity });
    await claimSource({ kafka: this.kafka, registry }, this.source, { job, id: identity.id });
    for (const [table, schema] of this.schemas) {
      await writer.put(stateKey.plan(this.source, this.job.job, table), {
        plan: {
          generation: 1,
          source: this.source,
          db: this.job.job,
          table,
          topic: this.topicOf(table),
          schemaJson: JSON.stringify(schema),
          ...SCHEMA_IDS,
          estimatedRows: 0,
          ranges: [],
        },
      });
    }
  }
}

function endpointOf(t: Job['targets'][number]): MysqlEndpoint {
  const { host, port, user, password, database } = t;
  return { host, port, user, password, database };
}

async function countOf(session: MysqlSession, table: string): Promise<number> {
  const [row] = await session.query<{ n: string }>(`SELECT COUNT(*) AS n FROM ${table}`);
  return Number(row?.n);
}
