/**
 * A job over the shop's tables with any number of members of each service, on servers that a test
 * may stop, promote or cut off. Members are processes; what a test knows of them it reads from the
 * job's topics and from the servers, so that times of recovery are those of the data.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { SERVICES } from '../../services/control/cli/service.ts';
import { type JobLink, openJob } from '../../services/control/command/job-handle.ts';
import type { Status } from '../../services/control/status/status.ts';
import type { Job } from '../../shared/job/job.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import type { ServiceName } from '../../shared/member/context.ts';
import { until } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { sourceName, writeJobFile } from '../support/job-file.ts';
import { createDatabase, fillSource } from '../support/load/fill.ts';
import { Load } from '../support/load/load.ts';
import { newSeed } from '../support/load/random.ts';
import { IdSpace, LOAD_TABLES, SHARD_COLUMN } from '../support/load/tables.ts';
import { oracle } from '../support/oracle.ts';
import { differsFromSource, PlainConsumer } from '../support/plain-consumer.ts';
import { type RunningCommand, StatusWatch, spawnReshard } from '../support/reshard-cli.ts';
import { freePorts } from '../support/servers/port.ts';
import { type MysqlEndpoint, type Servers, startServers } from '../support/servers/servers.ts';

const KEYS: Readonly<Record<(typeof LOAD_TABLES)[number], readonly string[]>> = {
  customers: ['customer_id'],
  orders: ['order_id'],
  order_items: ['order_id', 'line_no'],
};

/** Small chunks, so that there is something to interrupt. */
export const SLOW_COPY = { chunkRows: 200, chunkBytes: 16 * 1024, inFlightBytes: 1024 * 1024 };

export interface TwoTargets {
  mysql: Servers;
  source: MysqlEndpoint;
  targets: MysqlEndpoint[];
}

/** Servers of a job with two targets; `serverId`: of the source. */
export async function startTwoTargets(serverId: number): Promise<TwoTargets> {
  const ids = { s: serverId, t1: serverId + 100, t2: serverId + 101 };
  const mysql = await startServers({
    mysql: Object.entries(ids).map(([name, id]) => ({ name, serverId: id })),
  });
  const [source, ...targets] = Object.keys(ids).map(name => mysql.mysql(name).endpoint);
  if (source === undefined) throw new Error('no source');
  return { mysql, source, targets };
}

export interface RigOptions {
  source: MysqlEndpoint;
  /** Where the job file says that the source is, if elsewhere. */
  via?: { host: string; port: number };
  replica?: MysqlEndpoint;
  targets: readonly MysqlEndpoint[];
  orders: number;
  options?: Record<string, number | boolean>;
}

export interface Member {
  readonly service: ServiceName;
  readonly name: string;
  readonly log: string;
  readonly process: RunningCommand;
}

export class Rig implements AsyncDisposable {
  readonly name: string;
  readonly database: string;
  readonly seed: number;
  readonly dir: string;
  readonly jobFile: string;
  readonly members: Member[] = [];
  /** Of the load and of the oracle; a failover changes it. */
  source: MysqlEndpoint;
  readonly #o: RigOptions;
  readonly #space: IdSpace;
  readonly #startedAt = performance.now();
  #link: JobLink | undefined;
  #watch: StatusWatch | undefined;

  private constructor(o: RigOptions) {
    const id = randomUUID().slice(0, 8);
    this.name = `avail-${id}`;
    this.database = `avail_${id}`;
    this.seed = Number(process.env.RESHARD_SEED ?? newSeed());
    this.dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-avail-'));
    this.source = o.source;
    this.#o = o;
    this.#space = new IdSpace(0, o.orders);
    const { database, dir } = this;
    const source = { ...o.source, ...o.via };
    const common = { dir, job: this.name, servers: servers(), targets: o.targets, database };
    const options = o.options === undefined ? {} : { options: o.options };
    this.jobFile = writeJobFile({ ...common, sources: [source], ...options });
  }

  /** Source filled, targets empty, nothing started. */
  static async open(o: RigOptions): Promise<Rig> {
    const rig = new Rig(o);
    console.log(`${rig.name}: seed ${rig.seed} (RESHARD_SEED=${rig.seed} repeats it)`);
    const { database, seed } = rig;
    if (o.replica) await rig.editSource({ replica: o.replica });
    await fillSource({ endpoint: o.source, database, source: 0, orders: o.orders, seed });
    for (const target of o.targets) await createDatabase(target, database);
    return rig;
  }

