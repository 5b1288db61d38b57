/**
 * Published schemas in one database, copied from one server to two by a job of their own while
 * clients change rows of every table at random, and the schemas' own scripts change the tables.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { servers } from '../support/dev.ts';
import { type MysqlServer, writeJobFile } from '../support/job-file.ts';
import { errorNumber, LoadClient } from '../support/load/client.ts';
import { Random } from '../support/load/random.ts';
import { oracle } from '../support/oracle.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { UpRun } from '../support/up-run.ts';
import {
  ALL,
  type Answer,
  answerOf,
  type Change,
  firstRoute,
  otherBlockers,
  type SchemaResult,
} from './answer.ts';
import type { PublishedSchema } from './catalogue.ts';
import { type Scripts, scriptsOf } from './package.ts';
import { deleteSql, insertSql, updateSql } from './rows.ts';
import { type Table, tablesOf } from './table.ts';

const MINUTE = 60_000;
const ROWS = 40;
/** Between the changes of a client, on the average. */
const PAUSE_MS = 20;
const CLIENTS = 2;

interface Loaded {
  schema: PublishedSchema;
  scripts: Scripts;
  tables: Table[];
}

export class SchemaJob implements AsyncDisposable {
  readonly #name = `schemas-${randomUUID().slice(0, 8)}`;
  readonly #database = this.#name.replace('-', '_');
  readonly #dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-'));
  readonly #source: MysqlServer;
  readonly #targets: MysqlServer[];
  readonly #seed = Number(process.env.RESHARD_SEED ?? Date.now() % 1_000_000);
  readonly #startedAt = performance.now();
  readonly #loaded: Loaded[] = [];
  /** The clients make no changes. */
  #isResting = false;
  #answers: Answer[] = [];
  #jobFile = '';
  #up: UpRun | undefined;

  private constructor(mysql: Servers) {
    const [source, ...targets] = ['s1', 't1', 't2'].flatMap(n => mysql.endpoints().mysql[n] ?? []);
    if (source === undefined || targets.length !== 2) throw new Error('s1, t1 and t2 are needed');
    this.#source = source;
    this.#targets = targets;
  }

  /** A source and two targets. */
  static servers(): Promise<Servers> {
    const flavor = 'mysql';
    return startServers({
      mysql: [
        { name: 's1', serverId: 141, flavor },
        { name: 't1', serverId: 241, flavor },
        { name: 't2', serverId: 242, flavor },
      ],
    });
  }

  /** The schemas made and filled on the source, and the doctor's answer to each table. */
  static async prepare(mysql: Servers, schemas: readonly PublishedSchema[]): Promise<SchemaJob> {
    const job = new SchemaJob(mysql);
    job.#tell(`RESHARD_SEED=${job.#seed} repeats the changes`);
    await using client = await job.#client(job.#source, null);
    await client.run(`CREATE DATABASE ${job.#database} CHARACTER SET utf8mb4`);
    await client.run(`USE ${job.#database}`);
    for (const schema of schemas) await job.#load(client, schema);
    await fill(client, job.#tables);
    job.#tell(`${job.#tables.length} tables filled`);
    await job.#examine();
    job.#tell('the doctor has answered');
    return job;
  }

  async #load(client: LoadClient, schema: PublishedSchema): Promise<void> {
    const scripts = await scriptsOf(schema, line => console.log(line));
    // As lenient as the servers that these scripts were written for.
    await client.run("SET sql_mode = ''");
    for (const sql of scripts.create) await carryOut(client, schema, sql);
    await client.run('SET sql_mode = DEFAULT, foreign_key_checks = 1, unique_checks = 1');
    const known = new Set(this.#tables.map(t => t.name));
    const all = await tablesOf(client, this.#database);
    this.#loaded.push({ schema, scripts, tables: all.filter(t => !known.has(t.name)) });
  }

  get #tables(): Table[] {
    return this.#loaded.flatMap(l => l.tables);
  }

  get #carried(): Table[] {
    return this.#tables.filter((_, i) => this.#answers[i]?.kind !== 'refused');
  }

