/**
 * `npm run bench`: how fast each stage is, alone and flat out, with CPU seconds and peak memory of
 * every process. The machine's speed varies: compare runs in pairs, quote ratios.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { endAtSignals } from '../support/end-at-signals.ts';
import { cacheRoot } from '../support/servers/cache.ts';
import { plainWriteStage, replicationStage } from './beside.ts';
import { besideCheckStages, checksumStage, dumpStage } from './compare.ts';
import { type CostRun, costRun, costTable, VARIANTS } from './cost.ts';
import { latencyStage } from './latency.ts';
import { type BenchServers, Rig } from './rig.ts';
import {
  binlogStage,
  changesEndToEndStage,
  checkerStage,
  clean,
  endToEndStage,
  type StageResult,
  sinkStage,
  snapshotStage,
} from './stages.ts';
import { type StartMarks, startStage, startTable } from './start.ts';

const USAGE = `npm run bench -- [options]
  --rows N        rows of the copied table (300000; end to end 1000000)
  --events N      changes of each binlog run (300000)
  --stages LIST   of snapshot,sink,plain,binlog,stream,native,latency,check,compare,e2e (all); plain
                  is what mysql2 writes alone, native is MySQL's own replication, compare other
                  ways to compare rows; start, which runs alone, is from \`reshard up\` to the
                  first row on a target, on a broker that gives leases at once and on one as it
                  comes, which waits 3 s for other members; cost, which runs alone, is the changes
                  of stream by jobs without and with the way back and the streaming check, in turns
  --rounds N      rounds of cost (3)
  --variants LIST of cost: ${VARIANTS.map(v => v.name).join(', ')} (all)
  --profile DIR   a CPU profile of each service of cost
  --seconds N     length of the latency run (30)
  --seed N        seed of the changes (1)
  --servers FILE  use running servers: {brokers, registryUrl, mysql: {s1, t1, t2}, pids}
  --out FILE      where the results go as JSON (bench-results.json in the cache folder)
  --short         small numbers, to see that all of it works`;

const { values: opt } = parseArgs({
  options: {
    rows: { type: 'string' },
    events: { type: 'string' },
    stages: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    servers: { type: 'string' },
    out: { type: 'string' },
    rounds: { type: 'string' },
    variants: { type: 'string' },
    profile: { type: 'string' },
    short: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const TABLE = 'orders';
const rows = Number(opt.rows ?? (opt.short ? 20_000 : 300_000));
const e2eRows = Number(opt.rows ?? (opt.short ? 20_000 : 1_000_000));
const events = Number(opt.events ?? (opt.short ? 20_000 : 300_000));
const seconds = Number(opt.seconds ?? (opt.short ? 5 : 30));
const seed = Number(opt.seed);
const STAGES = [
  'snapshot',
  'sink',
  'plain',
  'binlog',
  'stream',
  'native',
  'latency',
  'check',
  'compare',
  'e2e',
];
const START = 'start';
const START_RUNS = 5;
const START_ROWS = 5000;
const wanted = new Set(opt.stages?.split(',') ?? STAGES);
const COST = 'cost';
const alone = wanted.size === 1 ? [...wanted].find(s => s === START || s === COST) : undefined;
const unknown = alone !== undefined ? undefined : [...wanted].find(s => !STAGES.includes(s));
if (unknown !== undefined) {
  process.stderr.write(
    `no stage "${unknown}"; there are ${STAGES.join(', ')}, and start or cost alone\n`,
  );
  process.exit(2);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function show(r: StageResult): void {
  const rate = r.p50Ms === undefined ? `${r.perSecond} /s` : `p50 ${r.p50Ms} ms, p99 ${r.p99Ms} ms`;
  const steady = r.steadyPerSecond ? `, steady ${r.steadyPerSecond} /s` : '';
  process.stdout.write(
    `\n${r.stage}\n  ${r.count} in ${r.seconds.toFixed(1)} s: ${rate}${steady}\n`,
  );
  for (const [name, use] of Object.entries(r.use)) {
    if (use.cpuSeconds < 0.05) continue;
    const each = r.count > 0 ? ((use.cpuSeconds * 1e6) / r.count).toFixed(1) : '-';
    process.stdout.write(
      `  ${name.padEnd(10)} ${use.cpuSeconds.toFixed(1).padStart(7)} s CPU ` +
        `${each.padStart(7)} us each ${String(use.peakMb).padStart(6)} MB peak\n`,
    );
  }
}

async function run(servers: BenchServers, dir: string): Promise<StageResult[]> {
  const results: StageResult[] = [];
  const note = (r: StageResult): void => {
    results.push(r);
    show(r);
  };
  const stamp = Date.now().toString(36);
  if (STAGES.some(s => s !== 'e2e' && wanted.has(s))) {
    await using rig = new Rig(servers, { dir, name: `bench-${stamp}`, table: TABLE });
    await clean(rig, TABLE);
    say(`filling ${rows} rows and copying them to the topic`);
    note(await snapshotStage(rig, TABLE, rows));
    if (STAGES.some(s => !['snapshot', 'e2e'].includes(s) && wanted.has(s))) {
      say('from the topic to the targets');
      note(await sinkStage(rig, 'sink: topic to two targets, snapshot rows', rows));
    }
    if (wanted.has('plain')) {
      say('the same rows by plain multi-row statements');
      note(await plainWriteStage(rig, rows));
    }
    let backlogs = 0;
    if (wanted.has('binlog')) {
      for (const size of [1000, 5]) {
        await rig.stop('sink');
        say(`changes in transactions of ${size} rows`);
        const r = await binlogStage(rig, TABLE, { events, size, seed, run: backlogs++ });
        note(r);
        note(await sinkStage(rig, `sink: those ${size}-row changes to two targets`, r.count));
      }
    }
    if (wanted.has('stream')) {
      say('changes in transactions of 5 rows, end to end');
      note(await changesEndToEndStage(rig, TABLE, { events, size: 5, seed, run: backlogs++ }));
    }
    if (wanted.has('native')) {
      say("the same by MySQL's own replication");
      note(await replicationStage(rig, { events, size: 5, seed }));
    }
    if (wanted.has('latency')) {
      say('latency at a steady pace');
      const pace = { perSecond: 500, seconds, warmSeconds: Math.min(10, seconds) };
      note(await latencyStage(rig, TABLE, pace));
    }
    if (wanted.has('check')) {
      say('full check');
      note(await checkerStage(rig, TABLE));
    }
    if (wanted.has('compare')) {
      say('the same rows compared in other ways, and point queries beside a check');
      if (!wanted.has('check')) note(await checkerStage(rig, TABLE));
      note(await checksumStage(rig, TABLE));
      note(await dumpStage(rig, TABLE));
      for (const result of await besideCheckStages(rig, TABLE)) note(result);
    }
  }
  if (wanted.has('e2e')) {
    await using rig = new Rig(servers, { dir, name: `bench-e2e-${stamp}`, table: TABLE });
    await clean(rig, TABLE);
    say(`end to end, ${e2eRows} rows`);
    note(await endToEndStage(rig, TABLE, e2eRows));
  }
  return results;
}

/** Starts of jobs of their own, one after the other. */
async function runStarts(servers: BenchServers, dir: string): Promise<StartMarks[]> {
  const runs: StartMarks[] = [];
  const stamp = Date.now().toString(36);
  for (let i = 1; i <= (opt.short ? 1 : START_RUNS); i++) {
    await using rig = new Rig(servers, { dir, name: `bench-start-${stamp}-${i}`, table: TABLE });
    await clean(rig, TABLE);
    runs.push(await startStage(rig, TABLE, Number(opt.rows ?? START_ROWS)));
  }
  process.stdout.write(`\nfrom \`reshard up\` on, ${runs.length} runs\n${startTable(runs)}\n`);
  return runs;
}

