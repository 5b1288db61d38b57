/**
 * Of a row that differs it is told where it was lost, and nobody is accused of what is on its way.
 * Rows of one running job are lost before its log, by the sink, and by somebody else.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TracedKey } from '../../services/control/repair/trace.ts';
import { MISTAKES } from '../../shared/runtime/failpoint.ts';
import { KafkaConfigs } from '../binlog/kafka-configs.ts';
import { servers } from '../support/dev.ts';
import { sourceName } from '../support/job-file.ts';
import type { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { ShopJob } from './shop-job.ts';

const MINUTE = 60_000;

let mysql: Servers;
let job: ShopJob;
let source: LoadClient;
let ids: string[];

beforeAll(async () => {
  mysql = await ShopJob.servers(2);
  job = await ShopJob.prepare({ mysql, orders: 100, sources: 2 });
  job.start('control', 'snapshot', 'binlog', 'sink', 'checker');
  source = await job.sql();
  // Of nobody else: the load mends what it writes to.
  ids = Array.from({ length: 8 }, (_, i) => String(900_010 + i));
  for (const id of ids) await source.run(added(id));
  await job.copied();
  await job.drained();
}, 3 * MINUTE);

afterAll(async () => {
  await source?.close();
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTE);

async function traced(...keys: string[]): Promise<TracedKey[]> {
  const named = keys.map(k => (k.includes(':') ? k : `customers:${k}`));
  const list = keys.length === 0 ? [] : ['--keys', ...named];
  const { out, err } = await callReshard('trace', job.jobFile, '--json', ...list);
  expect(err).toBe('');
  const { keys: found }: { keys: TracedKey[] } = JSON.parse(out);
  return found;
}

const arrows = (found: readonly TracedKey[]): string[] => found.map(k => k.arrow);

/** On whichever target it is. */
async function onTargets(sql: string): Promise<void> {
  for (const target of [0, 1]) {
    await using client = await job.sql(target);
    await client.run(sql);
  }
}

async function unlogged(sql: string, server = 0): Promise<void> {
  await job.onSource(server, 'SET SESSION sql_log_bin = 0', sql);
}

/** An order of a customer with an even id, or an odd one, which is of the other target. */
function ordered(id: number, customer: number): string {
  const rest = `'new', 1, 1, NOW(6)`;
  const names = 'order_id, customer_id, order_no, state, total, quantity, placed_at';
  return `INSERT INTO orders (${names}) VALUES (${id}, ${customer}, 'T${id}', ${rest})`;
}

function added(id: string): string {
  return `INSERT INTO customers (customer_id, name, created_at) VALUES (${id}, 'x', NOW(6))`;
}

const changed = (id: string | undefined, note: string): string =>
  `UPDATE customers SET note = '${note}' WHERE customer_id = ${id}`;

test(
  'rows that were lost before the log, behind it and by the sink are told apart',
  async () => {
    const [one, two, three, four, five, six] = ids;
    await unlogged(changed(one, 'not in the log'));
    await unlogged(`DELETE FROM customers WHERE customer_id = ${two}`);
    await onTargets(changed(three, 'foreign'));
    await onTargets(`DELETE FROM customers WHERE customer_id = ${four}`);
    await onTargets(added('900001'));
    await job.end('sink', 'SIGTERM');
    void job.startArmed('sink', `${MISTAKES.sinkLosesRow}:1`);
    await source.run(changed(five, 'lost by the sink'));
    await job.drained();
    await job.end('sink', 'SIGTERM');
    job.start('sink');
    const found = await traced(...ids.slice(0, 6), '900001');
    expect(arrows(found)).toEqual(['capture', 'capture', 'sink', 'sink', 'sink', 'none', 'sink']);
    expect(found[0]?.why).toBe('the source has the row, and the log has another row');
    expect(found[1]?.why).toBe('the source has no such row, and the log has not its delete');
    expect(found[4]?.record?.gtid).toMatch(/^[0-9a-f-]{36}:\d+$/);
    expect(found[5]?.key).toEqual({ customer_id: six });
    expect(found[6]?.why).toMatch(/no record of it is in the log: .* a foreign one/);
  },
  2 * MINUTE,
);