  async #examine(): Promise<void> {
    const tables = this.#tables;
    const first = this.#write(
      'doctor',
      tables.map(t => ({ name: t.name, route: firstRoute(t) })),
    );
    const { out, err } = await callReshard('doctor', first, '--create-targets', '--json');
    const findings = out.startsWith('{') ? JSON.parse(out).findings : [];
    const others = otherBlockers(this.#database, findings);
    if (findings.length === 0 || others.length > 0) {
      throw new Error(`the doctor says nothing of the schemas: ${JSON.stringify(others)} ${err}`);
    }
    this.#answers = tables.map(t => answerOf(t, this.#database, findings));
    this.#jobFile = this.#write(
      this.#name,
      this.#answers.flatMap(a => (a.kind === 'refused' ? [] : { name: a.table, route: a.route })),
    );
  }

  #write(job: string, tables: NonNullable<Parameters<typeof writeJobFile>[0]['tables']>): string {
    return writeJobFile({
      dir: this.#dir,
      job,
      servers: servers(),
      sources: [this.#source],
      targets: this.#targets,
      database: this.#database,
      tables,
      options: { partitions: 1, chunkRows: 10, snapshotRowsPerSecond: 1500, addedColumns: 'stop' },
    });
  }

  /** Copies all of it under changes and the schemas' own scripts, and waits for the end of it. */
  async run(): Promise<SchemaResult[]> {
    this.#up = new UpRun(this.#jobFile, this.#dir);
    const stop = this.#change();
    await this.#until('the copy to begin', s => s.tables.some(t => t.done > 0));
    await this.#migrate();
    this.#tell('the migration was run');
    // A change of a table may stop its copy.
    const isChanged = this.#loaded.some(l => l.scripts.migration.length > 0);
    const changes = isChanged ? await this.#followed() : [];
    await this.#until('the copy', s => s.tables.every(t => t.complete));
    // Rows of the shape that the tables have now.
    await sleep(500);
    const made = await stop();
    this.#tell(`${made} changes`);
    if (made < 50) throw new Error(`only ${made} changes were made`);
    await this.#until('the pipeline to drain', s => s.drained);
    return this.#loaded.map(({ schema, scripts, tables }) => ({
      name: schema.name,
      answers: this.#answers.filter(a => tables.some(t => t.name === a.table)),
      changes:
        scripts.migration.length === 0
          ? null
          : changes.filter(c => c.table === ALL || tables.some(t => t.name === c.table)),
    }));
  }

  /** Changes rows at random until it is stopped; answers how many changes the server accepted. */
  #change(): () => Promise<number> {
    let stopped = false;
    const work = async (stream: number): Promise<number> => {
      const random = new Random(this.#seed, stream);
      await using client = await this.#client(this.#source);
      await client.run("SET sql_mode = ''");
      let done = 0;
      while (!stopped) {
        if (!this.#isResting) done += await change(client, random, random.pick(this.#carried));
        await sleep(random.below(2 * PAUSE_MS));
      }
      return done;
    };
    const all = Promise.all(Array.from({ length: CLIENTS }, (_, i) => work(i)));
    all.catch(() => {});
    return async () => {
      stopped = true;
      return (await all).reduce((a, b) => a + b, 0);
    };
  }

  async #migrate(): Promise<void> {
    await using client = await this.#client(this.#source);
    for (const { schema, scripts } of this.#loaded) {
      await client.run("SET sql_mode = ''");
      for (const sql of scripts.migration) await carryOut(client, schema, sql);
    }
    const now = await tablesOf(client, this.#database);
    for (const loaded of this.#loaded) {
      loaded.tables = loaded.tables.map(t => now.find(n => n.name === t.name) ?? t);
    }
  }

  /** Does what `reshard ddl show` says, and what a halt says, until neither says anything. */
  async #followed(): Promise<Change[]> {
    const done: Change[] = [];
    for (;;) {
      const shown = await this.#ddl('show');
      const grown = shown.filter(s => s.against.length === 0);
      if (grown.length > 0) done.push(...(await this.#follow(grown, 'taken up')));
      else if (shown.length > 0) {
        // What a default is in rows of before is told when the reader stands at its statement.
        await this.#until('the reader to halt', s => s.services.some(isHaltedReader));
        const now = await this.#ddl('show');
        const isOther = now.every(s => s.against.length > 0);
        if (isOther) done.push(...(await this.#follow(now, 'copied anew')));
      }
      if (shown.length > 0) continue;
      // The reader stands at a statement, or has caught up with all of them; not while they go on.
      this.#isResting = true;
      const { sources, services } = await this.#until('the reader', s => {
        return s.services.some(isHaltedReader) || s.sources.every(({ caughtUp }) => caughtUp);
      });
      this.#isResting = false;
      if (!services.some(isHaltedReader)) return done;
      // Of a kind whose effect is not known: copied anew, all of it, as the remedy says.
      await this.#recopy(sources[0]?.source ?? '', []);
      done.push({ table: ALL, way: 'copied anew' });
    }
  }

  async #follow(shown: readonly Changed[], way: Change['way']): Promise<Change[]> {
    for (const { target, sql } of shown.flatMap(s => s.targets)) await this.#onTarget(target, sql);
    const tables = ['--tables', shown.map(s => s.table).join(',')];
    if (way === 'taken up') await this.#ddl('apply', ...tables);
    else await this.#recopy(shown[0]?.source ?? '', tables);
    this.#tell(`${way}: ${tables[1]}`);
    return shown.map(({ table }): Change => ({ table, way }));
  }

  async #ddl(action: 'show' | 'apply', ...args: string[]): Promise<Changed[]> {
    const all = ['ddl', action, this.#jobFile, '--yes', '--json', ...args];
    const { code, out, err } = await callReshard(...all);
    if (code !== 0) throw new Error(`${all.join(' ')}: ${err}${out}`);
    return JSON.parse(out).changed;
  }

  /** The reader has to be at the change, and the targets behind nothing. */
  async #recopy(source: string, args: readonly string[]): Promise<void> {
    let said = '';
    const isDone = async (): Promise<boolean> => {
      const all = [this.#jobFile, '--source', source, '--yes', '--json', '--timeout', '120'];
      const { code, out, err } = await callReshard('recopy', ...all, ...args);
      said = `${code} ${err}${out}`;
      return code === 0;
    };
    try {
      await until(isDone, { timeoutMs: 4 * MINUTE, everyMs: 500, what: 'the recopy' });
    } catch (cause) {
      throw new Error(said, { cause });
    }
  }

  async #onTarget(name: string, sql: string | null): Promise<void> {
    const target = this.#targets[Number(/\d+$/.exec(name)?.[0]) - 1];
    if (target === undefined || sql === null) throw new Error(`nothing is printed for ${name}`);
    await using client = await this.#client(target);
    await client.insist(sql);
  }

  verify(): Promise<{ code: number; out: string }> {
    return callReshard('verify', this.#jobFile, '--json', '--timeout', '120');
  }

  /** What the independent oracle says: tables that differ, or have no rows. */
  async differing(): Promise<string[]> {
    const named = (server: MysqlServer) => ({ ...server, name: 'x', database: this.#database });
    const { tables } = await oracle({
      sources: [named(this.#source)],
      targets: this.#targets.map(named),
      tables: this.#carried.map(({ name }) => ({ name, shardColumn: null })),
    });
    this.#tell('the oracle has judged');
    return tables.flatMap(t =>
      t.sourceRows === 0
        ? [`${t.table} is empty`]
        : t.differences.slice(0, 5).map(d => `${t.table} ${d.key} ${d.kind}`),
    );
  }

  /** Takes a row from a target; answers its table. */
  async damage(): Promise<string> {
    const [target] = this.#targets;
    if (target === undefined) throw new Error('no target');
    await using client = await this.#client(target);
    await client.run('SET foreign_key_checks = 0');
    for (const { name } of this.#carried) {
      if ((await client.run(`DELETE FROM \`${name}\` LIMIT 1`)) > 0) return name;
    }
    throw new Error('the target is empty');
  }

  async #client(server: MysqlServer, database: string | null = this.#database) {
    const client = await LoadClient.open(server, database ?? undefined);
    return Object.assign(client, { [Symbol.asyncDispose]: () => client.close() });
  }

  async #until(what: string, done: (s: Status) => boolean): Promise<Status> {
    if (this.#up === undefined) throw new Error('nothing runs yet');
    const status = await this.#up.until(what, 4 * MINUTE, done);
    this.#tell(what);
    return status;
  }

  #tell(what: string): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    console.log(`${this.#name}: ${seconds.toFixed(1)} s: ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#up?.[Symbol.asyncDispose]();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

const isHaltedReader = ({ service, state }: { service: string; state: string }): boolean =>
  service === 'binlog' && state === 'halted';

interface Changed {
  source: string;
  table: string;
  /** Why it cannot be taken up. */
  against: string[];
  targets: { target: string; sql: string | null }[];
}

async function carryOut(client: LoadClient, { name }: PublishedSchema, sql: string): Promise<void> {
  try {
    await client.run(sql);
  } catch (cause) {
    throw new Error(`${name}: ${sql.slice(0, 200)}`, { cause });
  }
}

/** Rows that foreign keys accept; where they accept none, rows without their word. */
async function fill(client: LoadClient, tables: readonly Table[]): Promise<void> {
  await client.run("SET sql_mode = ''");
  for (const table of tables) {
    await client.run(insertSql(table, 1, ROWS));
    const isEmpty = (await client.rows(`SELECT 1 FROM \`${table.name}\` LIMIT 1`)).length === 0;
    if (!isEmpty) continue;
    await client.run('SET foreign_key_checks = 0');
    await client.run(insertSql(table, 1, ROWS));
    await client.run('SET foreign_key_checks = 1');
  }
}

/** One change; 0 if the server refused it, or nothing was there to be changed. */
async function change(client: LoadClient, random: Random, table: Table): Promise<number> {
  const from = 1000 + random.below(1_000_000);
  const columns = table.columns.filter(c => !c.computed);
  const some = columns.filter(() => random.below(columns.length) < 3);
  try {
    const kind = random.below(9);
    if (kind === 0) return await client.run(deleteSql(table));
    if (kind < 4) return await client.run(insertSql(table, from, from + 1));
    return await client.run(updateSql(table, some.length > 0 ? some : columns.slice(0, 1), 2));
  } catch (e) {
    // Keys, triggers, constraints, locks, a table that is just being changed.
    if ((errorNumber(e) ?? 0) === 0) throw e;
    return 0;
  }
}
