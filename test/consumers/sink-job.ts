/**
 * A job whose topics somebody else's sink follows: a source, a target of the job, and, on another
 * server, tables of the same declarations that Debezium's JDBC sink in a Connect worker writes.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { commonServer, servers } from '../support/dev.ts';
import { sourceName, writeJobFile } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { createDatabase } from '../support/load/fill.ts';
import { type OracleTable, oracle } from '../support/oracle.ts';
import { type ConnectorConfig, ConnectWorker } from '../support/servers/local-connect.ts';
import { UpRun } from '../support/up-run.ts';

const MINUTE = 60_000;
/** Common servers: the source, the target of the job, the database of the foreign sink. */
const PLACES = { source: 's1', target: 't1', sink: 't2' } as const;
export type Place = keyof typeof PLACES;

export class SinkJob implements AsyncDisposable {
  readonly jobFile: string;
  readonly name: string;
  readonly database: string;
  readonly worker: ConnectWorker;
  readonly #dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
  readonly #clients = new Map<Place, LoadClient>();
  #up: UpRun | undefined;

  private constructor(worker: ConnectWorker, tables: readonly string[]) {
    const id = randomUUID().slice(0, 8);
    this.worker = worker;
    this.name = `consumers-${id}`;
    this.database = `consumers_${id}`;
    this.jobFile = writeJobFile({
      dir: this.#dir,
      job: this.name,
      servers: servers(),
      sources: [commonServer(PLACES.source)],
      targets: [commonServer(PLACES.target)],
      database: this.database,
      tables,
      shardColumn: 'id',
      options: { partitions: 2 },
    });
  }

  /** A worker and three empty databases. */
  static async prepare(tables: readonly string[]): Promise<SinkJob> {
    const { brokers, registryUrl } = servers();
    const tell = (line: string): void => void process.stderr.write(`${line}\n`);
    const worker = await ConnectWorker.start({ brokers, registryUrl, tell });
    const job = new SinkJob(worker, tables);
    for (const server of Object.values(PLACES)) {
      await createDatabase(commonServer(server), job.database);
    }
    return job;
  }

  /** A statement in the one session that the test has there. */
  async at(place: Place, ...statements: readonly string[]): Promise<unknown[][]> {
    let client = this.#clients.get(place);
    if (client === undefined) {
      client = await LoadClient.open(commonServer(PLACES[place]), this.database);
      await client.run(`SET SESSION sql_mode = 'ALLOW_INVALID_DATES'`);
      this.#clients.set(place, client);
    }
    let rows: unknown[][] = [];
    for (const sql of statements) {
      try {
        rows = await client.rows(sql);
      } catch (cause) {
        throw new Error(`${place}: ${sql.slice(0, 300)}`, { cause });
      }
    }
    return rows;
  }

  /** On the source and, made by hand as its user would, in the database of the sink. */
  async createTable(sql: string): Promise<void> {
    await this.at('source', sql);
    await this.at('sink', sql);
  }

  async start(): Promise<void> {
    this.#up = new UpRun(this.jobFile, this.#dir);
    await this.until('the copy', s => s.tables.every(t => t.complete));
  }

  /** Lets the foreign sink follow tables, with options of its own. */
  async follow(
    connector: string,
    tables: readonly string[],
    o: ConnectorConfig,
    url = 'useUnicode=true',
  ): Promise<void> {
    const { host, port, user, password } = commonServer(PLACES.sink);
    const options = `allowPublicKeyRetrieval=true&sslMode=PREFERRED&${url}`;
    await this.worker.add(connector, {
      'connector.class': 'io.debezium.connector.jdbc.JdbcSinkConnector',
      'tasks.max': '1',
      topics: tables.map(t => this.topic(t)).join(','),
      'connection.url': `jdbc:mysql://${host}:${port}/${this.database}?${options}`,
      'connection.username': user,
      'connection.password': password,
      'insert.mode': 'upsert',
      'delete.enabled': 'true',
      'primary.key.mode': 'record_key',
      'schema.evolution': 'none',
      // A tombstone has no envelope that would name its table.
      transforms: 'table',
      'transforms.table.type': 'org.apache.kafka.connect.transforms.RegexRouter',
      'transforms.table.regex': '.*\\.(.*)',
      'transforms.table.replacement': '$1',
      'collection.name.format': '${topic}',
      ...o,
    });
  }

  topic(table: string): string {
    return `${sourceName(this.name, 0)}.${this.database}.${table}`;
  }

  /** Keys in which the sink's table differs from the source, by HEX of each column. */
  async differing(table: string): Promise<OracleTable['differences']> {
    const { database } = this;
    const at = (place: Place) => ({ ...commonServer(PLACES[place]), name: place, database });
    const [verdict] = (
      await oracle({
        sources: [at('source')],
        targets: [at('sink')],
        tables: [{ name: table, shardColumn: null }],
      })
    ).tables;
    if (verdict === undefined) throw new Error(`no verdict on ${table}`);
    return verdict.differences;
  }

  async until(what: string, done: (s: Status) => boolean): Promise<void> {
    if (this.#up === undefined) throw new Error('nothing runs yet');
    await this.#up.until(what, 2 * MINUTE, done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.worker[Symbol.asyncDispose]();
    await this.#up?.[Symbol.asyncDispose]();
    for (const place of ['source', 'target', 'sink'] as const) {
      await this.at(place, `DROP DATABASE ${this.database}`);
    }
    for (const client of this.#clients.values()) await client.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
