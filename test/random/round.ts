/**
 * One round: a job over random tables, random changes of their rows before, while and after they
 * are copied, and judges at the end. One seed decides tables, statements and their order; each
 * session works on tables of its own, so that what the source holds does not depend on time.
 * The statements of a round are kept as a file beside the logs of its members.
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { RouteSpec } from '../../shared/job/route-spec.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import type { Answer } from '../schemas/answer.ts';
import { Crew, SERVICES } from '../soak/crew.ts';
import { JobWatch } from '../soak/watch.ts';
import { type MysqlServer, writeJobFile } from '../support/job-file.ts';
import { errorNumber, LoadClient } from '../support/load/client.ts';
import { Random } from '../support/load/random.ts';
import type { Flavor } from '../support/servers/servers.ts';
import { filled, randomChange } from './change.ts';
import { randomDdl } from './ddl.ts';
import { differences, examined, isDocumented, reached, verified } from './judge.ts';
import { type ServerFacts, serverFacts } from './server-facts.ts';
import { type RandomTable, randomTable } from './table.ts';

export interface RoundOptions {
  servers: { brokers: string[]; registryUrl: string };
  source: MysqlServer;
  targets: readonly MysqlServer[];
  flavor: Flavor;
  seed: number;
  tables: number;
  /** Units of work of each session while the job runs. */
  steps: number;
  /** How often a member is killed, or sleeps. */
  kills: number;
  /** Share of units of work that change a schema. */
  ddl: number;
  dir: string;
  tell: (line: string) => void;
}

export interface RoundResult {
  failures: string[];
  /** Statements that the source has carried out, and those that it has refused. */
  done: number;
  refused: number;
  rows: number;
  /** Tables that the doctor refused, with its words. */
  refusedTables: Answer[];
  tables: number;
}

const SESSIONS = 2;
/** A table that another session copies may get other dates by that, and no event tells of it. */
const STRICT =
  "SET @modes = @@sql_mode, SESSION sql_mode = CONCAT_WS(',', @@sql_mode, 'STRICT_ALL_TABLES')";
const PREPARE_MS = 180_000;
const DRAIN_MS = 90_000;
/** Of a unit of work, with its share of the changes that are taken up one by one. */
const STEP_MS = 60;
const PAUSE_MS = 8;

/** A name for the job, its database and its folder. */
function nameOf(seed: number): string {
  return `random_${seed}`;
}

export async function runRound(o: RoundOptions): Promise<RoundResult> {
  const round = new Round(o);
  return await round.run();
}

