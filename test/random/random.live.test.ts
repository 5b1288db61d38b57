/**
 * I6 for tables that nobody thought of: the short form of `npm run random`, which meets others each
 * time. This one has a seed of its own (RESHARD_SEED is another): how many rows are left at the end
 * is the seed's affair, and what is counted below must not depend on luck.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { servers } from '../support/dev.ts';
import { startServers } from '../support/servers/servers.ts';
import { runRound } from './round.ts';

const SEED = 905;
const NAMES = ['s1', 't1', 't2'];

test('random tables end equal after random changes, or the doctor has refused them', async () => {
  const seed = Number(process.env.RESHARD_SEED ?? SEED);
  console.log(`seed ${seed} (RESHARD_SEED=${seed} repeats it)`);
  await using mysql = await startServers({
    mysql: NAMES.map((name, i) => ({ name, serverId: 161 + 100 * i, flavor: 'mysql' })),
  });
  const [source, ...targets] = NAMES.map(n => mysql.mysql(n).endpoint);
  if (source === undefined) throw new Error('no source');
  const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-random-'));
  const result = await runRound({
    servers: servers(),
    source,
    targets,
    flavor: 'mysql',
    seed,
    tables: 6,
    steps: 100,
    kills: 1,
    ddl: 0.04,
    dir,
    tell: line => console.log(line),
  });
  expect(result.failures, `statements and logs in ${dir}`).toEqual([]);
  // A generator whose statements are all refused would have tested nothing.
  expect(result.done).toBeGreaterThan(result.refused);
  expect(result.tables).toBeGreaterThan(2);
  expect(result.rows).toBeGreaterThan(50);
  rmSync(dir, { recursive: true, force: true });
});
