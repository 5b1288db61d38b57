/**
 * I6: jobs of each kind under writes: several servers to one, whole tables to servers of their own,
 * one server to another. What the targets hold in the end is said by the independent judge.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import type { JobKind } from '../../shared/job/job-kind.ts';
import { LOAD_TABLES } from '../support/load/tables.ts';
import { oracle } from '../support/oracle.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

let mysql: Servers;

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

/** Targets that a table has to be on, each with all of it, by number. */
type Places = Record<(typeof LOAD_TABLES)[number], readonly number[]>;

const EVERYTHING_ON_FIRST: Places = { customers: [0], orders: [0], order_items: [0] };

const KINDS: {
  kind: Exclude<JobKind, 'reshard'>;
  sources: number;
  targets: number;
  routes?: Record<(typeof LOAD_TABLES)[number], unknown>;
  places: Places;
}[] = [
  { kind: 'merge', sources: 2, targets: 1, places: EVERYTHING_ON_FIRST },
  { kind: 'copy', sources: 1, targets: 1, places: EVERYTHING_ON_FIRST },
  {
    kind: 'split',
    sources: 1,
    targets: 2,
    routes: {
      customers: { kind: 'all' },
      orders: { kind: 'target', target: 'target1' },
      order_items: { kind: 'target', target: 'target2' },
    },
    places: { customers: [0, 1], orders: [0], order_items: [1] },
  },
];

/** What is wrong with a table on a target: rows of all sources are to be there, or none of it. */
async function differences(
  job: ShopJob,
  table: string,
  target: number,
  isThere: boolean,
): Promise<string[]> {
  const at = (i: number, server = job.targets[i]) => {
    if (server === undefined) throw new Error(`no target ${i}`);
    return { ...server, name: `${i}`, database: job.database };
  };
  if (!isThere) {
    const client = await job.sql(target);
    const rows = await client.rows(`SELECT COUNT(*) FROM ${table}`).finally(() => client.close());
    return Number(rows[0]?.[0]) === 0 ? [] : [`${table} on target ${target}: ${rows[0]?.[0]} rows`];
  }
  const { tables } = await oracle({
    sources: job.sources.map((s, i) => ({ ...s, name: `s${i}`, database: job.database })),
    targets: [at(target)],
    tables: [{ name: table, shardColumn: null }],
  });
  expect(tables[0]?.sourceRows).toBeGreaterThan(10);
  return (tables[0]?.differences ?? []).map(d => `${table} ${d.key} ${d.kind}`);
}

test.each(KINDS)(
  'a $kind under writes ends equal, whatever it is that goes where',
  async ({ kind, sources, targets, routes, places }) => {
    await using job = await ShopJob.prepare({ mysql, orders: 1_000, sources });
    const file = parse(readFileSync(job.jobFile, 'utf8'));
    delete file.route;
    file.kind = kind;
    file.targets = file.targets.slice(0, targets);
    if (routes) file.tables = LOAD_TABLES.map(name => ({ name, route: routes[name] }));
    writeFileSync(job.jobFile, stringify(file));
    const loads = job.sources.map((_, i) => job.load(40, 10, i));
    job.start(...SERVICES);
    await job.copied();
    for (const load of loads) await load.stop();
    await job.drained();
    const proof = await job.verify();
    expect(proof.code, proof.out).toBe(0);
    for (const table of LOAD_TABLES) {
      for (let target = 0; target < targets; target++) {
        const wrong = await differences(job, table, target, places[table].includes(target));
        expect(wrong.slice(0, 5)).toEqual([]);
      }
    }
  },
  3 * MINUTES,
);
