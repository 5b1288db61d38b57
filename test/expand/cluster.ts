/**
 * A sharded cluster of two servers with an application on it, that is to get a third. Where a row
 * belongs is computed here, by arithmetic of the test's own: in JS for the application, in SQL for
 * the judge.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { expect } from 'vitest';
import { parse, stringify } from 'yaml';
import { ShopJob, type ShopJobOptions } from '../pipeline/shop-job.ts';
import { LoadClient } from '../support/load/client.ts';
import { oracle } from '../support/oracle.ts';

/** Runs of slots that go to the third server; below 2048 they are of the first one. */
const MOVES: readonly (readonly [number, number])[] = [
  [1366, 2047],
  [3413, 4095],
];
const RANGE_BOUND = 1_000;
const RANGE_MOVES = 1_500;
const IDS = 2_000;

function slotOf(id: number): number {
  return Number(((BigInt(crc32(Buffer.from(`${id}`))) * 2_654_435_761n) & 0xffff_ffffn) >> 20n);
}

const SLOT = '(((CRC32(CAST(id AS CHAR))*2654435761)>>20)&4095)';

export interface ShardedTable {
  name: 'notes' | 'events';
  /** Number of the owner, before and after. */
  was: (id: number) => number;
  is: (id: number) => number;
  /** The same for the judge: rows that move. */
  moves: string;
}

export const SHARDED: readonly ShardedTable[] = [
  {
    name: 'notes',
    was: id => (slotOf(id) < 2048 ? 0 : 1),
    is: id => {
      const slot = slotOf(id);
      return MOVES.some(([from, to]) => slot >= from && slot <= to) ? 2 : slot < 2048 ? 0 : 1;
    },
    moves: MOVES.map(([from, to]) => `${SLOT} BETWEEN ${from} AND ${to}`).join(' OR '),
  },
  {
    name: 'events',
    was: id => (id < RANGE_BOUND ? 0 : 1),
    is: id => (id < RANGE_BOUND ? 0 : id < RANGE_MOVES ? 1 : 2),
    moves: `id >= ${RANGE_MOVES}`,
  },
];

/** Rewrites a job file into one of a cluster that grows, and fills the cluster. */
export async function prepareCluster(
  o: Pick<ShopJobOptions, 'mysql' | 'cutover'>,
): Promise<ShopJob> {
  const job = await ShopJob.prepare({ ...o, orders: 20, sources: 2 });
  const file = parse(readFileSync(job.jobFile, 'utf8'));
  const [c1, c2]: string[] = file.sources.map((s: { name: string }) => s.name);
  file.kind = 'expand';
  file.targets = [{ ...file.targets[0], name: 'c3' }];
  file.oldRoute = { kind: 'hash', columns: ['id'] };
  const moves = Object.fromEntries(MOVES.map(([from, to]) => [`${from}-${to}`, 'c3']));
  file.route = { kind: 'hash', columns: ['id'], weights: { [`${c1}`]: 1, [`${c2}`]: 1 }, moves };
  const first = { below: RANGE_BOUND, target: c1 };
  const range = (...rest: object[]) => ({ kind: 'range', column: 'id', ranges: [first, ...rest] });
  file.tables = [
    { name: 'notes' },
    {
      name: 'events',
      oldRoute: range({ target: c2 }),
      route: range({ below: RANGE_MOVES, target: c2 }, { target: 'c3' }),
    },
    { name: 'countries', route: { kind: 'all', from: c2 } },
  ];
  writeFileSync(job.jobFile, stringify(file));
  for (const s of [0, 1]) await fill(job, s);
  return job;
}

async function fill(job: ShopJob, server: number): Promise<void> {
  const statements = SHARDED.flatMap(({ name, was }) => {
    const ids = Array.from({ length: IDS }, (_, id) => id).filter(id => was(id) === server);
    const rows = ids.map(id => `(${id},'row ${id}',0)`);
    return [
      `CREATE TABLE ${name} (id BIGINT PRIMARY KEY, body VARCHAR(80) NOT NULL, n INT NOT NULL)`,
      `INSERT INTO ${name} VALUES ${rows.join(',')}`,
    ];
  });
  await job.onSource(
    server,
    ...statements,
    'CREATE TABLE countries (code CHAR(2) PRIMARY KEY, name VARCHAR(40) NOT NULL)',
    `INSERT INTO countries VALUES ('de','Germany'),('at','Austria'),('us','USA')`,
  );
}

/** Writes to the owners of random rows until it is stopped; refused writes are counted, by text. */
export class Application implements AsyncDisposable {
  readonly refused = new Map<string, number>();
  /** Whether a row that moves is written where it is to be. */
  hasMoved = false;
  written = 0;
  readonly #clients: LoadClient[];
  readonly #database: string;
  #stopped = false;
  readonly #running: Promise<void>[];

  private constructor(clients: LoadClient[], database: string) {
    this.#clients = clients;
    this.#database = database;
    this.#running = [0, 1].map(i => this.#write(i));
  }

  static async start(job: ShopJob): Promise<Application> {
    const servers = [...job.sources, ...job.targets.slice(0, 1)];
    return new Application(
      await Promise.all(
        servers.map((s, i) => LoadClient.open(s, i < 2 ? job.database : undefined)),
      ),
      job.database,
    );
  }

  async #write(seed: number): Promise<void> {
    for (let i = seed; !this.#stopped; i += 2) {
      const id = (Math.imul(i, 2_654_435_761) >>> 8) % (IDS + 200);
      const table = SHARDED[i % 3 === 0 ? 1 : 0];
      if (table === undefined) return;
      const owner = this.hasMoved ? table.is(id) : table.was(id);
      const client = this.#clients[owner];
      try {
        if (i % 7 === 0) await client?.run(`DELETE FROM ${table.name} WHERE id=${id}`);
        else {
          await client?.run(
            `INSERT INTO ${table.name} VALUES (${id},'row ${i}',1) ON DUPLICATE KEY UPDATE body='upd ${i}', n=n+1`,
          );
        }
        this.written += 1;
      } catch (e) {
        const text = e instanceof Error ? e.message : String(e);
        this.refused.set(text, (this.refused.get(text) ?? 0) + 1);
      }
      await new Promise(resolve => setTimeout(resolve, 2));
    }
  }

  /** The new server has its database by now. */
  async allOnNewOwners(): Promise<void> {
    await this.#clients[2]?.run(`USE ${this.#database}`);
    this.hasMoved = true;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    for (const client of this.#clients) client.destroy();
  }
}

/** What is wrong on the third server, by the independent judge: it has the rows that move. */
export async function expectMoved(job: ShopJob): Promise<void> {
  const named = (list: readonly (typeof job.sources)[number][]) =>
    list.map((s, i) => ({ ...s, name: `${i}`, database: job.database }));
  const targets = named(job.targets.slice(0, 1));
  const moved = await oracle({
    sources: named(job.sources),
    targets,
    tables: SHARDED.map(({ name, moves }) => ({ name, shardColumn: null, where: moves })),
  });
  for (const t of moved.tables) expect(t.sourceRows).toBeGreaterThan(200);
  expect(moved.tables.flatMap(t => t.differences.slice(0, 5))).toEqual([]);
  const countries = { name: 'countries', shardColumn: null };
  const copied = await oracle({
    sources: named(job.sources.slice(1)),
    targets,
    tables: [countries],
  });
  expect(copied.tables.flatMap(t => t.differences)).toEqual([]);
}
