/**
 * Crash points, one after the other: a job under live writes, the service killed (SIGKILL, by
 * itself) exactly there, started again, and at the end source and targets compared row for row.
 * A point that is not reached is a failure: each has a run that passes it for certain.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { sleep, until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS, type Failpoint } from '../../shared/runtime/failpoint.ts';
import { SERVICES, type Service, ShopJob } from '../pipeline/shop-job.ts';
import { Load } from '../support/load/load.ts';
import { WEIGHTS } from '../support/load/work.ts';
import { callReshard, type RunningCommand, spawnReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';

/** Small chunks, so that every crash point is passed many times. */
const SLOW_COPY = { chunkRows: 150, chunkBytes: 16 * 1024, inFlightBytes: 1024 * 1024 };
const ORDERS = 3000;
const KILL_MS = 180_000;
/** Keys of an ordered repair. */
const REPAIRED = 20;
const KILLED = 128;
const LOAD = { perSecond: 250, connections: 20 };
/** Unique values change hands more often than anything else, so rows are parked all the time. */
const COLLIDING = { ...WEIGHTS, swapOrderNo: 60, changeOrderNo: 30, reuseOrderNo: 30 };

/** About every hundredth row is refused by the targets. */
const POISON = 'ALTER TABLE orders ADD CONSTRAINT poison CHECK (order_id % 97 <> 0)';
const CURE = 'ALTER TABLE orders DROP CONSTRAINT poison';

/** How a point is made sure to be passed. */
type Way =
  /** It is passed by normal work. */
  | 'work'
  /** Unique values collide all the time. */
  | 'collide'
  /** Another member has worked before, and was killed. */
  | 'takeover'
  /** A second member joins, so the first one gives a part of its slots up. */
  | 'join'
  /** The targets refuse some rows, until they are cured after the kill. */
  | 'poison'
  /** A check is asked for; its verdict has to come. */
  | 'verify'
  /** A repair is ordered; the check at its end has to come. */
  | 'repair';

interface Plan {
  way: Way;
  /** Which passing of the place is the last one: 1 is the first time. */
  nth: number;
}

/** A point that is not listed must be reached at once, by normal work. */
const PLANS: Readonly<Partial<Record<Failpoint, Plan>>> = {
  'snapshot.before-publish': { way: 'work', nth: 4 },
  'snapshot.after-publish': { way: 'work', nth: 4 },
  'snapshot.mid-chunk': { way: 'work', nth: 4 },
  'binlog.before-commit': { way: 'work', nth: 12 },
  'binlog.after-commit': { way: 'work', nth: 12 },
  'binlog.mid-chunk': { way: 'work', nth: 5 },
  'binlog.mid-takeover': { way: 'takeover', nth: 1 },
  'log.before-produce': { way: 'work', nth: 12 },
  'log.after-produce': { way: 'work', nth: 12 },
  'sink.before-commit': { way: 'work', nth: 20 },
  'sink.after-commit': { way: 'work', nth: 20 },
  'sink.mid-park': { way: 'collide', nth: 3 },
  'sink.before-letter': { way: 'poison', nth: 1 },
  'sink.after-letter': { way: 'poison', nth: 1 },
  'sink.mid-rebalance': { way: 'join', nth: 1 },
  'control.after-identity': { way: 'work', nth: 1 },
  'control.mid-prepare': { way: 'work', nth: 1 },
  'control.after-plan': { way: 'work', nth: 2 },
  'control.before-phase': { way: 'work', nth: 1 },
  'control.after-phase': { way: 'work', nth: 1 },
  'control.mid-repair': { way: 'repair', nth: 1 },
  'control.after-repair-round': { way: 'repair', nth: 1 },
  'checker.before-verdict': { way: 'verify', nth: 1 },
};

export interface Crash extends Plan {
  failpoint: Failpoint;
  service: Service;
}

export interface CrashResult extends Crash {
  /** The process was killed at the place. */
  killed: boolean;
  equal: boolean;
  /** From the kill to all rows copied, the load stopped and all applied. */
  seconds: number;
  error: string | null;
}

/** Those of what ends the job are passed by the tests of that. */
const ofServices = Object.values(FAILPOINTS).filter(
  name => !/^(drop|cutover|cleanup|handover)\./.test(name),
);

export const CRASHES: readonly Crash[] = ofServices.map(failpoint => ({
  failpoint,
  service: serviceOf(failpoint),
  ...(PLANS[failpoint] ?? { way: 'work', nth: 1 }),
}));

/** `log.*` are places of the writer to Kafka, which is the binlog service. */
function serviceOf(failpoint: Failpoint): Service {
  const room = failpoint.split('.')[0];
  const service = room === 'log' ? 'binlog' : room;
  const found = SERVICES.find(s => s === service);
  if (found === undefined) throw new Error(`no service has the crash point ${failpoint}`);
  return found;
}