test(
  'under load what was lost is told as before, and a row that changes accuses nobody',
  async () => {
    await using _ = job.load(20);
    const hot = ids[6];
    let isOver = false;
    const changing = (async () => {
      await using client = await job.sql();
      for (let i = 0; !isOver; i++) await client.run(changed(hot, `change ${i}`));
    })();
    try {
      let found: TracedKey[] = [];
      // Behind the log, as a sink under load may be, it cannot be told yet what it has lost.
      const told = async (): Promise<string[]> => {
        found = await traced(ids[0] ?? '', hot ?? '', '900001');
        return arrows(found).filter((_, i) => i !== 1);
      };
      await expect.poll(told, { timeout: MINUTE }).toEqual(['capture', 'sink']);
      expect(['none', 'changing', 'behind']).toContain(found[1]?.arrow);
    } finally {
      isOver = true;
      await changing;
    }
  },
  2 * MINUTE,
);

test(
  'a target that stands still has lost nothing, and what was not read is not known',
  async () => {
    await job.drained();
    await job.end('sink', 'SIGTERM');
    await source.run(changed(ids[7], 'on its way'));
    const [late] = await traced(ids[7] ?? '');
    expect(late).toMatchObject({
      arrow: 'behind',
      targets: [expect.stringMatching(/^target[12]$/)],
    });
    job.start('sink');
    await job.drained();
    const bounded = ['--json', '--records', '1', '--keys', `customers:${ids[2]}`];
    const { out, code } = await callReshard('trace', job.jobFile, ...bounded);
    expect([code, JSON.parse(out).keys[0].arrow]).toEqual([4, 'unknown']);
  },
  2 * MINUTE,
);

test(
  'of two sources the one is named that has lost it, and neither for what the other one has done',
  async () => {
    const [moved, lost] = [900_021, 900_022];
    for (const id of [moved, lost]) await job.onSource(0, ordered(id, 2));
    await job.drained();
    for (const id of [moved, lost]) {
      const gone = `DELETE FROM orders WHERE order_id = ${id}`;
      await (id === lost ? unlogged(gone) : job.onSource(0, gone));
      await job.drained();
      await job.onSource(1, ordered(id, 3));
    }
    const second = 1_900_000_001;
    await job.onSource(1, added(String(second)));
    await job.drained();
    await unlogged(changed(String(second), 'not in the log of s2'), 1);
    const found = await traced(`orders:${moved}`, `orders:${lost}`, String(second));
    const [s1, s2] = [sourceName(job.name, 0), sourceName(job.name, 1)];
    expect(found.map(k => [k.arrow, k.source])).toEqual([
      ['none', s2],
      ['capture', s1],
      ['capture', s2],
    ]);
    expect(found[1]?.why).toBe('the source has no such row, and the log has not its delete');
  },
  2 * MINUTE,
);

test(
  'a record that compaction may have removed accuses nobody',
  async () => {
    expect(arrows(await traced('900001'))).toEqual(['sink']);
    await using configs = await KafkaConfigs.open(servers().brokers);
    const topic = job.topic('customers');
    await configs.topic(topic, { 'cleanup.policy': 'compact' });
    expect(arrows(await traced('900001', ids[2] ?? ''))).toEqual(['unknown', 'sink']);
    await configs.topic(topic, { 'cleanup.policy': 'delete' });
  },
  MINUTE,
);

test(
  'what a check has listed is traced, and equal behind a repair',
  async () => {
    expect((await job.verify()).code).toBe(4);
    const found = await traced();
    expect(new Set(arrows(found))).toEqual(new Set(['capture', 'sink']));
    const text = await callReshard('trace', job.jobFile);
    expect(text.out).toMatch(/lost between the source and the log: 4 keys/);
    expect((await callReshard('repair', job.jobFile, '--yes', '--json')).code).toBe(0);
    const keys = found.map(k => `${k.table}:${Object.values(k.key).join()}`);
    const after = await traced(...keys);
    expect(new Set(arrows(after))).toEqual(new Set(['none']));
  },
  3 * MINUTE,
);
