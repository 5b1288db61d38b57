/**
 * A job over tables with text keys on real servers, each service a process of its own that a test
 * may kill, and clients that change rows by keys in all spellings that they can think of.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect } from 'vitest';
import type { Status } from '../../services/control/status/status.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { type MysqlServer, sourceName, writeJobFile } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { createDatabase } from '../support/load/fill.ts';
import { Random } from '../support/load/random.ts';
import { SHARD_COLUMN } from '../support/load/tables.ts';
import { oracle } from '../support/oracle.ts';
import { differsFromSource, PlainConsumer } from '../support/plain-consumer.ts';
import { type RunningCommand, StatusWatch, spawnReshard } from '../support/reshard-cli.ts';
import { type KeyTable, spelling } from './key-tables.ts';

const SERVICES = ['control', 'binlog', 'snapshot', 'sink', 'checker'] as const;
type Service = (typeof SERVICES)[number];

/** Between the changes of a client, on the average. */
const PAUSE_MS = 20;
/** What an application that changes one row from many connections meets and passes over. */
const PASSED_OVER =
  /ER_DUP_ENTRY|Duplicate entry|Deadlock|Lock wait timeout|Incorrect string value/;

export interface KeyJobOptions {
  source: MysqlServer;
  targets: readonly MysqlServer[];
  tables: readonly KeyTable[];
  rows: number;
}

export class KeyJob implements AsyncDisposable {
  readonly name = `keys-${randomUUID().slice(0, 8)}`;
  readonly database = this.name.replace('-', '_');
  readonly jobFile: string;
  readonly #dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
  readonly #o: KeyJobOptions;
  readonly #running = new Map<Service, RunningCommand>();
  #watch: StatusWatch | undefined;

  private constructor(o: KeyJobOptions) {
    this.#o = o;
    this.jobFile = writeJobFile({
      dir: this.#dir,
      job: this.name,
      servers: servers(),
      sources: [o.source],
      targets: o.targets,
      database: this.database,
      tables: o.tables.map(t => t.name),
      options: { partitions: 5, chunkRows: 100, snapshotRowsPerSecond: 4000 },
    });
  }

  /** The source filled, the targets empty, nothing started. */
  static async prepare(o: KeyJobOptions): Promise<KeyJob> {
    const job = new KeyJob(o);
    for (const server of [o.source, ...o.targets]) await createDatabase(server, job.database);
    const client = await job.sql();
    for (const table of o.tables) {
      await client.run(table.sql);
      const rows = Array.from({ length: o.rows }, (_, i) => [randomUUID(), i % 7, i % 5, i]);
      await client.run(`INSERT INTO ${table.name} (k, n, ${SHARD_COLUMN}, v) VALUES ?`, [rows]);
    }
    await client.close();
    return job;
  }