export async function crashAt(mysql: Servers, crash: Crash): Promise<CrashResult> {
  const { service, failpoint } = crash;
  await using job = await ShopJob.prepare({ mysql, orders: ORDERS, options: SLOW_COPY });
  const result: CrashResult = { ...crash, killed: false, equal: false, seconds: 0, error: null };
  await using stack = new AsyncDisposableStack();
  const load = stack.use(loadOf(job, crash));
  let from = performance.now();
  try {
    const { ended, companion, verdict } = await armed(job, crash);
    if (companion) stack.defer(() => end(companion));
    const limit = new AbortController();
    const code = await Promise.race([ended, sleep(KILL_MS, limit.signal)]);
    limit.abort();
    result.killed = code === KILLED;
    from = performance.now();
    if (!result.killed) throw new Error(`not killed at ${failpoint} (exit ${code})`);
    if (crash.way === 'poison') await onTargets(job, CURE);
    job.start(service);
    await job.copied();
    if (verdict && (await verdict).code !== 0) throw new Error('the check says: not equal');
    const stats = await load.stop();
    if (stats.total('done') < 10) throw new Error('there was no load to speak of');
    await job.drained();
    await job.expectEqual();
    result.equal = true;
  } catch (e) {
    result.error = e instanceof Error ? e.message : String(e);
  }
  result.seconds = (performance.now() - from) / 1000;
  return result;
}

function loadOf(job: ShopJob, { way }: Crash): Load {
  const { source: endpoint, database, space, seed } = job;
  const weights = way === 'collide' ? COLLIDING : WEIGHTS;
  return Load.start({ endpoint, database, space, seed: seed + 1, weights, ...LOAD });
}

async function onTargets(job: ShopJob, statement: string): Promise<void> {
  for (const number of job.targets.keys()) {
    const client = await job.sql(number);
    await client.run(statement);
    await client.close();
  }
}

interface Armed {
  /** Resolves to the exit code of the armed member. */
  ended: Promise<number>;
  /** A member besides the job's own. */
  companion?: RunningCommand;
  verdict?: Promise<{ code: number }>;
}

/** Starts all services, one of them armed, and does what makes it pass the place. */
async function armed(job: ShopJob, { service, failpoint, nth, way }: Crash): Promise<Armed> {
  const arm = (): Promise<number> => job.startArmed(service, `${failpoint}:${nth}`);
  if (way === 'takeover') {
    job.start(...SERVICES);
    await job.until('the copy to begin', s => s.tables.some(t => t.done > 0), KILL_MS);
    await job.end(service, 'SIGKILL');
    return { ended: arm() };
  }
  job.start(...SERVICES.filter(s => s !== service));
  if (way === 'poison') {
    await job.copied();
    await onTargets(job, POISON);
  }
  const ended = arm();
  if (way === 'verify') {
    await job.copied();
    const verdict = job.verify();
    verdict.catch(() => undefined);
    return { ended, verdict };
  }
  if (way === 'repair') {
    await job.copied();
    const keys = Array.from({ length: REPAIRED }, (_, i) => `orders:${job.space.orderId(i)}`);
    const args = ['--yes', '--json', '--timeout', '120', '--keys', ...keys];
    return { ended, verdict: callReshard('repair', job.jobFile, ...args) };
  }
  if (way !== 'join') return { ended };
  const holds = (): boolean => textOf(job, service).includes('slots taken over');
  await until(holds, { timeoutMs: KILL_MS, what: `${service} to hold slots` });
  const log = path.join(job.dir, `${service}-2.log`);
  const env = { RESHARD_LOG_JSON: '1' };
  return { ended, companion: spawnReshard(['service', service, job.jobFile], { log, env }) };
}

function textOf(job: ShopJob, service: Service): string {
  return readFileSync(path.join(job.dir, `${service}.log`), 'utf8');
}

async function end(command: RunningCommand): Promise<void> {
  command.kill('SIGTERM');
  await command.exited;
}

export function crashTable(results: readonly CrashResult[]): string {
  const head = ['failpoint', 'service', 'nth', 'way', 'killed', 'equal', 'to drained'];
  const rows = results.map(r => [
    r.failpoint,
    r.service,
    String(r.nth),
    r.way,
    r.killed ? 'yes' : 'NO',
    r.equal ? 'yes' : 'NO',
    `${r.seconds.toFixed(1)} s`,
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => r[i]?.length ?? 0)));
  const line = (cells: string[]): string =>
    cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join('  ');
  const good = results.filter(r => r.killed && r.equal).length;
  const sum = `${good} of ${results.length} crash points: killed there, and equal at the end`;
  return [...[head, ...rows].map(line), sum].join('\n');
}
