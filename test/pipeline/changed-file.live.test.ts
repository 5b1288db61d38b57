/**
 * A changed job file: what would mix rows up is refused by name, by the commands and by the
 * members; a table more is taken up while the job runs, and ends equal.
 * Enforces I12.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { until } from '../../shared/runtime/clock.ts';
import { callReshard, spawnReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

type File = {
  sources: { name: string; port: number }[];
  targets: { name: string; port: number; host: string }[];
  tables: { name: string; shardColumn?: string }[];
  options?: { [name: string]: unknown };
};

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  job = await ShopJob.prepare({ mysql, orders: 1500 });
  edit(job.jobFile, f => ({ ...f, tables: f.tables.filter(t => t.name !== 'order_items') }));
  job.start(...SERVICES);
  await job.copied();
  await job.drained();
}, 4 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

function edit(to: string, change: (f: File) => File): string {
  const file: File = parse(readFileSync(job.jobFile, 'utf8'));
  writeFileSync(to, stringify(change(file)));
  return to;
}

const variant = (name: string, change: (f: File) => File): string =>
  edit(path.join(job.dir, `${name}.yaml`), change);

it.each<[string, (f: File) => File, RegExp]>([
  [
    'partitions lowered',
    f => ({ ...f, options: { partitions: 2 } }),
    /partitions is 2, the topics/,
  ],
  [
    'a table removed',
    f => ({ ...f, tables: f.tables.slice(0, 1) }),
    /table orders of the job is not in the job file/,
  ],
  [
    'another shard column',
    f => ({ ...f, tables: f.tables.map(t => ({ ...t, shardColumn: 'order_id' })) }),
    /orders is routed by order_id, not customer_id/,
  ],
  [
    'a source added',
    f => ({ ...f, sources: [...f.sources, ...f.sources.map(s => ({ ...s, name: 'more' }))] }),
    /source more is not one of the job/,
  ],
  ['targets in another order', f => ({ ...f, targets: f.targets.toReversed() }), /in the order/],
])(
  '%s: apply says why not, and no member starts',
  async (name, change, why) => {
    const file = variant(name.replaceAll(' ', '-'), change);
    const [apply, sink] = await Promise.all([
      callReshard('apply', file, '--dry-run'),
      callReshard('service', 'sink', file),
    ]);
    expect(apply.code, apply.err).toBe(3);
    expect(apply.out).toMatch(why);
    expect(sink.code, sink.err).toBe(3);
    expect(sink.err).toMatch(why);
    expect(sink.err).toContain('job-changed');
  },
  MINUTES,
);

it(
  'targets whose addresses are swapped get no row from a sink, which says whose each one is',
  async () => {
    await job.end('sink', 'SIGTERM');
    const file = variant('swapped', f => {
      const [a, b] = f.targets;
      if (a === undefined || b === undefined) throw new Error('two targets');
      const targets = [
        { ...a, host: b.host, port: b.port },
        { ...b, host: a.host, port: a.port },
      ];
      return { ...f, targets };
    });
    const source = await job.sql();
    expect(await source.insist('DELETE FROM orders LIMIT 20')).toBe(20);
    await source.close();
    const before = await Promise.all([0, 1].map(ordersOn));
    const log = path.join(job.dir, 'swapped.log');
    const sink = spawnReshard(['service', 'sink', file], { log, env: { RESHARD_LOG_JSON: '1' } });
    const said = (): string => readFileSync(log, 'utf8');
    try {
      await until(() => /target1 is the server of target2/.test(said()), {
        timeoutMs: MINUTES,
        what: 'the refusal of target1',
      });
      await until(() => /target2 is the server of target1/.test(said()), {
        timeoutMs: MINUTES,
        what: 'the refusal of target2',
      });
      expect(said()).toContain('job-changed');
    } finally {
      sink.kill('SIGTERM');
      await sink.exited;
    }
    expect(await Promise.all([0, 1].map(ordersOn))).toEqual(before);
    job.start('sink');
    await job.drained();
  },
  3 * MINUTES,
);

it(
  'a table that is added under load is copied while the job runs, and all tables end equal',
  async () => {
    await using load = job.load(40);
    edit(job.jobFile, f => ({ ...f, tables: [...f.tables, { name: 'order_items' }] }));
    const dry = await callReshard('apply', job.jobFile, '--dry-run');
    expect(dry.code, dry.err).toBe(0);
    expect(dry.out).toContain('the table order_items is new: it will be planned and copied');
    const missing = await callReshard('apply', job.jobFile);
    expect(missing.code, missing.out).toBe(3);
    expect(missing.err).toContain('order_items');
    const apply = await callReshard('apply', job.jobFile, '--create-targets');
    expect(apply.code, apply.err).toBe(0);
    await job.until('three tables', s => s.tables.length === 3, MINUTES);
    await job.copied();
    await load.stop();
    await job.drained();
    await job.expectEqual();
    expect((await job.verify()).code).toBe(0);
    const again = await callReshard('apply', job.jobFile);
    expect(again.out).toContain('the job is what the job file says');
  },
  5 * MINUTES,
);

async function ordersOn(target: number): Promise<number> {
  const client = await job.sql(target);
  try {
    return await client.run('SELECT 1 FROM orders');
  } finally {
    await client.close();
  }
}
