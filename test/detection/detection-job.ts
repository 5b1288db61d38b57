/**
 * A running job over the tables of the detection table, and hands that write to its targets behind
 * its back. What a check says is known by the command alone; that the damage is there, and nothing
 * else, by the oracle.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import type { CheckResult, TableResult } from '../../shared/job/state/check-result.ts';
import { tailTable } from '../../shared/kafka/table.ts';
import { reportTopic, stateTopic } from '../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf, reportCodec } from '../../shared/member/context.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { reached } from '../random/judge.ts';
import { Crew } from '../soak/crew.ts';
import { JobWatch } from '../soak/watch.ts';
import { servers } from '../support/dev.ts';
import { type MysqlServer, writeJobFile } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { createDatabase } from '../support/load/fill.ts';
import { Load, type LoadWork } from '../support/load/load.ts';
import { SHARD_COLUMN } from '../support/load/tables.ts';
import { oracle } from '../support/oracle.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { type Damage, type DetectionTable, toldText } from './damage.ts';
import { LOADED_FROM } from './rows.ts';

const NAMES = ['s1', 't1', 't2'];
/** Until all rows are on the targets, and of a check. */
const SECONDS = 120;
/** With the streaming check: so many that every doubt has room in a status. */
const PARTITIONS = 4;

/** Rows of `plain` and `wide` that no damage is done to. */
const WORK: LoadWork<'change' | 'move' | 'replace'> = {
  weights: { change: 3, move: 1, replace: 1 },
  pieces: {
    change: (db, random) => {
      const from = LOADED_FROM + random.below(90_000);
      return db.run('UPDATE wide SET v = v + 1 WHERE id BETWEEN ? AND ?', [from, from + 50]);
    },
    move: (db, random) =>
      db.run('UPDATE plain SET customer_id = customer_id + 1 WHERE id = ?', [loaded(random)]),
    replace: (db, random) => {
      const id = loaded(random);
      return db.run('REPLACE INTO plain VALUES (?, ?, ?, ?, ?, ?)', [id, id, 'a', 'b', 1, `${id}`]);
    },
  },
};

function loaded(random: { below(n: number): number }): number {
  return LOADED_FROM + 1 + random.below(999);
}

export class DetectionJob implements AsyncDisposable {
  readonly jobFile: string;
  readonly #name = `detect-${randomUUID().slice(0, 8)}`;
  readonly #database = this.#name.replace('-', '_');
  readonly #dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
  readonly #source: MysqlServer;
  readonly #targets: MysqlServer[];
  readonly #stack = new AsyncDisposableStack();
  readonly #seconds: number;
  #members: { crew: Crew; watch: JobWatch } | undefined;

  private constructor(
    mysql: Servers,
    tables: readonly DetectionTable[],
    { isStreamed, seconds }: { isStreamed: boolean; seconds: number },
  ) {
    this.#seconds = seconds;
    const [source, ...targets] = NAMES.map(name => mysql.mysql(name).endpoint);
    if (source === undefined) throw new Error('no source');
    this.#source = source;
    this.#targets = targets;
    this.#stack.use(mysql);
    this.jobFile = writeJobFile({
      dir: this.#dir,
      job: this.#name,
      servers: servers(),
      sources: [source],
      targets,
      database: this.#database,
      tables: tables.map(t => t.name),
      shardColumn: SHARD_COLUMN,
      ...(isStreamed
        ? { options: { partitions: PARTITIONS, streamingCheck: true }, cutover: { back: {} } }
        : { options: { partitions: 1 } }),
    });
  }

