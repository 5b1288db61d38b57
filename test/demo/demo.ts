/**
 * The main job on real servers, as a user would do it by hand: only servers, data and load are
 * made here; everything about the job is done by the `reshard` command.
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { aborted } from '../../shared/runtime/service.ts';
import { writeJobFile } from '../support/job-file.ts';
import { createDatabase, fillSource } from '../support/load/fill.ts';
import { Load, type LoadStats } from '../support/load/load.ts';
import { IdSpace, LOAD_TABLES, SHARD_COLUMN } from '../support/load/tables.ts';
import { oracle } from '../support/oracle.ts';
import { spawnReshard } from '../support/reshard-cli.ts';
import { cacheRoot } from '../support/servers/cache.ts';
import { DemoFailure, JobRun } from './job-run.ts';
import { keepRunning } from './keep.ts';
import { count, type Narrator, seconds } from './narrator.ts';
import { type DemoOptions, ordersPerSource } from './options.ts';
import { DATABASE, openSites, type Sites } from './sites.ts';
import { copyFigures, loadText, type Summary } from './summary.ts';

/** Verdict of `reshard verify`. */
const VERIFIED = 0;
const DIFFERENT = 4;

export type Demo = {
  options: DemoOptions;
  narrator: Narrator;
  /** Where the CLI's views and verdicts go. */
  view: { fd: number };
  signal: AbortSignal;
  onSummary: (summary: Summary) => void;
};

export async function runDemo(demo: Demo): Promise<void> {
  const { options, narrator } = demo;
  const startedAt = performance.now();
  const dir = path.join(cacheRoot(), 'demo');
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  narrator.say(`seed ${options.seed}: repeats this run with --seed ${options.seed}`);

  narrator.step(
    `Kafka, schema registry, ${options.sources} source and ${options.targets} target MySQL servers`,
  );
  const opening = openSites(options.sources, options.targets, line => {
    narrator.progress(line);
  });
  // Servers on their way up are ended when this process exits.
  await using sites = await Promise.race([opening, interruption(demo.signal)]);
  await fill(demo, sites);

  const job = `demo-${Date.now().toString(36).slice(-5)}`;
  const jobFile = writeJobFile({ dir, job, servers: sites, ...sites, database: DATABASE });
  narrator.step(`job file ${jobFile}`);
  narrator.say(
    `tables ${LOAD_TABLES.join(', ')} to targets by ${SHARD_COLUMN} % ${options.targets}`,
  );

  await using load = new Loads(startLoads(demo, sites));
  narrator.step('reshard up: snapshot and binlog at the same time, while the load goes on');
  await using run = JobRun.start(jobFile, dir);
  const done = await copyAndDrain(demo, run, load);

  narrator.step('reshard verify: the checker compares all ranges of source and targets');
  const verify = await timed(() => spawnReshard(['verify', jobFile], demo.view).exited);
  if (verify.value !== VERIFIED && verify.value !== DIFFERENT) {
    throw new DemoFailure(`reshard verify failed; logs in ${run.logDir}`);
  }

  narrator.step('the independent oracle: dumps both sides, ordered, and compares row by row');
  const named = (list: Sites['sources'], letter: string) =>
    list.map((s, i) => ({ ...s, name: `${letter}${i + 1}`, database: DATABASE }));
  const judged = await timed(() =>
    oracle({
      sources: named(sites.sources, 's'),
      targets: named(sites.targets, 't'),
      tables: LOAD_TABLES.map(name => ({ name, shardColumn: SHARD_COLUMN })),
    }),
  );
  demo.onSummary({
    seed: options.seed,
    ...done,
    verifyMs: verify.ms,
    oracleMs: judged.ms,
    totalMs: performance.now() - startedAt,
    verified: verify.value === VERIFIED,
    oracle: judged.value,
    equal: verify.value === VERIFIED && judged.value.equal,
  });
  if (options.keep) await keepRunning(demo, sites, jobFile, run.logDir);
  narrator.step('stopping the job and the servers');
}

async function interruption(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw new DemoFailure('interrupted');
}

/** Follows the job until the copy is complete, the load has stopped and all is applied. */
async function copyAndDrain(demo: Demo, run: JobRun, load: Loads) {
  const { options, narrator, signal, view } = demo;
  const copied = await run.until(s => s.tables.every(t => t.complete), signal, view);
  const following = await run.until(s => s.phase !== 'copying', signal, undefined);
  const figures = copyFigures(copied, following.sinceMs - following.startedMs);
  narrator.step(
    `copied ${count(figures.rowsCopied)} rows in ${seconds(figures.copyMs)}; ` +
      `the load goes on for ${options.seconds} s`,
  );
  const until = performance.now() + options.seconds * 1000;
  await run.until(() => performance.now() >= until, signal, options.seconds > 2 ? view : undefined);
  const stats = await load.stop();
  narrator.step('the load has stopped; the pipeline drains');
  for (const line of loadText(stats)) narrator.say(line);
  const drainFrom = performance.now();
  // A parked row waits for a unique value that another partition has yet to give up.
  const isDrained = (s: Status): boolean => s.drained && s.targets.every(t => t.parked === 0);
  const drained = await run.until(isDrained, signal, undefined);
  narrator.say(`drained in ${seconds(performance.now() - drainFrom)}`);
  return {
    ...figures,
    records: drained.sources.reduce((sum, s) => sum + s.records, 0),
    loadWork: stats.reduce((sum, s) => sum + s.total(), 0),
    loadRowsChanged: stats.reduce((sum, s) => sum + s.rows, 0),
    drainMs: performance.now() - drainFrom,
  };
}

async function fill({ options, narrator }: Demo, sites: Sites): Promise<void> {
  const perSource = ordersPerSource(options);
  narrator.step(`filling ${options.sources} source(s) with ${count(perSource)} orders each`);
  for (const [source, endpoint] of sites.sources.entries()) {
    const filled = await fillSource({
      endpoint,
      database: DATABASE,
      source,
      orders: perSource,
      seed: options.seed,
      onProgress: (rows, of) => narrator.progress(`${count(rows)} of about ${count(of)} rows`),
    });
    const { customers, orders, items } = filled;
    narrator.say(`${count(customers)} customers, ${count(orders)} orders, ${count(items)} items`);
  }
  for (const target of sites.targets) await createDatabase(target, DATABASE);
}

function startLoads({ options, narrator }: Demo, sites: Sites): Load[] {
  const { connections, rate, seed } = options;
  const pace = rate === 0 ? 'flat out' : `${rate} pieces of work a second`;
  narrator.step(`random load from ${connections} connections to each source, ${pace}`);
  return sites.sources.map((endpoint, source) =>
    Load.start({
      endpoint,
      database: DATABASE,
      space: new IdSpace(source, ordersPerSource(options)),
      seed: seed + 1 + source,
      connections,
      ...(rate === 0 ? {} : { perSecond: rate }),
    }),
  );
}

class Loads implements AsyncDisposable {
  readonly #loads: Load[];

  constructor(loads: Load[]) {
    this.#loads = loads;
  }

  stop(): Promise<LoadStats[]> {
    return Promise.all(this.#loads.map(load => load.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#loads.map(load => load[Symbol.asyncDispose]()));
  }
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedAt = performance.now();
  const value = await work();
  return { value, ms: performance.now() - startedAt };
}
