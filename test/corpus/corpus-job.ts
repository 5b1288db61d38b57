/**
 * The whole corpus through the whole product, three times over: a table that is there before the
 * copy (snapshot), one that is filled behind it (binlog), one whose rows are there before and are
 * written again and again while it is copied (both). All three must come out the same.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { until } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { type MysqlServer, sourceName, writeJobFile } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { type OracleVerdict, oracle } from '../support/oracle.ts';
import { PlainConsumer } from '../support/plain-consumer.ts';
import type { Flavor, Servers } from '../support/servers/servers.ts';
import { UpRun } from '../support/up-run.ts';
import { type Feature, features, renamed } from './feature.ts';

const MINUTE = 60_000;
const SHARD_COLUMN = 'id';

/** How the rows of a feature reach its tables. */
const WAYS = ['', '_log', '_both'] as const;

export class CorpusJob implements AsyncDisposable {
  readonly jobFile: string;
  readonly #name: string;
  readonly #database: string;
  readonly #dir: string;
  readonly #source: MysqlServer;
  readonly #targets: MysqlServer[];
  readonly #carried: Feature[];
  readonly #refused: Feature[];
  #up: UpRun | undefined;
  #consumer: PlainConsumer | undefined;

  constructor(mysql: Servers, flavor: Flavor) {
    const id = randomUUID().slice(0, 8);
    const [source, ...targets] = ['s1', 't1', 't2'].flatMap(n => mysql.endpoints().mysql[n] ?? []);
    if (source === undefined || targets.length !== 2) throw new Error('s1, t1 and t2 are needed');
    this.#name = `corpus-${id}`;
    this.#database = `corpus_${id}`;
    this.#dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
    this.#source = source;
    this.#targets = targets;
    const here = features().filter(f => f.flavor === undefined || f.flavor === flavor);
    this.#carried = here.filter(f => f.refused === undefined);
    this.#refused = here.filter(f => f.refused !== undefined);
    this.jobFile = this.#write(this.#name, this.tables);
  }

  #write(job: string, tables: readonly string[]): string {
    return writeJobFile({
      dir: this.#dir,
      job,
      servers: servers(),
      sources: [this.#source],
      targets: this.#targets,
      database: this.#database,
      tables,
      keys: Object.fromEntries(
        this.#carried.flatMap(f => (f.key ? WAYS.map(way => [f.name + way, f.key ?? []]) : [])),
      ),
      shardColumn: SHARD_COLUMN,
      options: { partitions: 1 },
    });
  }

  /** A job of the refused tables alone, for the doctor; null if there are none. */
  refusedJob(): { file: string; features: Feature[] } | null {
    const names = this.#refused.map(f => f.name);
    if (names.length === 0) return null;
    return { file: this.#write(`${this.#name}-no`, names), features: this.#refused };
  }

  get tables(): string[] {
    return this.#carried.flatMap(f => WAYS.map(way => f.name + way));
  }

  /** Tables made on the source, those of the snapshot filled. */
  async fill(): Promise<void> {
    for (const server of [this.#source, ...this.#targets]) {
      await using client = await this.#client(server, null);
      await client.run(`CREATE DATABASE ${this.#database}`);
    }
    for (const feature of [...this.#carried, ...this.#refused]) {
      for (const way of feature.refused === undefined ? WAYS : ([''] as const)) {
        await this.#onSource(feature, way, feature.table);
        if (way !== '_log') await this.#onSource(feature, way, feature.rows);
      }
    }
  }

  async start(): Promise<void> {
    this.#up = new UpRun(this.jobFile, this.#dir);
    await this.#until('the job to be prepared', () => true);
    const { brokers, registryUrl } = servers();
    const topics = this.tables.map(table => this.#topic(table));
    const groupId = `${this.#name}-plain`;
    this.#consumer = await PlainConsumer.open({ brokers, registryUrl, groupId, topics });
  }

  /** Writes the rows of `_both` again until the copy is complete, and at least once. */
  async copyUnderLoad(): Promise<void> {
    let isComplete = false;
    const copied = this.#until('the copy', s => s.tables.every(t => t.complete)).finally(() => {
      isComplete = true;
    });
    do {
      for (const feature of this.#carried) {
        const again = feature.rows.map(sql => sql.replace(/^INSERT INTO/, 'REPLACE INTO'));
        await this.#onSource(feature, '_both', again);
      }
    } while (!isComplete);
    await copied;
  }

  /** Fills the tables of the binlog, changes all of them, and waits for the end of it. */
  async changeAndDrain(): Promise<void> {
    for (const feature of this.#carried) {
      await this.#onSource(feature, '_log', feature.rows);
      for (const way of WAYS) await this.#onSource(feature, way, feature.changes);
    }
    await this.#until('the pipeline to drain', s => s.drained);
  }

  /** HEX of every column, source against targets. */
  judged(): Promise<OracleVerdict> {
    const named = (server: MysqlServer) => ({ ...server, name: 'x', database: this.#database });
    return oracle({
      sources: [named(this.#source)],
      targets: this.#targets.map(named),
      tables: this.tables.map(name => ({ name, shardColumn: SHARD_COLUMN })),
    });
  }

  /** What a plain consumer has of each feature, by the way that its rows came. */
  async consumed(): Promise<{ feature: Feature; ways: Record<string, string | null>[][] }[]> {
    const consumer = this.#consumer;
    if (consumer === undefined) throw new Error('no consumer yet');
    const rowsOf = (table: string) =>
      [...(consumer.tables.get(this.#topic(table))?.values() ?? [])].sort(
        (a, b) => Number(a.id) - Number(b.id),
      );
    const expected = await this.#rowCounts();
    await until(
      () => {
        if (consumer.error !== undefined) throw consumer.error;
        const isThere = this.tables.every(t => rowsOf(t).length === expected.get(t));
        return isThere && performance.now() - consumer.lastAt > 500;
      },
      { timeoutMs: MINUTE, everyMs: 100, what: 'the consumer to follow' },
    );
    return this.#carried.map(feature => ({
      feature,
      ways: WAYS.map(way => rowsOf(feature.name + way)),
    }));
  }

  async #rowCounts(): Promise<Map<string, number>> {
    await using client = await this.#client(this.#source);
    const counts = new Map<string, number>();
    for (const table of this.tables) {
      counts.set(table, Number(await client.value(`SELECT COUNT(*) FROM ${table}`)));
    }
    return counts;
  }

  #topic(table: string): string {
    return `${sourceName(this.#name, 0)}.${this.#database}.${table}`;
  }

  /** A session of its own, so that what a feature sets ends with it. */
  async #onSource(feature: Feature, way: string, statements: readonly string[]): Promise<void> {
    await using client = await this.#client(this.#source);
    for (const sql of statements) {
      try {
        await client.run(renamed(sql, feature.name, feature.name + way));
      } catch (cause) {
        throw new Error(`${feature.name}: ${sql.slice(0, 200)}`, { cause });
      }
    }
  }

  async #client(server: MysqlServer, database: string | null = this.#database) {
    const client = await LoadClient.open(server, database ?? undefined);
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
  }

  async #until(what: string, done: (s: Status) => boolean): Promise<void> {
    if (this.#up === undefined) throw new Error('nothing runs yet');
    await this.#up.until(what, 2 * MINUTE, done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer?.[Symbol.asyncDispose]();
    await this.#up?.[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
