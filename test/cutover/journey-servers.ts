/** The servers of a journey: their names, and what is on them before it begins. */
import type { Way } from '../../shared/job/state/cutover.ts';
import type { MysqlServer } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';
import { LEDGER_DDL } from './ledger.ts';
import type { Shelves } from './shelf.ts';

export const APP = { user: 'app', password: 'app' };
/** Of each client. */
export const ACCOUNTS = 4;
/** Servers of a journey at most: each gives out ids of its own. */
const STEPS = 8;

/** Names of the servers that a journey needs: s1, s2 ... t1, t2 ... */
export function serverNames(o: { sources: number; targets: number }): string[] {
  const named = (letter: string, n: number): string[] =>
    Array.from({ length: n }, (_, i) => `${letter}${i + 1}`);
  return [...named('s', o.sources), ...named('t', o.targets)];
}

export function databaseOf(name: string): string {
  return name.replace('-', '_');
}

/** Tables and accounts on the sources, empty databases on the targets; ids are apart on all. */
export async function fill(
  { back, over }: Record<Way, readonly MysqlServer[]>,
  database: string,
  clients: number,
  shelves: Shelves,
): Promise<void> {
  for (const [i, server] of [...back, ...over].entries()) {
    await using client = await LoadClient.open(server);
    // Kept by a server that is killed: without its steps it would give out ids of others.
    await client.run(`SET PERSIST auto_increment_increment = ${STEPS}`);
    await client.run(`SET PERSIST auto_increment_offset = ${i + 1}`);
    await client.run('SET PERSIST max_connections = 3000');
    await client.run(`CREATE DATABASE ${database}`);
    await client.run(`CREATE USER IF NOT EXISTS ${APP.user}@'%' IDENTIFIED BY '${APP.password}'`);
    await client.run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${database}.* TO ${APP.user}@'%'`);
  }
  for (const [shard, server] of back.entries()) {
    await using client = await LoadClient.open(server, database);
    for (const sql of LEDGER_DDL) await client.run(sql);
    const all = Array.from({ length: clients * ACCOUNTS }, (_, account) => account);
    const rows = all.filter(a => a % back.length === shard).map(a => `(${a}, 0)`);
    await client.run(`INSERT INTO accounts VALUES ${rows.join(', ')}`);
    await shelves.fill(client, shard, back.length);
  }
}
