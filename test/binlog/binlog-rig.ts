/**
 * One source, its topics and a binlog service for tests of the ordered writer: in this process, or
 * as a process of its own that can be killed. What is in the log is read by our own reader, record
 * by record, so that order, duplicates and versions can be asserted.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { stringify } from 'yaml';
import { runBinlog } from '../../services/binlog/main.ts';
import { prepare } from '../../services/control/phase/prepare.ts';
import { runSnapshot } from '../../services/snapshot/main.ts';
import { type Flavor, GtidSet } from '../../shared/change/gtid.ts';
import { EnvelopeDecoder, type Operation } from '../../shared/codec/envelope.ts';
import type { Job } from '../../shared/job/job.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import { openProgress, openState } from '../../shared/job/state/open.ts';
import type { ProgressView } from '../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../shared/kafka/kafka.ts';
import { tailTable } from '../../shared/kafka/table.ts';
import { progressTopic, reportTopic, tableTopic } from '../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf, reportCodec } from '../../shared/member/context.ts';
import type { SchemaRegistry } from '../../shared/registry/registry.ts';
import { RowCodec } from '../../shared/row/row-codec.ts';
import { until } from '../../shared/runtime/clock.ts';
import { createLogger, type Logger } from '../../shared/runtime/log.ts';
import { type DevServers, servers } from '../support/dev.ts';
import { type RunningCommand, spawnReshard } from '../support/reshard-cli.ts';

export interface LogRecord {
  partition: number;
  offset: number;
  key: string;
  op: Operation;
  before: unknown[] | null;
  after: unknown[] | null;
  epoch: number;
  ordinal: number;
  gtid: string;
  tsMs: number;
}

export interface RigOptions {
  name: string;
  tables: { name: string; sql: string }[];
  options?: Record<string, number | boolean>;
  source?: DevServers['mysql'][string];
  flavor?: Flavor;
  /** Statements between the start position and the plans, in the database. */
  meanwhile?: string[];
  /** Where the service finds the source, if not at the source itself: a proxy of the test. */
  via?: { host: string; port: number };
}

export class BinlogRig implements AsyncDisposable {
  readonly name: string;
  readonly job: Job;
  readonly jobFile: string;
  readonly kafka: KafkaLog;
  readonly registry: SchemaRegistry;
  readonly log: Logger;
  source: DevServers['mysql'][string];
  readonly flavor: Flavor;
  readonly #stack = new AsyncDisposableStack();
  readonly #place: DevServers;

  private constructor(o: RigOptions) {
    this.#place = servers();
    this.name = `binlog_${o.name}_${randomBytes(3).toString('hex')}`;
    const s1 = o.source ?? this.#place.mysql.s1;
    const t1 = this.#place.mysql.t1;
    if (!s1 || !t1) throw new Error('the test servers have no s1 and t1');
    this.source = s1;
    this.flavor = o.flavor ?? 'mysql';
    const { host, port } = o.via ?? s1;
    const text = stringify({
      job: this.name,
      kafka: { brokers: this.#place.brokers },
      registry: { url: this.#place.registryUrl },
      sources: [
        { name: this.name, host, port, user: this.name, password: 'pw', database: this.name },
      ],
      targets: [{ name: 't1', ...t1, database: this.name }],
      tables: o.tables.map(t => ({ name: t.name })),
      route: { kind: 'modulus', column: 'id' },
      ...(o.options ? { options: o.options } : {}),
    });
    this.jobFile = path.join(mkdtempSync(path.join(tmpdir(), 'reshard-binlog-')), 'job.yaml');
    writeFileSync(this.jobFile, text);
    this.job = parseJob(text, process.env);
    this.log = createLogger({ name: 'test', level: process.env.RESHARD_LOG_LEVEL ?? 'fatal' });
    this.kafka = kafkaOf(this.job, this.log, 'binlog-test');
    this.#stack.defer(() => this.kafka.close());
    this.registry = registryOf(this.job);
  }

  static async open(o: RigOptions): Promise<BinlogRig> {
    const rig = new BinlogRig(o);
    const c = await rig.connect();
    await c.query(`CREATE DATABASE \`${rig.name}\``);
    await c.query(`USE \`${rig.name}\``);
    for (const { sql } of o.tables) await c.query(sql);
    // The least that a reader needs, and a name by which its connections are found.
    await c.query(`CREATE USER '${rig.name}'@'%' IDENTIFIED BY 'pw'`);
    await c.query(`GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO '${rig.name}'@'%'`);
    await c.query(`GRANT SELECT, TRIGGER ON \`${rig.name}\`.* TO '${rig.name}'@'%'`);
    await c.end();
    rig.#stack.defer(async () => {
      const admin = await rig.connect();
      await admin.query(`DROP DATABASE \`${rig.name}\``).catch(() => undefined);
      await admin.query(`DROP USER '${rig.name}'@'%'`).catch(() => undefined);
      await admin.end();
    });
    const { job, kafka, registry, log } = rig;
    const deps = { job, kafka, registry, log };
    if (o.meanwhile !== undefined) {
      // As of a control that died: the start position is kept, the plans are made anew.
      const died = new Error('the first control has died');
      await prepare(deps, () => Promise.reject(died)).catch(e => {
        if (e !== died) throw e;
      });
      await rig.sql(...o.meanwhile);
    }
    await prepare(deps, async () => {});
    return rig;
  }