/** A broker that gives the first lease of a group at once, and one that waits as by default. */
async function startsOnBothBrokers(dir: string): Promise<Record<string, StartMarks[]>> {
  const atOnce = await withServers(false, servers => runStarts(servers, dir));
  say('the same on a broker that lets the first member of a group wait 3 s for others');
  return { atOnce, asItComes: await withServers(true, servers => runStarts(servers, dir)) };
}

/** Each variant once a round, so that what the machine does meanwhile is shared by all. */
async function runCosts(servers: BenchServers, dir: string): Promise<CostRun[]> {
  const runs: CostRun[] = [];
  const names = opt.variants?.split(',');
  const variants = VARIANTS.filter(v => names === undefined || names.includes(v.name));
  const profileDir = opt.profile;
  for (let round = 1; round <= Number(opt.rounds ?? (opt.short ? 1 : 3)); round++) {
    for (const variant of variants) {
      const stamp = `${Date.now().toString(36)}-${runs.length}`;
      const run = { dir, stamp, table: TABLE, rows, events, seed, profileDir };
      say(`round ${round}: ${variant.name}`);
      runs.push(await costRun(servers, variant, run));
      say(costTable(runs.slice(-1)).split('\n')[0] ?? '');
    }
  }
  process.stdout.write(`\n${costTable(runs)}\n`);
  return runs;
}

function stages(dir: string): Promise<StageResult[]> {
  return withServers(false, servers => run(servers, dir));
}

async function withServers<T>(
  asItComes: boolean,
  work: (servers: BenchServers) => Promise<T>,
): Promise<T> {
  const { benchServers } = await import('./servers.ts');
  await using up = await benchServers(opt.servers, { say, asItComes });
  return await work(up.servers);
}

function resultsIn(dir: string): Promise<unknown> {
  if (alone === START) return startsOnBothBrokers(dir);
  if (alone === COST) return withServers(false, servers => runCosts(servers, dir));
  return stages(dir);
}

async function main(): Promise<void> {
  if (opt.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const dir = path.join(cacheRoot(), 'bench');
  mkdirSync(dir, { recursive: true });
  const results = await resultsIn(dir);
  const file = opt.out ?? path.join(dir, 'bench-results.json');
  const machine = { cpus: os.cpus().length, memoryGb: Math.round(os.totalmem() / 2 ** 30) };
  const { version } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  );
  const at = new Date().toISOString();
  writeFileSync(file, `${JSON.stringify({ at, version, machine, seed, results }, null, 2)}\n`);
  process.stdout.write(`\nresults as JSON: ${file}\n`);
}

endAtSignals();
await main();
process.exit();
