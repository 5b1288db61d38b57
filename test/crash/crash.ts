/**
 * Crash points, one after the other: a job under live writes, the service killed (SIGKILL, by
 * itself) exactly there, started again, and at the end source and targets compared row for row.
 */
import { FAILPOINTS, type Failpoint } from '../../shared/runtime/failpoint.ts';
import { SERVICES, type Service, ShopJob } from '../pipeline/shop-job.ts';
import type { Servers } from '../support/servers/servers.ts';

/** Small chunks, so that every crash point is passed many times. */
const SLOW_COPY = { chunkRows: 150, chunkBytes: 16 * 1024, inFlightBytes: 1024 * 1024 };
const ORDERS = 3000;
const KILL_MS = 60_000;

export interface CrashResult {
  failpoint: Failpoint;
  service: Service;
  /** Which passing of the place was the last one of the process. */
  nth: number;
  /** The process was killed at the place. */
  killed: boolean;
  equal: boolean;
  /** From the kill to all rows copied, the load stopped and all applied, seconds. */
  seconds: number;
  error: string | null;
}

/** How often a place is passed before the kill: 1 is the first time, in the middle of the copy. */
const NTH: Partial<Record<Failpoint, number>> = {
  'snapshot.before-publish': 4,
  'snapshot.after-publish': 4,
  'snapshot.mid-chunk': 300,
  'binlog.before-commit': 12,
  'binlog.after-commit': 12,
  'binlog.mid-chunk': 5,
  'log.before-produce': 12,
  'log.after-produce': 12,
  'sink.before-commit': 20,
  'sink.after-commit': 20,
  'sink.mid-park': 1,
};

export const CRASHES: { failpoint: Failpoint; service: Service; nth: number }[] = Object.values(
  FAILPOINTS,
).map(failpoint => ({ failpoint, service: serviceOf(failpoint), nth: NTH[failpoint] ?? 1 }));

/** `log.*` are places of the writer to Kafka, which is the binlog service. */
function serviceOf(failpoint: Failpoint): Service {
  const room = failpoint.split('.')[0];
  const service = room === 'log' ? 'binlog' : room;
  const found = SERVICES.find(s => s === service);
  if (found === undefined) throw new Error(`no service has the crash point ${failpoint}`);
  return found;
}

export async function crashAt(
  mysql: Servers,
  { failpoint, service, nth }: (typeof CRASHES)[number],
): Promise<CrashResult> {
  await using job = await ShopJob.prepare({ mysql, orders: ORDERS, options: SLOW_COPY });
  const result: CrashResult = {
    failpoint,
    service,
    nth,
    killed: false,
    equal: false,
    seconds: 0,
    error: null,
  };
  await using load = job.load(250);
  job.start(...SERVICES.filter(s => s !== service));
  const ended = job.startArmed(service, `${failpoint}:${nth}`);
  const code = await Promise.race([ended, timeout(KILL_MS)]);
  result.killed = code === 128;
  const from = performance.now();
  try {
    if (!result.killed) throw new Error(`not killed at ${failpoint} (exit ${code})`);
    job.start(service);
    await job.copied();
    const stats = await load.stop();
    if (stats.total('done') < 10) throw new Error('there was no load to speak of');
    await job.drained();
    await job.expectEqual();
    result.equal = true;
  } catch (e) {
    result.error = e instanceof Error ? e.message : String(e);
  }
  result.seconds = Math.round((performance.now() - from) / 100) / 10;
  return result;
}

/** -1 after the time. */
function timeout(ms: number): Promise<number> {
  return new Promise(resolve => setTimeout(() => resolve(-1), ms).unref());
}

export function crashTable(results: readonly CrashResult[]): string {
  const head = ['failpoint', 'service', 'nth', 'killed', 'equal', 'to drained'];
  const rows = results.map(r => [
    r.failpoint,
    r.service,
    String(r.nth),
    r.killed ? 'yes' : 'NO',
    r.equal ? 'yes' : 'NO',
    `${r.seconds.toFixed(1)} s`,
  ]);
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => r[i]?.length ?? 0)));
  const line = (cells: string[]): string =>
    cells.map((c, i) => c.padEnd(widths[i] ?? 0)).join('  ');
  return [head, ...rows].map(line).join('\n');
}
