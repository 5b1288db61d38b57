/** `npm run random`: options, rounds, exit code (0 all equal, 1 a fault was found, 2 usage). */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeError } from '../../shared/runtime/error.ts';
import { startServers } from '../support/servers/servers.ts';
import { UsageError } from '../support/usage.ts';
import { HELP, randomOptions } from './options.ts';
import { evidenceOf, runRound } from './round.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(argv: readonly string[]): Promise<number> {
  const o = randomOptions(argv);
  if (o === undefined) {
    say(HELP);
    return 0;
  }
  const begun = performance.now();
  const tell = (line: string): void =>
    say(`${((performance.now() - begun) / 1000).toFixed(1).padStart(7)} ${line}`);
  const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-random-'));
  tell(`statements and logs in ${dir}`);
  const names = ['s1', 't1', 't2'];
  await using servers = await startServers({
    kafka: true,
    registry: true,
    mysql: names.map((name, i) => ({ name, serverId: 151 + 100 * i, flavor: o.flavor })),
  });
  const endpoints = servers.endpoints();
  const [source, ...targets] = names.flatMap(n => endpoints.mysql[n] ?? []);
  if (source === undefined) throw new Error('no source');
  let failed = 0;
  let round = 0;
  const isOver = (): boolean =>
    o.minutes > 0 ? performance.now() - begun > o.minutes * 60_000 : round >= o.rounds;
  for (; !isOver(); round++) {
    const seed = (o.seed + round) >>> 0;
    const result = await runRound({
      ...o,
      servers: endpoints,
      source,
      targets,
      seed,
      dir,
      tell,
    });
    const { done, refused, rows, tables, refusedTables } = result;
    tell(
      `seed ${seed}: ${tables} tables, ${refusedTables.length} refused by the doctor, ` +
        `${done} statements, ${refused} refused by the server, ${rows} rows`,
    );
    for (const a of refusedTables) if (a.kind === 'refused') tell(`  ${a.table}: ${a.why}`);
    if (result.failures.length === 0) continue;
    failed++;
    evidenceOf(dir, seed, result);
    tell(`seed ${seed}: ${result.failures.join('\n').slice(0, 1500)}`);
  }
  tell(`${round - failed} of ${round} rounds: equal`);
  if (failed === 0) rmSync(dir, { recursive: true, force: true });
  return failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  const isUsage = e instanceof UsageError;
  process.stderr.write(`\nrandom: ${isUsage ? e.message : describeError(e)}\n`);
  process.exitCode = isUsage ? 2 : 1;
}
process.exit();
