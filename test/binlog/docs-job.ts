/**
 * A job over one table of documents of any size, every service a process of its own, so that the
 * memory of each can be read. One source, one target.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { SERVICES } from '../../services/control/cli/service.ts';
import type { Status } from '../../services/control/status/status.ts';
import type { Finding } from '../../shared/mysql/finding.ts';
import { until } from '../../shared/runtime/clock.ts';
import type { DevServers } from '../support/dev.ts';
import { sourceName, writeJobFile } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { createDatabase } from '../support/load/fill.ts';
import { oracle } from '../support/oracle.ts';
import {
  callReshard,
  type RunningCommand,
  StatusWatch,
  spawnReshard,
} from '../support/reshard-cli.ts';

const TABLE = `CREATE TABLE docs (
  id BIGINT NOT NULL PRIMARY KEY, customer_id INT NOT NULL, name VARCHAR(40) NOT NULL,
  body LONGTEXT NULL, raw LONGBLOB NULL
)`;

/** Statements that print `bytes` bytes, other ones for each seed; a multiple of 64. */
export const text = (seed: number, bytes: number): string =>
  `REPEAT(SHA2('${seed}', 256), ${bytes / 64})`;
export const blob = (seed: number, bytes: number): string =>
  `REPEAT(CONCAT(UNHEX(SHA2('${seed}', 256)), UNHEX('00275c220a0d1a25ff00'), REPEAT('z', 22)), ${
    bytes / 64
  })`;

export class DocsJob implements AsyncDisposable {
  readonly database: string;
  readonly name: string;
  readonly dir: string;
  readonly jobFile: string;
  readonly #place: DevServers;
  readonly #running = new Map<string, RunningCommand>();
  #watch: StatusWatch | undefined;

  private constructor(place: DevServers, options: Record<string, number>) {
    const id = randomUUID().slice(0, 8);
    this.name = `docs-${id}`;
    this.database = `docs_${id}`;
    this.dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-docs-'));
    this.#place = place;
    this.jobFile = writeJobFile({
      dir: this.dir,
      job: this.name,
      servers: place,
      sources: [this.#server('s1')],
      targets: [this.#server('t1')],
      database: this.database,
      tables: ['docs'],
      options,
    });
  }

  static async open(place: DevServers, options: Record<string, number> = {}): Promise<DocsJob> {
    const job = new DocsJob(place, options);
    await createDatabase(job.#server('s1'), job.database);
    await createDatabase(job.#server('t1'), job.database);
    await job.sql(TABLE);
    return job;
  }

  get topic(): string {
    return `${sourceName(this.name, 0)}.${this.database}.docs`;
  }

  get source(): DevServers['mysql'][string] {
    return this.#server('s1');
  }

  /** Runs statements on the source. */
  async sql(...statements: string[]): Promise<void> {
    const client = await LoadClient.open(this.#server('s1'), this.database);
    try {
      for (const s of statements) await client.run(s);
    } finally {
      await client.close();
    }
  }

  /** Services that are started from now on see it. */
  setOptions(change: Record<string, number>): void {
    const file = parse(readFileSync(this.jobFile, 'utf8'));
    file.options = { ...file.options, ...change };
    writeFileSync(this.jobFile, stringify(file));
  }

  start(): void {
    for (const service of SERVICES) {
      const args = ['service', service, this.jobFile];
      if (service === 'control') args.push('--create-targets');
      const log = path.join(this.dir, `${service}.log`);
      this.#running.set(service, spawnReshard(args, { log, env: { RESHARD_LOG_JSON: '1' } }));
    }
    this.#watch = StatusWatch.open(this.jobFile);
  }

  async stop(): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    for (const running of this.#running.values()) running.kill('SIGTERM');
    await Promise.all([...this.#running.values()].map(r => r.exited));
    this.#running.clear();
  }

  get status(): Status | undefined {
    return this.#watch?.latest;
  }

  /** Waits for a status that is newer than this call; what halts meanwhile ends the wait. */
  async until(what: string, done: (s: Status) => boolean, timeoutMs: number): Promise<void> {
    const from = this.#watch?.count ?? 0;
    const fresh = (): Status | undefined =>
      (this.#watch?.count ?? 0) > from + 1 ? this.status : undefined;
    try {
      await until(() => fresh() && (done(fresh() as Status) || this.halted() !== null), {
        timeoutMs,
        what,
      });
    } catch (e) {
      throw new Error(`${what}: ${JSON.stringify(this.status)}\n${this.#logs()}`, { cause: e });
    }
    if (fresh() && done(fresh() as Status)) return;
    throw new Error(`${what}: halted: ${this.halted()}\n${this.#logs()}`);
  }

  /** Everything that is committed is in the target. */
  async drained(timeoutMs = 120_000): Promise<void> {
    const isCopied = (s: Status): boolean => s.tables.every(t => t.complete);
    await this.until('the pipeline to drain', s => isCopied(s) && s.drained, timeoutMs);
  }

  halted(): string | null {
    return this.status?.services.find(s => s.state === 'halted')?.error ?? null;
  }

  async doctor(): Promise<Finding[]> {
    const { out } = await callReshard('doctor', this.jobFile, '--json', '--create-targets');
    return JSON.parse(out).findings;
  }

  /** Most memory that each service has had, in MB. */
  peaks(): Record<string, number> {
    const peak = (pid: number): number => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    };
    return Object.fromEntries([...this.#running].map(([name, r]) => [name, peak(r.pid)]));
  }

  /** The independent judge, and our own checker. */
  async expectEqual(rows: number): Promise<void> {
    const database = this.database;
    const verdict = await oracle({
      sources: [{ ...this.#server('s1'), name: 's', database }],
      targets: [{ ...this.#server('t1'), name: 't', database }],
      tables: [{ name: 'docs', shardColumn: 'customer_id' }],
    });
    const [table] = verdict.tables;
    expect(table?.differences).toEqual([]);
    expect(table?.sourceRows).toBe(rows);
    const verify = await callReshard('verify', this.jobFile, '--timeout', '120');
    expect(verify.code, verify.out + verify.err).toBe(0);
  }

  #server(name: string): DevServers['mysql'][string] {
    const server = this.#place.mysql[name];
    if (server === undefined) throw new Error(`no server ${name}`);
    return server;
  }

  #logs(): string {
    return [...this.#running.keys()]
      .map(s => readFileSync(path.join(this.dir, `${s}.log`), 'utf8').slice(-1500))
      .join('\n---\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const name of ['s1', 't1']) {
      const client = await LoadClient.open(this.#server(name));
      await client.run(`DROP DATABASE IF EXISTS ${this.database}`);
      await client.close();
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}
