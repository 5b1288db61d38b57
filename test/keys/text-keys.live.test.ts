/**
 * T1, T2 and I6, I7, I9 for keys that are text, in the collations that servers have: copied and
 * followed while other spellings of the same keys come and go, with a killed writer; checked and
 * repaired, by the bytes of every key. A consumer that compares bytes ends equal too.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TracedKey } from '../../services/control/repair/trace.ts';
import { newSeed } from '../support/load/random.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { type Flavor, type Servers, startServers } from '../support/servers/servers.ts';
import { KeyJob } from './key-job.ts';
import { MARIADB_TABLES, MYSQL_TABLES } from './key-tables.ts';

const MINUTES = 60_000;
const ROWS = 600;
const SEED = Number(process.env.RESHARD_SEED ?? newSeed());

let mysql: Servers;

beforeAll(async () => {
  const of = (flavor: Flavor, first: number) =>
    ['source', 'target1', 'target2'].map((name, i) => {
      return { name: `${flavor}-${name}`, serverId: first + i, flavor };
    });
  mysql = await startServers({ mysql: [...of('mysql', 171), ...of('mariadb', 181)] });
}, 4 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test.each([
  ['mysql', MYSQL_TABLES],
  ['mariadb', MARIADB_TABLES],
] as const)(
  '%s: text keys in any spelling are copied, followed, checked and repaired byte for byte',
  async (flavor, tables) => {
    console.log(`seed ${SEED} (RESHARD_SEED=${SEED} repeats it)`);
    const at = (name: string) => mysql.mysql(`${flavor}-${name}`).endpoint;
    const targets = [at('target1'), at('target2')];
    await using job = await KeyJob.prepare({ source: at('source'), targets, tables, rows: ROWS });
    const stop = job.load(4, SEED);
    job.start();
    await job.until('some rows', s => s.tables.some(t => t.done > 0), 3 * MINUTES);
    await job.kill('binlog');
    job.start('binlog');
    await job.until('the copy', s => s.tables.every(t => t.complete), 2 * MINUTES);
    const changes = await stop();
    console.log(`${changes} changes`);
    expect(changes).toBeGreaterThan(500);
    await job.until('the end of the log', s => s.drained, 2 * MINUTES);
    await job.expectEqual();
    await using consumer = await job.plainConsumer();
    await job.expectFollowed(consumer);
    const verify = await callReshard('verify', job.jobFile, '--json', '--timeout', '120');
    expect(verify.code, verify.err).toBe(0);
    await damage(job);
    const found = await callReshard('verify', job.jobFile, '--json', '--timeout', '120');
    expect(found.code, found.err).toBe(4);
    expect(await tracedArrows(job)).toEqual(['sink']);
    expect(await tracedArrows(job, '--keys', 'k_case:traced')).toEqual(['capture']);
    const repair = await callReshard('repair', job.jobFile, '--yes', '--json', '--timeout', '120');
    expect(repair.code, repair.err).toBe(0);
    await job.expectEqual();
    await job.expectFollowed(consumer);
  },
  8 * MINUTES,
);

/** Of keys that differ where they were lost, without doubles. */
async function tracedArrows(job: KeyJob, ...of: string[]): Promise<string[]> {
  const { out, err } = await callReshard('trace', job.jobFile, '--json', ...of);
  expect(err).toBe('');
  const { keys }: { keys: TracedKey[] } = JSON.parse(out);
  return [...new Set(keys.map(k => k.arrow))].sort();
}

/**
 * On the targets other spellings, of which one is the only thing that differs, and lost rows; on
 * the source a row that is in no log.
 */
async function damage(job: KeyJob): Promise<void> {
  await using source = await job.sql();
  await source.run('SET SESSION sql_log_bin = 0');
  await source.insist("INSERT INTO k_case VALUES ('traced', 1, 1, 1)");
  for (const target of [0, 1]) {
    const client = await job.sql(target);
    const some = (table: string, from: number, count: number): string =>
      `k IN (SELECT k FROM (SELECT k FROM ${table} ORDER BY k LIMIT ${count} OFFSET ${from}) AS x)`;
    for (const table of ['k_default', 'k_general', 'k_two']) {
      const spelt = `UPDATE ${table} SET k = UPPER(k) WHERE ${some(table, 40, 10)}`;
      expect(await client.run(spelt), spelt).toBeGreaterThan(5);
      // A text may be in several rows of a key of two columns.
      const lost = await client.insist(`DELETE FROM ${table} WHERE ${some(table, 90, 5)}`);
      expect(lost).toBeGreaterThanOrEqual(5);
    }
    await client.insist(`UPDATE k_pad SET k = CONCAT(k, ' ') WHERE ${some('k_pad', 40, 3)}`);
    await client.close();
  }
}