class Round {
  readonly #o: RoundOptions;
  readonly #name: string;
  readonly #dir: string;
  readonly #random: Random;
  readonly #result: RoundResult = {
    failures: [],
    done: 0,
    refused: 0,
    rows: 0,
    refusedTables: [],
    tables: 0,
  };
  #tables: RandomTable[] = [];
  #facts: ServerFacts = { flavor: 'mysql', collations: [] };

  constructor(o: RoundOptions) {
    this.#o = o;
    this.#name = nameOf(o.seed);
    this.#dir = path.join(o.dir, this.#name);
    this.#random = new Random(o.seed, 0);
    mkdirSync(this.#dir, { recursive: true });
  }

  async run(): Promise<RoundResult> {
    const { tell, seed } = this.#o;
    try {
      await this.#make();
      const jobFile = await this.#admit();
      await this.#copyAndChange(jobFile);
    } catch (e) {
      this.#result.failures.push(e instanceof Error ? e.message : String(e));
    }
    tell(`seed ${seed}: ${this.#result.failures.length === 0 ? 'equal' : 'FAILED'}`);
    return this.#result;
  }

  async #make(): Promise<void> {
    const { source, targets, flavor, tables } = this.#o;
    for (const server of [source, ...targets]) {
      await using client = await LoadClient.open(server);
      await client.run(`DROP DATABASE IF EXISTS ${this.#name}`);
      await client.run(`CREATE DATABASE ${this.#name} CHARACTER SET utf8mb4`);
    }
    await using client = await LoadClient.open(source, this.#name);
    this.#facts = await serverFacts(client, flavor);
    for (let number = 1; number <= tables; number++) {
      const table = await this.#create(client, number);
      if (this.#random.chance(0.2)) continue;
      const statements = filled(this.#random, table, 1 + this.#random.below(12));
      await this.#carryOut(client, 'fill', statements);
    }
  }

  /** The first one of this number that the server makes. */
  async #create(client: LoadClient, number: number): Promise<RandomTable> {
    for (;;) {
      const table = randomTable(this.#random, this.#facts, number, this.#parentOf(number));
      if ((await this.#carryOut(client, 'make', [table.create])) === 0) continue;
      this.#tables.push(table);
      return table;
    }
  }

  /** A table of the same session, whose rows others may be children of. */
  #parentOf(number: number): RandomTable | undefined {
    const before = this.#tables.filter((_, i) => i % SESSIONS === (number - 1) % SESSIONS);
    const fit = before.filter(t => t.key.length === 1);
    return fit.length > 0 && this.#random.chance(0.3) ? this.#random.pick(fit) : undefined;
  }

  /** Writes the job file without the tables that the doctor refuses. */
  async #admit(): Promise<string> {
    const routed = this.#tables.map(t => ({
      name: t.name,
      primaryKey: t.key.map(c => c.name),
      route: this.#route(t),
    }));
    const first = this.#write(
      'doctor',
      routed.map(({ name, route }) => ({ name, route })),
    );
    const answers = await examined(first, this.#name, routed);
    const refused = answers.filter(a => a.kind === 'refused');
    this.#result.refusedTables = refused;
    for (const { table, why } of refused) {
      this.#log(`-- the doctor refuses ${table}: ${why}`);
      if (!isDocumented(why)) this.#result.failures.push(`the doctor refuses ${table}: ${why}`);
    }
    const taken = routed.flatMap(({ name, route }, i) => {
      const answer = answers[i];
      if (answer === undefined || answer.kind === 'refused') return [];
      return [{ name, route: answer.kind === 'by an option' ? answer.route : route }];
    });
    this.#tables = this.#tables.filter(t => taken.some(a => a.name === t.name));
    this.#result.tables = this.#tables.length;
    return this.#write(this.#name, taken);
  }

  #route(table: RandomTable): RouteSpec {
    const columns = table.columns.filter(c => c.type.isRoute && !c.isNullable && !c.isGenerated);
    if (columns.length === 0) return { kind: 'target', target: 'target1' };
    const one = this.#random.pick(columns);
    const isNumber = /INT\b/.test(one.type.sql) && !one.type.sql.includes('POINT');
    if (isNumber && this.#random.chance(0.5)) return { kind: 'modulus', column: one.name };
    const other = this.#random.pick(columns);
    const both = one === other || this.#random.chance(0.6) ? [one] : [one, other];
    return { kind: 'hash', columns: both.map(c => c.name) };
  }

  #write(job: string, tables: readonly { name: string; route: RouteSpec }[]): string {
    const random = this.#random;
    const { servers, source, targets } = this.#o;
    return writeJobFile({
      dir: this.#dir,
      job,
      servers,
      sources: [source],
      targets,
      database: this.#name,
      tables,
      options: {
        partitions: random.pick([1, 2, 3]),
        chunkRows: random.pick([1, 3, 10, 50]),
        snapshotRowsPerSecond: random.pick([50, 200, 0]),
        sinkBatchRows: random.pick([1, 7, 4000]),
      },
    });
  }

  async #copyAndChange(jobFile: string): Promise<void> {
    const { tell, steps } = this.#o;
    await using stack = new AsyncDisposableStack();
    const sizes = { control: 1, binlog: 1, snapshot: 1, sink: 1, checker: 1 };
    const crew = stack.use(new Crew({ jobFile, dir: this.#dir, sizes }));
    const watch = stack.use(new JobWatch(jobFile));
    const place = { crew, watch };
    const failures = this.#result.failures;
    const prepared = reached('the job to be prepared', place, () => true, PREPARE_MS);
    // Whoever waits for it goes on in either case.
    const half = prepared.catch(() => {});
    const changes = Promise.all(
      Array.from({ length: SESSIONS }, (_, n) => this.#change(n, steps, half)),
    );
    changes.catch(() => {});
    try {
      await prepared;
      await this.#disturb(crew);
      await changes;
      await reached('the pipeline to drain', place, s => s.drained, DRAIN_MS + steps * STEP_MS);
      tell(`seed ${this.#o.seed}: drained`);
    } catch (e) {
      await changes;
      throw new Error(`${e instanceof Error ? e.message : e}\n${crew.evidence()}`);
    }
    const { source, targets } = this.#o;
    const tables = this.#tables.map(t => t.name);
    const found = await differences({ source, targets, database: this.#name, tables });
    this.#result.rows = found.rows;
    failures.push(...found.differing);
    const verdict = await verified(jobFile);
    if (verdict !== undefined) failures.push(verdict);
    for (const s of crew.surprises) {
      failures.push(`${s.member} ended by itself (${s.code}, ${s.times} times): ${s.lastWords}`);
    }
  }

  /** A session's own tables, and so many units of work on them; `half` of it is waited for. */
  async #change(session: number, steps: number, half: Promise<void>): Promise<void> {
    const random = new Random(this.#o.seed, 100 + session);
    const tables = this.#tables.filter((_, i) => i % SESSIONS === session);
    if (tables.length === 0) return;
    await using client = await LoadClient.open(this.#o.source, this.#name);
    for (let step = 0; step < steps; step++) {
      // What was changed before is planned as it is: only what comes behind has to be taken up.
      if (step === steps >> 1) await half;
      if (random.chance(this.#o.ddl)) await this.#alter(client, session, random, tables);
      else await this.#carryOut(client, `s${session}`, randomChange(random, tables));
      if (random.chance(0.5)) await sleep(random.below(2 * PAUSE_MS));
    }
  }

  async #alter(
    client: LoadClient,
    session: number,
    random: Random,
    tables: readonly RandomTable[],
  ): Promise<void> {
    const table = random.pick(tables);
    const { sql, added, become } = randomDdl(random, table, this.#facts);
    const who = `s${session} ddl`;
    await this.#carryOut(client, who, [STRICT]);
    const done = await this.#carryOut(client, who, [sql]);
    await this.#carryOut(client, who, ['SET SESSION sql_mode = @modes']);
    if (done === 0) return;
    table.columns.push(...added);
    become?.();
  }

  /** Members end without a word, or sleep so long that the source runs ahead. */
  async #disturb(crew: Crew): Promise<void> {
    const random = new Random(this.#o.seed, 200);
    for (let left = this.#o.kills; left > 0; left--) {
      await sleep(random.below(2000));
      const isSleep = random.chance(0.5);
      const [member] = crew.of(random.pick(isSleep ? ['binlog', 'sink', 'control'] : SERVICES));
      const ms = random.between(500, 4000);
      if (member?.process.running !== true) continue;
      if (!isSleep) crew.end(member, 'SIGKILL');
      else {
        crew.pause(member);
        await sleep(ms);
        crew.resume(member);
      }
    }
  }

  /** Runs statements in a row; answers how many the server has accepted. */
  async #carryOut(client: LoadClient, who: string, sql: readonly string[]): Promise<number> {
    let done = 0;
    for (const one of sql) {
      try {
        await client.run(one);
        this.#log(`/* ${who} */ ${one};`);
        done++;
      } catch (e) {
        if ((errorNumber(e) ?? 0) === 0) throw e;
        this.#log(`-- ${who} refused (${e instanceof Error ? e.message.slice(0, 90) : ''})`);
        this.#log(one.replace(/^/gm, '-- '));
        this.#result.refused++;
      }
    }
    this.#result.done += done;
    return done;
  }

  #log(line: string): void {
    appendFileSync(path.join(this.#dir, 'statements.sql'), `${line.replaceAll('\n', '\n   ')}\n`);
  }
}

/** What a failed round leaves for whoever looks at it. */
export function evidenceOf(dir: string, seed: number, result: RoundResult): void {
  writeFileSync(path.join(dir, nameOf(seed), 'failures.txt'), result.failures.join('\n'));
}
