/**
 * A job over the shop's tables on real servers, with every service as a process of its own that a
 * test may stop, kill and start again. All that a test knows of the job it knows by the CLI, the
 * topics and the servers.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { Status } from '../../services/control/status/status.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import { tailTable } from '../../shared/kafka/table.ts';
import { kafkaOf } from '../../shared/member/context.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { type DevServers, servers } from '../support/dev.ts';
import {
  type JobFileOptions,
  type MysqlServer,
  sourceName,
  targetName,
  writeJobFile,
} from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { createDatabase, fillSource } from '../support/load/fill.ts';
import { Load } from '../support/load/load.ts';
import { newSeed } from '../support/load/random.ts';
import { IdSpace, LOAD_TABLES, SHARD_COLUMN } from '../support/load/tables.ts';
import { oracle } from '../support/oracle.ts';
import { differsFromSource, PlainConsumer } from '../support/plain-consumer.ts';
import {
  callReshard,
  type RunningCommand,
  StatusWatch,
  spawnReshard,
} from '../support/reshard-cli.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';

export const SERVICES = ['control', 'binlog', 'snapshot', 'sink', 'checker'] as const;
export type Service = (typeof SERVICES)[number];

/**
 * Partitions of each table where nothing is said about their number: by them goes what a job costs
 * while it waits, which it does for most of a test.
 */
export const FEW_PARTITIONS = 2;

type TopicOf = (table: string, server: number) => string;

const KEYS: Readonly<Record<(typeof LOAD_TABLES)[number], readonly string[]>> = {
  customers: ['customer_id'],
  orders: ['order_id'],
  order_items: ['order_id', 'line_no'],
};

export type ShopJobOptions = {
  /** MySQL servers of the test's own: what others do to shared ones would stop the job. */
  mysql: Servers;
  /** Of each source. */
  orders: number;
  /** How many of the servers s1, s2 ... are sources; by default one. */
  sources?: number;
  seed?: number;
  options?: Record<string, number | boolean | string>;
  /** Of a way back to several sources the route names them, by the job's name. */
  cutover?: JobFileOptions['cutover'] | ((job: string) => JobFileOptions['cutover']);
};

export class ShopJob implements AsyncDisposable {
  readonly name: string;
  readonly database: string;
  readonly seed: number;
  readonly jobFile: string;
  readonly dir: string;
  readonly space: IdSpace;
  readonly sources: readonly MysqlServer[];
  readonly targets: readonly MysqlServer[];
  readonly #servers: DevServers;
  readonly #running = new Map<Service, RunningCommand>();
  readonly #startedAt = performance.now();
  #watch: StatusWatch | undefined;

  private constructor(servers: DevServers, o: ShopJobOptions) {
    const id = randomUUID().slice(0, 8);
    const { mysql } = o.mysql.endpoints();
    const names = Array.from({ length: o.sources ?? 1 }, (_, i) => `s${i + 1}`);
    const [t1, t2, ...sources] = ['t1', 't2', ...names].map(name => {
      const server = mysql[name];
      if (server === undefined) throw new Error(`the server ${name} is needed`);
      return server;
    });
    if (!t1 || !t2) throw new Error('two targets are needed');
    this.#servers = servers;
    this.name = `pipe-${id}`;
    this.database = `pipe_${id}`;
    this.seed = o.seed ?? Number(process.env.RESHARD_SEED ?? newSeed());
    this.dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
    this.space = new IdSpace(0, o.orders);
    const cutover = typeof o.cutover === 'function' ? o.cutover(this.name) : o.cutover;
    this.sources = sources;
    this.targets = [t1, t2];
    this.jobFile = writeJobFile({
      dir: this.dir,
      job: this.name,
      servers,
      sources,
      targets: this.targets,
      database: this.database,
      ...(o.options === undefined ? {} : { options: o.options }),
      ...(cutover === undefined ? {} : { cutover }),
    });
  }

  /** Sources and two targets, to be given to `prepare`. */
  static servers(sources = 1): Promise<Servers> {
    const named = Array.from({ length: sources }, (_, i) => `s${i + 1}`);
    return startServers({
      mysql: [
        ...named.map((name, i) => ({ name, serverId: 111 + i })),
        { name: 't1', serverId: 211 },
        { name: 't2', serverId: 212 },
      ],
    });
  }

  /** Source filled, targets empty, nothing started. */
  static async prepare(o: ShopJobOptions): Promise<ShopJob> {
    const job = new ShopJob(servers(), o);
    console.log(`${job.name}: seed ${job.seed} (RESHARD_SEED=${job.seed} repeats it)`);
    const { database, seed } = job;
    for (const [source, endpoint] of job.sources.entries()) {
      await fillSource({ endpoint, database, source, orders: o.orders, seed });
    }
    for (const target of job.targets) await createDatabase(target, database);
    return job;
  }