  async connect(database?: string): Promise<mysql.Connection> {
    const { host, port, user, password } = this.source;
    return mysql.createConnection({
      host,
      port,
      user,
      password,
      ...(database === undefined ? {} : { database }),
      multipleStatements: true,
      dateStrings: true,
      supportBigNumbers: true,
    });
  }

  /** Runs statements on a session of its own. */
  async sql(...statements: string[]): Promise<void> {
    const c = await this.connect(this.name);
    try {
      for (const s of statements) await c.query(s);
    } finally {
      await c.end();
    }
  }

  /** The service in this process; ends with the returned handle. */
  start(endpoint: { host?: string; port?: number } = {}): AsyncDisposable {
    const stop = new AbortController();
    const { log } = this;
    const job = { ...this.job, sources: this.job.sources.map(s => ({ ...s, ...endpoint })) };
    const running = runBinlog({ job, log, signal: stop.signal, httpPort: 0 });
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await running;
      },
    };
  }

  /** A snapshot service in this process. */
  startSnapshot(): AsyncDisposable {
    const stop = new AbortController();
    const { job, log } = this;
    const running = runSnapshot({ job, log, signal: stop.signal, httpPort: 0 });
    return {
      [Symbol.asyncDispose]: async () => {
        stop.abort();
        await running;
      },
    };
  }

  /** Waits until every range of the table is in the log. */
  async untilCopied(table: string, timeoutMs = 60_000): Promise<void> {
    const plan = await this.plan(table);
    await this.withProgress(view =>
      until(() => plan.ranges.every(r => view.range(this.name, table, r.id)?.complete === true), {
        timeoutMs,
        everyMs: 20,
        what: `the copy of ${table}`,
      }),
    ).catch(cause => this.#inVain(cause));
  }

  spawn(env: Record<string, string> = {}): RunningCommand {
    const log = path.join(path.dirname(this.jobFile), 'binlog.log');
    const child = spawnReshard(['service', 'binlog', this.jobFile], { log, env });
    this.#stack.defer(() => child.kill('SIGKILL'));
    return child;
  }

  /** Follows the progress topic for as long as `work` takes. */
  async withProgress<T>(work: (view: ProgressView) => Promise<T>): Promise<T> {
    await using progress = await openProgress(this, this.name, null);
    return await work(progress.view);
  }

  /** Waits until the log holds all that the source has committed by now. */
  async untilCaughtUp(timeoutMs = 60_000): Promise<void> {
    const c = await this.connect();
    const variable = this.flavor === 'mysql' ? 'gtid_executed' : 'gtid_binlog_pos';
    const [rows] = await c.query(`SELECT @@global.${variable} AS gtids`);
    await c.end();
    const [row] = rows as { gtids: string }[];
    const wanted = GtidSet.parse(row?.gtids ?? '', this.flavor);
    await this.withProgress(view =>
      until(
        () => view.resume !== null && GtidSet.parse(view.resume.gtid, this.flavor).covers(wanted),
        {
          timeoutMs,
          everyMs: 10,
          what: `the log of ${this.name} to hold ${wanted}`,
        },
      ),
    ).catch(cause => this.#inVain(cause));
  }

  async #inVain(cause: unknown): Promise<never> {
    const halt = await this.untilHalted(2000).catch(() => 'not halted');
    throw new Error(`waited in vain; the unit: ${halt}`, { cause });
  }

  /** Server threads that send the binlog to us. */
  async dumpThreads(): Promise<number[]> {
    const c = await this.connect();
    // Not the process list: it fails on what other sessions' statements hold.
    const [rows] = await c.query(
      `SELECT processlist_id AS id FROM performance_schema.threads
        WHERE processlist_user = ? AND processlist_command LIKE 'Binlog Dump%'`,
      [this.name],
    );
    await c.end();
    return (rows as { id: number }[]).map(r => Number(r.id));
  }

  /** Waits until the source's unit has stopped for good; gives the error as it is shown. */
  async untilHalted(timeoutMs = 20_000): Promise<string> {
    const codec = await reportCodec(this.registry, this.job);
    let error: string | null = null;
    await using _ = await tailTable(this.kafka, reportTopic(this.job.job), (key, value) => {
      if (key.toString() !== `binlog/${this.name}` || value === null) return;
      const report = codec.decode(value);
      error = report.state === 'halted' ? report.error : null;
    });
    return await until(() => error ?? undefined, { timeoutMs, what: 'the unit to halt' });
  }

  topic(table: string): string {
    return tableTopic(this.name, this.name, table);
  }

  async plan(table: string): Promise<TablePlan> {
    await using state = await openState(this);
    const { view } = state;
    const plan = view.plans.get(`${this.name}/${this.name}.${table}`);
    if (!plan) throw new Error(`no plan of ${table}`);
    return plan;
  }

  /** Everything that a committed reader finds in the table's topic. */
  async records(table: string): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    await this.scan(table, record => records.push(record));
    return records;
  }

  /** The same record by record: what does not fit into memory can be looked at. */
  async scan(table: string, onRecord: (record: LogRecord) => void): Promise<void> {
    const codec = new RowCodec((await this.plan(table)).schema);
    const decoder = new EnvelopeDecoder(codec);
    const topic = this.topic(table);
    const ends = new Map<number, number>();
    // Records whose transaction is committed and not marked yet are in front of these.
    for (const [partition, end] of (await this.kafka.highWatermarks(topic)).entries()) {
      if (end > 0) ends.set(partition, end);
    }
    if (ends.size === 0) return;
    const done = Promise.withResolvers<void>();
    const reader = await this.kafka.reader({
      isolation: 'committed',
      onError: done.reject,
      onFetched: fetched => {
        for (let i = 0; i < fetched.count; i++) {
          const value = fetched.value(i);
          if (value === null) continue;
          decoder.decode(value, 0, value.length);
          onRecord({
            partition: fetched.partition,
            offset: fetched.offset(i),
            key: (fetched.key(i) ?? Buffer.alloc(5)).subarray(5).toString('hex'),
            op: decoder.op,
            before: decoder.hasBefore ? codec.toJs(value, decoder.beforeStart) : null,
            after: decoder.hasAfter ? codec.toJs(value, decoder.afterStart) : null,
            epoch: decoder.epoch,
            ordinal: decoder.ordinal,
            gtid: value.toString('utf8', decoder.gtidStart, decoder.gtidEnd),
            tsMs: decoder.tsMs,
          });
        }
        if (fetched.position >= (ends.get(fetched.partition) ?? 0)) ends.delete(fetched.partition);
        reader.release(fetched);
        if (ends.size === 0) done.resolve();
      },
    });
    for (const partition of ends.keys()) reader.add(topic, partition, 0);
    await done.promise;
    reader.close();
  }

  get progressTopic(): string {
    return progressTopic(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const admin = await this.kafka.admin();
    const ours = (await admin.listTopics()).filter(t => t.includes(this.name));
    await admin.deleteTopics(ours);
    await this.#stack.disposeAsync();
  }
}