  /** Changes the source in the job file; members that are started from now on see it. */
  async editSource(change: object): Promise<void> {
    const file = parse(readFileSync(this.jobFile, 'utf8'));
    Object.assign(file.sources[0], change);
    writeFileSync(this.jobFile, stringify(file));
    if (this.#watch === undefined) return;
    await this.#watch[Symbol.asyncDispose]();
    this.#watch = StatusWatch.open(this.jobFile);
  }

  /** Members that are started from now on see it. */
  editOptions(change: Record<string, number>): void {
    const file = parse(readFileSync(this.jobFile, 'utf8'));
    file.options = { ...file.options, ...change };
    writeFileSync(this.jobFile, stringify(file));
  }

  get job(): Job {
    return parseJob(readFileSync(this.jobFile, 'utf8'), process.env);
  }

  get sourceName(): string {
    return sourceName(this.name, 0);
  }

  topic(table: string): string {
    return `${this.sourceName}.${this.database}.${table}`;
  }

  start(service: ServiceName, httpPort = 0): Member {
    const name = `${service}-${this.members.filter(m => m.service === service).length + 1}`;
    const log = path.join(this.dir, `${name}.log`);
    const args = ['service', service, this.jobFile, '--http-port', `${httpPort}`];
    if (service === 'control') args.push('--create-targets');
    const process = spawnReshard(args, { log, env: { RESHARD_LOG_JSON: '1' } });
    const member = { service, name, log, process };
    this.members.push(member);
    this.#watch ??= StatusWatch.open(this.jobFile);
    return member;
  }

  startAll(of: readonly ServiceName[] = SERVICES, each = 1): void {
    for (const service of of) for (let i = 0; i < each; i++) this.start(service);
  }

  /** Starts a member and waits until it says that it is ready, as a rolling restart does. */
  async startReady(service: ServiceName): Promise<Member> {
    const [port = 0] = await freePorts(1);
    const member = this.start(service, port);
    const isReady = async (): Promise<boolean> =>
      await fetch(`http://127.0.0.1:${port}/health/ready`).then(
        r => r.ok,
        () => false,
      );
    await this.until(`${member.name} to be ready`, isReady, 60_000);
    return member;
  }

  running(service: ServiceName): Member[] {
    return this.members.filter(m => m.service === service && m.process.running);
  }

  /** Sends a signal and waits for the end; answers the exit code (128 after SIGKILL). */
  end(member: Member, signal: NodeJS.Signals): Promise<number> {
    member.process.kill(signal);
    return member.process.exited;
  }

  /** The job's state, reports and progress, as this process sees them arrive. */
  async link(): Promise<JobLink> {
    if (this.#link) return this.#link;
    await this.until('the job to be prepared', () => this.#watch?.latest !== undefined, 120_000);
    this.#link = await openJob(this.job, 'availability-test');
    return this.#link;
  }

  load(perSecond: number, connections = 10): Load {
    const { source: endpoint, database, seed } = this;
    const space = this.#space;
    return Load.start({ endpoint, database, space, seed: seed + 1, perSecond, connections });
  }

  plainConsumer(): Promise<PlainConsumer> {
    const { brokers, registryUrl } = servers();
    const topics = LOAD_TABLES.map(table => this.topic(table));
    return PlainConsumer.open({ brokers, registryUrl, groupId: `${this.name}-plain`, topics });
  }

  /** Waits for a fact; a unit that has halted ends the wait, unless it is what we wait for. */
  async until<T>(what: string, probe: () => T | Promise<T>, timeoutMs: number): Promise<T> {
    const guarded = async (): Promise<T> => {
      const found = await probe();
      if (!found) this.#refuseHalted();
      return found;
    };
    try {
      const found = await until(guarded, { timeoutMs, everyMs: 50, what });
      console.log(`${this.#seconds()} s: ${what}`);
      return found as T;
    } catch (cause) {
      throw new Error(`waited in vain for ${what}\n${this.evidence()}`, { cause });
    }
  }

  /** Waits for a unit of the service to halt; answers its error. */
  async halted(service: ServiceName, timeoutMs = 60_000): Promise<string> {
    const link = await this.link();
    const found = await until(
      () => [...link.reports.values()].find(r => r.service === service && r.state === 'halted'),
      { timeoutMs, everyMs: 50, what: `${service} to halt` },
    ).catch(cause => {
      throw new Error(`${service} did not halt\n${this.evidence()}`, { cause });
    });
    return found?.error ?? '';
  }

  copied(timeoutMs = 90_000): Promise<unknown> {
    return this.until('the copy', async () => this.#progress(await this.link()), timeoutMs);
  }

  #progress({ view, progress }: JobLink): boolean {
    const plans = view.plansOf(this.sourceName);
    return (
      plans.length === LOAD_TABLES.length &&
      plans.every(p => progress.get(this.sourceName)?.isCopied(p))
    );
  }

  /** Rows of the snapshot that are in the log. */
  async copiedRows(): Promise<number> {
    const view = (await this.link()).progress.get(this.sourceName);
    return [...(view?.ranges.values() ?? [])].reduce((sum, r) => sum + r.rows, 0);
  }

  async drained(timeoutMs = 60_000): Promise<void> {
    const from = this.#watch?.count ?? 0;
    const isDrained = (): boolean => {
      const watch = this.#watch;
      return watch?.latest?.drained === true && watch.count > from + 1;
    };
    await this.until('the pipeline to drain', isDrained, timeoutMs);
  }

  /** The newest, as `reshard status --watch` shows it. */
  get status(): Status | undefined {
    return this.#watch?.latest;
  }

  get lagSeconds(): number | null {
    return this.#watch?.latest?.sources[0]?.lagSeconds ?? null;
  }

  /** The independent judge; load must have stopped and the pipeline drained. */
  async expectEqual(): Promise<void> {
    const { database } = this;
    const named = (list: readonly MysqlEndpoint[]) =>
      list.map((s, i) => ({ ...s, name: `${i}`, database }));
    const verdict = await oracle({
      sources: named([this.source]),
      targets: named(this.#o.targets),
      tables: LOAD_TABLES.map(name => ({ name, shardColumn: SHARD_COLUMN })),
    });
    const differing = verdict.tables.flatMap(t =>
      t.differences.slice(0, 20).map(d => `${t.table} ${d.key} ${d.kind}`),
    );
    expect(differing, `differences\n${this.evidence()}`).toEqual([]);
    for (const t of verdict.tables) expect(t.sourceRows).toBeGreaterThan(0);
  }

  /** T1: the consumer's tables become equal to the source once it has read to the end. */
  async expectFollowed(consumer: PlainConsumer, timeoutMs = 30_000): Promise<void> {
    const differing = async (): Promise<string[]> => {
      if (consumer.error !== undefined) throw consumer.error;
      const found: string[] = [];
      for (const table of LOAD_TABLES) {
        const rows = consumer.tables.get(this.topic(table)) ?? new Map();
        const keys = await differsFromSource(rows, this.source, this.database, table, KEYS[table]);
        found.push(...keys.slice(0, 10).map(key => `${table} ${key}`));
      }
      return found;
    };
    const isEqual = async (): Promise<boolean> => (await differing()).length === 0;
    await until(isEqual, { timeoutMs, everyMs: 500, what: 'the plain consumer' }).catch(() => {});
    expect(await differing(), 'what a plain consumer holds').toEqual([]);
  }

  /** What the members of a service have written. */
  logOf(service: ServiceName): string {
    return this.members
      .filter(m => m.service === service)
      .map(m => this.textOf(m))
      .join('\n');
  }

  textOf(member: Member): string {
    return readFileSync(member.log, 'utf8');
  }

  /** The last words of every member. */
  evidence(): string {
    const lines = [`seed ${this.seed}`, JSON.stringify(this.#watch?.latest)];
    for (const { name, log } of this.members) {
      const text = readFileSync(log, 'utf8').trim().split('\n').slice(-6);
      lines.push(`--- ${name}`, ...text.map(line => line.slice(0, 600)));
    }
    return lines.join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    await this.#link?.[Symbol.asyncDispose]();
    const running = this.members.filter(m => m.process.running);
    for (const { process } of running) {
      process.kill('SIGCONT');
      process.kill('SIGTERM');
    }
    await Promise.all(running.map(m => m.process.exited));
    rmSync(this.dir, { recursive: true, force: true });
  }

  #refuseHalted(): void {
    const halted = [...(this.#link?.reports.values() ?? [])].filter(r => r.state === 'halted');
    if (halted.length > 0) {
      throw new Error(halted.map(r => `halted: ${r.service}/${r.unit}: ${r.error}`).join('\n'));
    }
  }

  #seconds(): string {
    return ((performance.now() - this.#startedAt) / 1000).toFixed(1);
  }
}