  start(...services: readonly Service[]): void {
    for (const service of services.length > 0 ? services : SERVICES) {
      const args = ['service', service, this.jobFile];
      if (service === 'control') args.push('--create-targets');
      const log = path.join(this.#dir, `${service}.log`);
      this.#running.set(service, spawnReshard(args, { log, env: { RESHARD_LOG_JSON: '1' } }));
    }
    this.#watch ??= StatusWatch.open(this.jobFile);
  }

  async kill(service: Service): Promise<void> {
    const running = this.#running.get(service);
    running?.kill('SIGKILL');
    await running?.exited;
  }

  /** Changes rows of all tables until it is stopped; answers how many changes were made. */
  load(connections: number, seed: number): () => Promise<number> {
    let stopped = false;
    const work = async (stream: number): Promise<number> => {
      const random = new Random(seed, stream);
      const client = await this.sql();
      let done = 0;
      while (!stopped) {
        done += await change(client, random, random.pick(this.#o.tables));
        await sleep(random.below(2 * PAUSE_MS));
      }
      await client.close();
      return done;
    };
    const all = Promise.all(Array.from({ length: connections }, (_, i) => work(i)));
    all.catch(() => {});
    return async () => {
      stopped = true;
      return (await all).reduce((a, b) => a + b, 0);
    };
  }

  /** Waits for a status that is newer than this call. */
  async until(what: string, done: (s: Status) => boolean, timeoutMs = 60_000): Promise<void> {
    const from = this.#watch?.count ?? 0;
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      const watch = this.#watch;
      if (watch?.latest !== undefined && watch.count > from && done(watch.latest)) return;
      const halted = watch?.latest?.services.filter(s => s.state === 'halted') ?? [];
      if (halted.length > 0) throw new Error(`${JSON.stringify(halted)}\n${this.#evidence()}`);
      await new Promise(resolve => setTimeout(resolve, 100));
    }
    throw new Error(`waited ${timeoutMs} ms in vain for ${what}\n${this.#evidence()}`);
  }

  /** The independent judge, which compares keys and rows by their bytes. */
  async expectEqual(): Promise<void> {
    const { database } = this;
    const { source, targets, tables } = this.#o;
    const verdict = await oracle({
      sources: [{ ...source, name: 'source', database }],
      targets: targets.map((t, i) => ({ ...t, name: `${i}`, database })),
      tables: tables.map(({ name }) => ({ name, shardColumn: SHARD_COLUMN })),
    });
    const differing = verdict.tables.flatMap(t =>
      t.differences.slice(0, 20).map(d => `${t.table} ${d.key} ${d.kind}`),
    );
    expect(differing, this.#evidence()).toEqual([]);
    for (const t of verdict.tables) expect(t.sourceRows).toBeGreaterThan(this.#o.rows / 2);
  }

  plainConsumer(): Promise<PlainConsumer> {
    const { brokers, registryUrl } = servers();
    const topics = this.#o.tables.map(t => this.#topic(t));
    return PlainConsumer.open({ brokers, registryUrl, groupId: `${this.name}-plain`, topics });
  }

  /** T1: a consumer that compares keys by their bytes becomes equal to the source. */
  async expectFollowed(consumer: PlainConsumer, timeoutMs = 30_000): Promise<void> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      if (consumer.error !== undefined) throw consumer.error;
      const differing: string[] = [];
      for (const table of this.#o.tables) {
        const rows = consumer.tables.get(this.#topic(table)) ?? new Map();
        const { source } = this.#o;
        const keys = await differsFromSource(rows, source, this.database, table.name, ['k', 'n']);
        differing.push(...keys.slice(0, 10).map(key => `${table.name} ${key}`));
      }
      if (differing.length === 0) return;
      if (performance.now() > end) expect(differing, 'what a plain consumer holds').toEqual([]);
      await new Promise(resolve => setTimeout(resolve, 500));
    }
  }

  /** A client of the source, or of a target by index. */
  sql(target?: number): Promise<LoadClient> {
    const server = target === undefined ? this.#o.source : this.#o.targets[target];
    if (server === undefined) throw new Error(`no target ${target}`);
    return LoadClient.open(server, this.database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch?.[Symbol.asyncDispose]();
    for (const running of this.#running.values()) running.kill('SIGTERM');
    await Promise.all([...this.#running.values()].map(r => r.exited));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  #topic({ name }: KeyTable): string {
    return `${sourceName(this.name, 0)}.${this.database}.${name}`;
  }

  #evidence(): string {
    const lines = [JSON.stringify(this.#watch?.latest)];
    for (const service of this.#running.keys()) {
      const text = readFileSync(path.join(this.#dir, `${service}.log`), 'utf8')
        .trim()
        .split('\n');
      lines.push(`--- ${service}`, ...text.slice(-8).map(line => line.slice(0, 800)));
    }
    return lines.join('\n');
  }
}

/** One change or one transaction of changes; 0 if the server refused it. */
async function change(client: LoadClient, random: Random, table: KeyTable): Promise<number> {
  const { name } = table;
  const [one, other] = [spelling(random, table), spelling(random, table)];
  const n = random.below(2);
  const values = [one, n, random.below(5), random.below(1_000_000)];
  const row = `(k, n, ${SHARD_COLUMN}, v) VALUES (?, ?, ?, ?)`;
  try {
    switch (random.below(7)) {
      case 0:
        return await client.run(
          `INSERT INTO ${name} ${row} ON DUPLICATE KEY UPDATE v = v + 1`,
          values,
        );
      case 1:
        // Of a row that is there the server makes a delete and an insert, or an update.
        return await client.run(`REPLACE INTO ${name} ${row}`, values);
      case 2:
        return await client.run(`DELETE FROM ${name} WHERE k = ?`, [one]);
      case 3:
        return await client.run(`UPDATE ${name} SET ${SHARD_COLUMN} = ? WHERE k = ?`, [
          random.below(5),
          one,
        ]);
      case 4:
        await client.run('START TRANSACTION');
        await client.run(`DELETE FROM ${name} WHERE k = ? AND n = ?`, [one, n]);
        await client.run(`INSERT INTO ${name} ${row}`, values);
        return await client.run('COMMIT');
      case 5:
        // The spelling alone: equal keys, so at most these rows.
        return await client.run(`UPDATE ${name} SET k = ?, v = v + 1 WHERE k = ?`, [other, other]);
      default:
        return await client.run(`UPDATE ${name} SET k = ? WHERE k = ?`, [other, one]);
    }
  } catch (e) {
    if (!(e instanceof Error) || !PASSED_OVER.test(e.message)) throw e;
    await client.run('ROLLBACK');
    return 0;
  }
}