/** Rows of a table of the source as `toJs` gives them, by the hex of a one-column integer key. */
export async function sourceRows(rig: BinlogRig, table: string): Promise<unknown[][]> {
  const c = await rig.connect(rig.name);
  const [rows] = await c.query({ sql: `SELECT * FROM \`${table}\` ORDER BY 1`, rowsAsArray: true });
  await c.end();
  return rows as unknown[][];
}

/** What T4 asks of a log: within a partition versions only rise, and no version is there twice. */
export function orderFaults(records: readonly LogRecord[]): string[] {
  const faults: string[] = [];
  const last = new Map<number, LogRecord>();
  const ordinals = new Set<number>();
  for (const r of [...records].sort((a, b) => a.partition - b.partition || a.offset - b.offset)) {
    const before = last.get(r.partition);
    if (before && (r.epoch < before.epoch || r.ordinal <= before.ordinal)) {
      faults.push(`${r.partition}/${r.offset}: ${r.epoch}.${r.ordinal} after ${before.ordinal}`);
    }
    if (ordinals.has(r.ordinal)) faults.push(`ordinal ${r.ordinal} is there twice`);
    ordinals.add(r.ordinal);
    last.set(r.partition, r);
  }
  return faults;
}

/** A plain consumer's table: the last record of each key decides. */
export function folded(records: readonly LogRecord[]): Map<string, unknown[]> {
  const rows = new Map<string, unknown[]>();
  const ordered = [...records].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  for (const r of ordered) {
    if (r.op === 'd') rows.delete(r.key);
    else if (r.after) rows.set(r.key, r.after);
  }
  return rows;
}