  start(...services: readonly Service[]): void {
    for (const service of services) {
      if (this.#running.get(service)?.running) continue;
      const args = ['service', service, this.jobFile];
      if (service === 'control') args.push('--create-targets');
      const log = this.#log(service);
      this.#running.set(service, spawnReshard(args, { log, env: { RESHARD_LOG_JSON: '1' } }));
    }
    this.#watch ??= StatusWatch.open(this.jobFile);
  }

  /** Starts a service with a crash point armed; resolves when the process is gone. */
  async startArmed(service: Service, failpoint: string): Promise<number> {
    const env = { RESHARD_LOG_JSON: '1', RESHARD_FAILPOINT: failpoint };
    const args = ['service', service, this.jobFile];
    if (service === 'control') args.push('--create-targets');
    const running = spawnReshard(args, { log: this.#log(service), env });
    this.#running.set(service, running);
    return running.exited;
  }

  /** Of the process that was started last. */
  pid(service: Service): number {
    return this.#running.get(service)?.pid ?? 0;
  }

  /** Sends a signal and waits for the end; answers the exit code (128 after SIGKILL). */
  async end(service: Service, signal: NodeJS.Signals): Promise<number> {
    const running = this.#running.get(service);
    if (running === undefined) throw new Error(`${service} was not started`);
    running.kill(signal);
    return running.exited;
  }

  /** The first source. */
  get source(): MysqlServer {
    return this.#sourceAt(0);
  }

  #sourceAt(index: number): MysqlServer {
    const server = this.sources[index];
    if (server === undefined) throw new Error(`no source ${index}`);
    return server;
  }

  /** Load on a source, by its index. */
  load(perSecond: number, connections = 20, source = 0): Load {
    const { database, seed } = this;
    const endpoint = this.#sourceAt(source);
    const space = source === 0 ? this.space : new IdSpace(source, this.space.orders);
    return Load.start({ endpoint, database, space, seed: seed + 1, perSecond, connections });
  }

  plainConsumer(): Promise<PlainConsumer> {
    return this.#consumer(this.#sourceTopics);
  }

  /** Of the topics of the targets, which a job with a way back has. */
  targetConsumer(): Promise<PlainConsumer> {
    return this.#consumer(this.#targetTopics);
  }

  #consumer(topicOf: TopicOf): Promise<PlainConsumer> {
    const { brokers, registryUrl } = this.#servers;
    const servers = topicOf === this.#sourceTopics ? this.sources : this.targets;
    const topics = servers.flatMap((_, i) => LOAD_TABLES.map(table => topicOf(table, i)));
    const groupId = `${this.name}-plain-${topics.length}`;
    return PlainConsumer.open({ brokers, registryUrl, groupId, topics });
  }

  readonly #sourceTopics: TopicOf = (table, i) => this.topic(table, i);
  readonly #targetTopics: TopicOf = (table, i) =>
    `${targetName({ job: this.name, cutover: { back: {} } }, i)}.${this.database}.${table}`;

  topic(table: string, source = 0): string {
    return `${sourceName(this.name, source)}.${this.database}.${table}`;
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    const log = createLogger({ name: 'test', level: 'fatal' });
    const job = parseJob(readFileSync(this.jobFile, 'utf8'), {});
    await using kafka = kafkaOf(job, log, 'shop-test');
    await (await kafka.admin()).deleteTopics(topics);
  }

  /** Keys of the records that readers of a topic see, in order. */
  async keysOf(topic: string): Promise<string[]> {
    const log = createLogger({ name: 'test', level: 'fatal' });
    const job = parseJob(readFileSync(this.jobFile, 'utf8'), {});
    await using kafka = kafkaOf(job, log, 'shop-test');
    const keys: string[] = [];
    await using tail = await tailTable(kafka, topic, key => keys.push(key.toString()));
    await tail.caughtUp;
    return keys;
  }

  get status(): Status | undefined {
    return this.#watch?.latest;
  }

  /** Waits for a status that is newer than this call. */
  async until(what: string, done: (s: Status) => boolean, timeoutMs: number): Promise<Status> {
    const from = this.#watch?.count ?? 0;
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      const watch = this.#watch;
      if (watch?.latest !== undefined && watch.count > from && done(watch.latest)) {
        console.log(`${this.#seconds()}: ${what}`);
        return watch.latest;
      }
      this.#refuseDead();
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    throw new Error(`waited ${timeoutMs} ms in vain for ${what}\n${this.#evidence()}`);
  }

  copied(timeoutMs = 120_000): Promise<Status> {
    return this.until('the copy', s => s.tables.every(t => t.complete), timeoutMs);
  }

  drained(timeoutMs = 120_000): Promise<Status> {
    return this.until('the pipeline to drain', s => s.drained, timeoutMs);
  }

  /** The independent judge; load must have stopped and the pipeline drained. */
  async expectEqual(): Promise<void> {
    const { database } = this;
    const named = (list: readonly MysqlServer[]) =>
      list.map((s, i) => ({ ...s, name: `${i}`, database }));
    const verdict = await oracle({
      sources: named(this.sources),
      targets: named(this.targets),
      tables: LOAD_TABLES.map(name => ({ name, shardColumn: SHARD_COLUMN })),
    });
    const differing = verdict.tables.flatMap(t =>
      t.differences.slice(0, 20).map(d => `${t.table} ${d.key} ${d.kind}`),
    );
    expect(differing, `differences\n${this.#evidence()}`).toEqual([]);
    expect(verdict.equal).toBe(true);
    for (const t of verdict.tables) expect(t.sourceRows).toBeGreaterThan(0);
  }

  /** T1: the consumer's tables become equal to the source once it has read to the end. */
  expectFollowed(consumer: PlainConsumer, timeoutMs = 30_000): Promise<void> {
    return this.#expectFollowed(consumer, this.sources, this.#sourceTopics, timeoutMs);
  }

  /** The same of a consumer of the targets' topics. */
  expectTargetsFollowed(consumer: PlainConsumer, timeoutMs = 30_000): Promise<void> {
    return this.#expectFollowed(consumer, this.targets, this.#targetTopics, timeoutMs);
  }

  async #expectFollowed(
    consumer: PlainConsumer,
    servers: readonly MysqlServer[],
    topicOf: TopicOf,
    timeoutMs: number,
  ): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      if (consumer.error !== undefined) throw consumer.error;
      const differing: string[] = [];
      for (const [i, source] of servers.entries()) {
        for (const table of LOAD_TABLES) {
          const topic = topicOf(table, i);
          const rows = consumer.tables.get(topic) ?? new Map();
          const at = [source, this.database, table, KEYS[table]] as const;
          const keys = await differsFromSource(rows, ...at, consumer.fills.get(topic));
          differing.push(...keys.slice(0, 10).map(key => `${i} ${table} ${key}`));
        }
      }
      if (differing.length === 0) return;
      if (performance.now() > end) {
        expect(differing, 'what a plain consumer holds').toEqual([]);
        return;
      }
      await new Promise(resolve => setTimeout(resolve, 500));
    }
  }

  async verify(): Promise<{ code: number; out: string }> {
    const { code, out, err } = await callReshard(
      'verify',
      this.jobFile,
      '--json',
      '--timeout',
      '120',
    );
    if (code !== 0 && code !== 4) throw new Error(`verify: ${code}\n${err}\n${this.#evidence()}`);
    return { code, out };
  }

  /** A client of a source, by index. */
  sqlOf(source: number): Promise<LoadClient> {
    return LoadClient.open(this.#sourceAt(source), this.database);
  }

  /** Carried out although a load writes there. */
  async onSource(source: number, ...statements: string[]): Promise<void> {
    await using client = await this.sqlOf(source);
    for (const sql of statements) await client.insist(sql);
  }

  /** A client of the first source, or of a target by index. */
  sql(target?: number): Promise<LoadClient> {
    const server = target === undefined ? this.source : this.targets[target];
    if (server === undefined) throw new Error(`no target ${target}`);
    return LoadClient.open(server, this.database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    for (const running of this.#running.values()) running.kill('SIGTERM');
    await Promise.all([...this.#running.values()].map(r => r.exited));
    for (const server of [...this.sources, ...this.targets]) {
      const client = await LoadClient.open(server);
      await client.run(`DROP DATABASE IF EXISTS ${this.database}`);
      await client.close();
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** A service that ended by itself would let a wait run into its deadline without a reason. */
  #refuseDead(): void {
    const halted = this.status?.services.filter(s => s.state === 'halted') ?? [];
    if (halted.length > 0) {
      const lines = halted.map(s => `${s.service}/${s.unit}: ${s.error}`).join('\n');
      throw new Error(`halted: ${lines}\n${this.#evidence()}`);
    }
  }

  #seconds(): string {
    return `${((performance.now() - this.#startedAt) / 1000).toFixed(1)} s`;
  }

  /** Lines that a service has logged, of all its processes. */
  logOf(service: Service): string[] {
    return readFileSync(this.#log(service), 'utf8').split('\n');
  }

  #log(service: Service): string {
    return path.join(this.dir, `${service}.log`);
  }

  /** Last status, and the warnings of the services. */
  #evidence(): string {
    const lines = [`seed ${this.seed}`, JSON.stringify(this.status)];
    for (const service of this.#running.keys()) {
      const text = readFileSync(this.#log(service), 'utf8').trim().split('\n').slice(-8);
      lines.push(`--- ${service}`, ...text.map(line => line.slice(0, 800)));
    }
    return lines.join('\n');
  }
}