  /**
   * Servers of its own, the source filled, the job running; the targets have all of it.
   * `isStreamed`: both logs are compared, too. `seconds`: how long the copy, and each check, may take.
   */
  static async start(
    tables: readonly DetectionTable[],
    { isStreamed = false, seconds = SECONDS } = {},
  ): Promise<DetectionJob> {
    const mysql = await startServers({
      mysql: NAMES.map((name, i) => ({ name, serverId: 171 + 50 * i })),
    });
    const job = new DetectionJob(mysql, tables, { isStreamed, seconds });
    for (const server of [job.#source, ...job.#targets]) {
      await createDatabase(server, job.#database);
    }
    await using client = await LoadClient.open(job.#source, job.#database);
    for (const { create, fill } of tables) {
      for (const sql of [create, ...fill]) await client.run(sql);
    }
    const sizes = { control: 1, binlog: 1, snapshot: 1, sink: 1, checker: 1 };
    const crew = job.#stack.use(new Crew({ jobFile: job.jobFile, dir: job.#dir, sizes }));
    const watch = job.#stack.use(new JobWatch(job.jobFile));
    job.#members = { crew, watch };
    await job.drained();
    return job;
  }

  drained(): Promise<void> {
    return this.until('the pipeline to drain', s => s.drained, this.#seconds * 1000);
  }

  /** Waits for a state of the job, of after this call. */
  async until(what: string, is: (s: Status) => boolean, timeoutMs: number): Promise<void> {
    if (this.#members === undefined) throw new Error('the job does not run');
    await reached(what, this.#members, is, timeoutMs);
  }

  load(perSecond: number): Load {
    const { host, port, user, password } = this.#source;
    const endpoint = { host, port, user, password };
    return Load.of(WORK, {
      endpoint,
      database: this.#database,
      seed: 1,
      connections: 4,
      perSecond,
    });
  }

  async onSource(...statements: readonly string[]): Promise<void> {
    await using client = await LoadClient.open(this.#source, this.#database);
    for (const sql of statements) await client.insist(sql);
  }

  /**
   * Does the damage, and answers when each was done; a statement that changes nothing is a mistake
   * of ours.
   */
  async damage<D extends Pick<Damage, 'done'>>(damages: readonly D[]): Promise<Map<D, number>> {
    const clients = await Promise.all(this.#targets.map(t => LoadClient.open(t, this.#database)));
    const times = new Map<D, number>();
    for (const damage of damages) {
      for (const { target, sql } of damage.done) {
        const changed = await clients[target]?.insist(sql);
        const isCounted = !/^(ALTER|DROP|TRUNCATE|SET)/.test(sql);
        if (!changed && isCounted) throw new Error(`nothing was changed by ${sql}`);
      }
      times.set(damage, Date.now());
    }
    for (const client of clients) await client.close();
    return times;
  }

  /** The verdict of a full check, with its exit code. */
  async check(tables: readonly string[]): Promise<{ code: number; out: string }> {
    const args = ['--tables', tables.join(','), '--json', '--timeout', `${this.#seconds}`];
    return callReshard('verify', this.jobFile, ...args);
  }

  async repair(seconds = this.#seconds): Promise<{ code: number; out: string; err: string }> {
    return callReshard('repair', this.jobFile, '--yes', '--json', '--timeout', `${seconds}`);
  }

  /**
   * By table, the newest verdict of a check that nobody has asked for; what is asked for by a
   * command is none.
   */
  async verdicts(): Promise<Map<string, TableResult & { tookMs: number }>> {
    const { kafka, registry, job } = this.#logs();
    await using open = kafka;
    const codec = await reportCodec(registry, job);
    const found = new Map<string, TableResult & { tookMs: number }>();
    const results = new Map<string, CheckResult>();
    await using tail = await tailTable(open, reportTopic(job.job), (key, value) => {
      const report = value === null ? null : codec.decode(value);
      if (!key.toString().startsWith('checker/verify-') || report?.state !== 'finished') return;
      results.set(key.toString(), JSON.parse(report.detail));
    });
    await tail.caughtUp;
    for (const [, { tables, tookMs }] of [...results].sort(([a], [b]) => (a < b ? -1 : 1))) {
      for (const table of tables) found.set(table.table, { ...table, tookMs });
    }
    return found;
  }

  #logs() {
    const log = createLogger({ name: 'test', level: 'fatal' });
    const job = parseJob(readFileSync(this.jobFile, 'utf8'), {});
    return { kafka: kafkaOf(job, log, 'detection-test'), registry: registryOf(job), job };
  }

  /** Highest resident memory of a service so far. */
  peakBytes(service: 'control' | 'checker'): number {
    return this.#members?.crew.peakBytes.get(service) ?? 0;
  }

  /** What readers of the state find: how many records, and their bytes. */
  async stateSize(): Promise<{ records: number; bytes: number }> {
    const { kafka, job } = this.#logs();
    await using open = kafka;
    const sizes = new Map<string, number>();
    await using tail = await tailTable(open, stateTopic(job.job), (key, value) => {
      if (value === null) sizes.delete(key.toString());
      else sizes.set(key.toString(), value.length);
    });
    await tail.caughtUp;
    return { records: sizes.size, bytes: [...sizes.values()].reduce((a, b) => a + b, 0) };
  }

  /** What is there, in the words of `toldText`; nothing may be on its way. */
  async judged(tables: readonly DetectionTable[]): Promise<string[]> {
    const named = (server: MysqlServer, i: number) => ({
      ...server,
      name: `${i}`,
      database: this.#database,
    });
    const verdict = await oracle({
      sources: [this.#source].map(named),
      targets: this.#targets.map(named),
      tables: tables.map(({ name }) => ({ name, shardColumn: SHARD_COLUMN })),
    });
    const shown = (table: string, key: string): string => {
      const isHex = tables.some(t => t.name === table && t.hasTextKey);
      return isHex ? Buffer.from(key, 'hex').toString() : key;
    };
    return verdict.tables
      .flatMap(({ table, differences }) =>
        differences.map(({ kind, key }) => toldText({ table, kind, key: shown(table, key) })),
      )
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** The differences that a check has told, in the words of `toldText`. */
export function toldBy(out: string): string[] {
  const { tables }: CheckResult = JSON.parse(out);
  return toldIn(tables);
}

export function toldIn(tables: readonly TableResult[]): string[] {
  return tables
    .flatMap(t => t.differences)
    .map(({ table, kind, key }) => toldText({ table, kind, key: Object.values(key).join(',') }))
    .sort();
}
