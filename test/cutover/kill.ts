/**
 * A cutover, or a rollback, in which something is killed at a step: control, which kills itself
 * there; or control stands there, stopped, while a member, a server or the broker is killed. What
 * comes of it must be one of two: undone, and writes are open, or finished.
 */
import { readFileSync } from 'node:fs';
import type { Way } from '../../shared/job/state/cutover.ts';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS, type Failpoint } from '../../shared/runtime/failpoint.ts';
import type { Servers } from '../support/servers/servers.ts';
import type { Journey } from './journey.ts';

export const KINDS = ['control', 'sink', 'binlog', 'source', 'target', 'broker'] as const;
export type Kind = (typeof KINDS)[number];

/** Steps of a cutover, in their order. */
export const POINTS = Object.values(FAILPOINTS).filter(name => name.startsWith('cutover.'));

export interface Kill {
  kind: Kind;
  point: Failpoint;
  way: Way;
}

export interface KillResult extends Kill {
  result: 'undone and open' | 'finished' | 'WRONG';
  seconds: number;
  wrong: string[];
}

const MINUTES = 60_000;
/** Until the step is come to, gates that are looked at again included. */
const STEP_MS = 6 * MINUTES;
/** From the journal on a cutover is finished, before it undone: whatever dies, and whenever. */
const FINISHED: readonly Failpoint[] = POINTS.slice(POINTS.indexOf(FAILPOINTS.cutoverAfterJournal));

/** `servers`: those of the journey; the broker is killed only where it is the journey's alone. */
export async function killAt(
  journey: Journey,
  servers: Servers,
  { kind, point, way }: Kill,
): Promise<KillResult> {
  const begun = performance.now();
  const wrong: string[] = [];
  const isSelf = kind === 'control';
  await ended(journey, 'SIGTERM');
  const gone = journey.start('control', isSelf ? point : `${point}:1:stop`);
  await journey.ready(way);
  const going = journey.attempt(way);
  // It may end before the step, which comes behind the open command; refused, it never comes.
  const refused = going.then(() => new Promise<never>(() => {}));
  if (isSelf) {
    await Promise.race([gone, refused, late('control is not killed')]);
    journey.start('control');
  } else {
    const { pid } = journey.running('control');
    const stopped = until(() => isStopped(pid), {
      timeoutMs: STEP_MS,
      what: `control at ${point}`,
    });
    await Promise.race([stopped, refused]);
    const again = await killed(journey, servers, kind);
    journey.running('control').kill('SIGCONT');
    await again();
  }
  const { code, stage, error, fromMs } = await going;
  await journey.well();
  journey.stops.push({ fromMs, toMs: Date.now() });
  const isOver = journey.place === way;
  if (isOver !== (code === 0)) wrong.push(`exit code ${code}, but ${journey.place}: ${error}`);
  // What dies before the journal need not hinder it.
  if (FINISHED.includes(point) && !isOver) wrong.push(`${stage} behind the journal: ${error}`);
  await journey.app.more(30).catch(e => wrong.push(`no writes: ${e}`));
  wrong.push(...(await journey.compare()));
  journey.app.start();
  const seconds = (performance.now() - begun) / 1000;
  const result = isOver ? 'finished' : 'undone and open';
  return { kind, point, way, result: wrong.length > 0 ? 'WRONG' : result, seconds, wrong };
}

/** Kills it; answers what starts it again. */
async function killed(
  journey: Journey,
  servers: Servers,
  kind: Exclude<Kind, 'control'>,
): Promise<() => Promise<unknown>> {
  if (kind === 'sink' || kind === 'binlog') {
    journey.running(kind).kill('SIGKILL');
    await journey.running(kind).exited;
    return async () => void journey.start(kind);
  }
  const [node] = servers.kafka.nodes;
  const server = kind === 'broker' ? node : servers.mysql(kind === 'source' ? 's1' : 't1');
  if (server === undefined) throw new Error(`no ${kind}`);
  await server.kill();
  return () => server.start();
}

async function ended(journey: Journey, signal: NodeJS.Signals): Promise<void> {
  const control = journey.running('control');
  control.kill(signal);
  await control.exited;
}

/** By the kernel: stopped by a signal. */
function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

function late(what: string): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(what)), STEP_MS).unref();
  });
}

/** For people: by what is killed and where, what has come of it each way. */
export function killTable(results: readonly KillResult[]): string {
  const lines = results.map(
    r =>
      `${r.kind.padEnd(8)} ${r.way.padEnd(5)} ${r.point.padEnd(24)} ` +
      `${r.result.padEnd(16)} ${r.seconds.toFixed(0).padStart(4)} s`,
  );
  return ['killed   way   step                     result            time', ...lines].join('\n');
}
