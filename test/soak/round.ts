/**
 * One round: a job on tables of its own, a load from many connections, a storm of faults, the end.
 * `binlog`: the tables are empty when the job starts. `snapshot`: they are filled, and the load
 * runs before the job does, so that the copy meets it.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { sourceName, writeJobFile } from '../support/job-file.ts';
import { Load } from '../support/load/load.ts';
import { Random } from '../support/load/random.ts';
import { Beat } from './beat.ts';
import { Crew, type Service } from './crew.ts';
import type { Fault, FaultPlace } from './fault.ts';
import { drained, followed, type JudgedJob, judged, openConsumer, verified } from './judge.ts';
import type { Site } from './site.ts';
import { Storm } from './storm.ts';
import { createTables, emptyDatabase, KeySpace, TABLES } from './tables.ts';
import { JobWatch } from './watch.ts';
import { StatementCounts, soakWork } from './work.ts';

export type Mode = 'binlog' | 'snapshot';

export interface RoundOptions {
  site: Site;
  mode: Mode;
  name: string;
  stormMs: number;
  seed: number;
  connections: number;
  perSecond: number;
  /** Rows before the job starts, in mode `snapshot`; also the number of keys that are used. */
  rows: number;
  sizes: Readonly<Record<Service, number>>;
  faults: readonly Fault[];
  dir: string;
  tell: (line: string) => void;
  signal: AbortSignal;
}

export interface RoundResult {
  storm: Storm;
  crew: Crew;
  /** Of the storm, in seconds. */
  seconds: number;
  statements: StatementCounts;
  /** Faults that struck before the copy was complete. */
  inCopy: number;
  /** Compared by the oracle. */
  rows: number;
  records: number;
  failures: string[];
}

const PREPARE_MS = 180_000;
const SESSION_TIMEOUT_MS = 6000;
const COPY_SHARE = 0.5;
/** Small chunks, so that the copy lasts into the storm. */
const OPTIONS = {
  chunkRows: 200,
  chunkBytes: 32 * 1024,
  inFlightBytes: 1024 * 1024,
  sessionTimeoutMs: SESSION_TIMEOUT_MS,
};

export async function runRound(o: RoundOptions): Promise<RoundResult> {
  const { site, mode, name, tell } = o;
  const database = name.replaceAll('-', '_');
  const dir = path.join(o.dir, name);
  mkdirSync(dir, { recursive: true });
  const endpoint = site.source.server.endpoint;
  const isFilled = mode === 'snapshot';
  await createTables(endpoint, database, { rows: isFilled ? o.rows : 0, seed: o.seed });
  for (const target of site.targets) await emptyDatabase(target.server.endpoint, database);
  const jobFile = writeJobFile({
    dir,
    job: name,
    servers: site.servers.endpoints(),
    sources: [site.source.endpoint],
    targets: site.targets.map(t => t.endpoint),
    database,
    tables: TABLES,
    replication: Math.min(3, site.kafkaNodes),
    options: { ...OPTIONS, snapshotRowsPerSecond: isFilled ? pace(o) : 0 },
  });
  const job = { site, jobFile, job: name, source: sourceName(name, 0), database };
  const statements = new StatementCounts();
  const startLoad = (): Load =>
    Load.of(soakWork(new KeySpace(Math.max(500, o.rows / 2)), statements), {
      endpoint,
      database,
      seed: o.seed,
      connections: o.connections,
      ...(o.perSecond > 0 ? { perSecond: o.perSecond } : {}),
    });

  await using stack = new AsyncDisposableStack();
  const early = isFilled ? stack.use(startLoad()) : undefined;
  const targets = site.targets.map(t => t.server.endpoint);
  const beat = stack.use(await Beat.start({ database, source: endpoint, targets }));
  const crew = stack.use(new Crew({ jobFile, dir, sizes: o.sizes }));
  const watch = stack.use(new JobWatch(jobFile));
  const failure = (): string | undefined =>
    o.signal.aborted ? 'interrupted' : (crew.failure ?? watch.halted);
  await until('the job to be prepared', failure, () => watch.status !== undefined);
  if (!isFilled) await until('the empty copy', failure, () => watch.isCopied);
  const load = early ?? stack.use(startLoad());
  const loadFailure = (): string | undefined =>
    load.failure === undefined ? undefined : `the load has ended: ${String(load.failure)}`;
  const follower = stack.use(await openConsumer(job, 'follower'));
  tell(`${name}: the job runs, ${o.connections} connections, ${o.faults.length} kinds of faults`);

  const place: FaultPlace = {
    site,
    crew,
    active: service => watch.active(service),
    sessionTimeoutMs: SESSION_TIMEOUT_MS,
  };
  const random = new Random(o.seed, 1 << 23);
  let inCopy = 0;
  const storm = new Storm({
    place,
    faults: o.faults,
    beat,
    random,
    tell,
    // A storm without a load would prove nothing.
    failure: () => loadFailure() ?? failure(),
    onStrike: () => {
      if (!watch.isCopied) inCopy++;
    },
    works: (fault, broken, sinceMs) =>
      fault.service === undefined || watch.works(fault.service, broken.pids ?? [], sinceMs),
  });
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<string | undefined>): Promise<void> => {
    const found = await work().catch(e => `${what}: ${e instanceof Error ? e.stack : String(e)}`);
    if (found !== undefined) failures.push(found);
    tell(`${name}: ${what}: ${found === undefined ? 'ok' : 'FAILED'}`);
  };
  const stormAt = performance.now();
  await attempt('storm', async () => {
    await storm.rage(performance.now() + o.stormMs);
    return undefined;
  });
  const seconds = (performance.now() - stormAt) / 1000;
  let rows = 0;
  await attempt('load', async () => void (await load.stop()));
  await beat[Symbol.asyncDispose]();
  const isDone = (): boolean => o.signal.aborted;
  if (!isDone()) await attempt('drained', () => drained(job, failure));
  if (!isDone()) {
    await attempt('oracle', async () => {
      const verdict = await judged(job);
      rows = verdict.rows;
      return verdict.failure;
    });
    await attempt('verify', () => verified(job));
    await attempt('plain consumer that followed', () => followed(job, follower));
    await attempt('plain consumer that replays', () => replayed(job));
  }
  if (failures.length > 0) tell(`${name}: last words\n${crew.evidence()}`);
  for (const s of crew.surprises) {
    tell(
      `${name}: ${s.at} ${s.member} ended by itself (${s.code}, ${s.times} times): ${s.lastWords}`,
    );
  }
  return {
    storm,
    crew,
    seconds,
    statements,
    inCopy,
    rows,
    records: follower.records,
    failures,
  };
}

/** So slow that the copy meets the first half of the storm. */
function pace({ rows, stormMs }: RoundOptions): number {
  return Math.max(500, Math.ceil(rows / ((COPY_SHARE * stormMs) / 1000)));
}

async function replayed(job: JudgedJob): Promise<string | undefined> {
  await using consumer = await openConsumer(job, 'replay');
  return await followed(job, consumer);
}

async function until(
  what: string,
  failure: () => string | undefined,
  done: () => boolean,
): Promise<void> {
  const end = performance.now() + PREPARE_MS;
  while (!done()) {
    const found = failure();
    if (found !== undefined) throw new Error(found);
    if (performance.now() > end) throw new Error(`waited ${PREPARE_MS / 1000} s for ${what}`);
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}
