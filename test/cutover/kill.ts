/**
 * A cutover, or a rollback, in which something is killed at a step: control, which kills itself
 * there; or control stands there, stopped, while the command, a member, a server or the broker is
 * killed. What comes of it must be one of two: undone, and writes are open, or finished.
 */
import { readFileSync } from 'node:fs';
import type { Way } from '../../shared/job/state/cutover.ts';
import { until } from '../../shared/runtime/clock.ts';
import { FAILPOINTS, type Failpoint } from '../../shared/runtime/failpoint.ts';
import type { Servers } from '../support/servers/servers.ts';
import type { Attempt, Journey } from './journey.ts';

export const KINDS = [
  'control',
  'command',
  'sink',
  'binlog',
  'source',
  'target',
  'broker',
] as const;
export type Kind = (typeof KINDS)[number];

/** Each step, in their order; the place before one is that behind the one before. */
export const POINTS = Object.values(FAILPOINTS).filter(
  // Both logs are compared in front of the first journal alone, if the job file asks for it.
  name => name.startsWith('cutover.') && name !== FAILPOINTS.cutoverBeforeCompare,
);

export interface Kill {
  kind: Kind;
  point: Failpoint;
  way: Way;
}

export interface KillResult extends Kill {
  result: 'undone and open' | 'finished' | 'WRONG';
  seconds: number;
  /** Of its write stop. */
  stopMs: number | null;
  wrong: string[];
}

/** Each thing at each step, each way. */
export const ALL_KILLS: readonly Kill[] = KINDS.flatMap(kind =>
  (['over', 'back'] as const).flatMap(way => POINTS.map(point => ({ kind, way, point }))),
);

const MINUTES = 60_000;
/** Until the step is come to, gates that are looked at again included. */
const STEP_MS = 5 * MINUTES;
/** From the journal on a cutover is finished, before it undone: whatever dies, and whenever. */
const FINISHED: readonly Failpoint[] = POINTS.slice(POINTS.indexOf(FAILPOINTS.cutoverAfterJournal));

/**
 * The application may go that way now. `servers`: those of the journey; the broker is killed only
 * where it is the journey's alone.
 */
export async function killAt(journey: Journey, servers: Servers, kill: Kill): Promise<KillResult> {
  const begun = performance.now();
  const wrong: string[] = [];
  let stopMs: number | null = null;
  try {
    const end = await killed(journey, servers, kill);
    stopMs = end.stopMs;
    wrong.push(...(await wrongWith(journey, kill, end)));
    await journey.app.more(30);
    wrong.push(...(await journey.compare()));
    journey.app.start();
  } catch (e) {
    wrong.push(String(e));
  }
  const seconds = (performance.now() - begun) / 1000;
  const result = journey.place === kill.way ? 'finished' : 'undone and open';
  return { ...kill, result: wrong.length > 0 ? 'WRONG' : result, seconds, stopMs, wrong };
}

async function killed(journey: Journey, servers: Servers, kill: Kill): Promise<Attempt> {
  const { kind, point, way } = kill;
  await journey.proven(way);
  journey.arm(kind === 'control' ? point : `${point}:1:stop`);
  const going = journey.attempt(way);
  // It may end before the step, which comes behind the open command; refused, it never comes.
  const refused = going.then(() => new Promise<never>(() => {}));
  const wait = { timeoutMs: STEP_MS, everyMs: 5, what: `control at ${point}` };
  const control = journey.running('control');
  if (kind === 'control') {
    await Promise.race([until(() => !control.running, wait), refused]);
    journey.start('control');
  } else {
    await Promise.race([until(() => isStopped(control.pid), wait), refused]);
    await using stack = new AsyncDisposableStack();
    const again = await killThing(journey, servers, kind);
    stack.defer(async () => void (await again()));
    control.kill('SIGCONT');
  }
  return await going;
}

/** What is wrong with what it comes to. */
async function wrongWith(journey: Journey, kill: Kill, end: Attempt): Promise<string[]> {
  const { kind, point, way } = kill;
  const { code, stage, error, fromMs } = end;
  if (kind === 'command') await finished(journey, way);
  await journey.well();
  journey.stops.push({ fromMs, toMs: Date.now() });
  const isOver = journey.place === way;
  if (kind !== 'command' && isOver !== (code === 0)) {
    return [`exit code ${code}, but ${journey.place}: ${error}`];
  }
  // What dies before the journal need not hinder it.
  if (!isOver && FINISHED.includes(point)) return [`${stage} behind the journal: ${error}`];
  return [];
}

/** A command that dies changes nothing: the cutover goes on. */
async function finished(journey: Journey, way: Way): Promise<void> {
  await until(() => journey.place === way, { timeoutMs: STEP_MS, what: `it to be ${way}` });
}

/** Kills it; answers what starts it again. */
async function killThing(
  journey: Journey,
  servers: Servers,
  kind: Exclude<Kind, 'control'>,
): Promise<() => unknown> {
  if (kind === 'command') {
    journey.killCommand();
    return () => {};
  }
  if (kind === 'sink' || kind === 'binlog') {
    journey.running(kind).kill('SIGKILL');
    await journey.running(kind).exited;
    return () => void journey.start(kind);
  }
  const [node] = servers.kafka.nodes;
  const server = kind === 'broker' ? node : servers.mysql(kind === 'source' ? 's1' : 't1');
  if (server === undefined) throw new Error(`no ${kind}`);
  await server.kill();
  return () => server.start();
}

/** By the kernel: stopped by a signal. */
function isStopped(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
}

/**
 * Takes out of `left`, and does, what is for the way that the application can go, in that order, until
 * nothing is left or something is wrong: with that journey it stays wrong.
 */
export async function* killsOn(
  journey: Journey,
  servers: Servers,
  left: Kill[],
): AsyncGenerator<KillResult> {
  while (left.length > 0) {
    const way = journey.place === 'over' ? 'back' : 'over';
    const at = left.findIndex(k => k.way === way);
    const [kill] = at < 0 ? [] : left.splice(at, 1);
    if (kill === undefined) {
      await journey.go(way);
      continue;
    }
    const result = await killAt(journey, servers, kill);
    if (result.wrong.length > 0) {
      journey.keepsLogs = true;
      result.wrong.push(`logs: ${journey.logs}`);
    }
    yield result;
    if (result.wrong.length > 0) return;
  }
}

/** For people: by what is killed and where, what has come of it each way. */
export function killLine({ kind, way, point, result, seconds, stopMs }: KillResult): string {
  const stop = stopMs === null ? '' : `, writes refused for ${(stopMs / 1000).toFixed(1)} s`;
  return (
    `${kind.padEnd(8)} ${way.padEnd(5)} ${point.padEnd(24)} ` +
    `${result.padEnd(16)} ${seconds.toFixed(0).padStart(4)} s${stop}`
  );
}

/** The same as one table: a line for each thing and step, its results over and back. */
export function killTable(results: readonly KillResult[]): string {
  const rows = KINDS.flatMap(kind => POINTS.map(point => ({ kind, point }))).flatMap(row => {
    const of = (way: Way): string =>
      results
        .filter(r => r.kind === row.kind && r.point === row.point && r.way === way)
        .map(r => `${r.result} (${r.seconds.toFixed(0)} s)`)
        .join(', ');
    const [over, back] = [of('over'), of('back')];
    return over + back === '' ? [] : [[row.kind, row.point, over, back]];
  });
  return [['killed', 'at', 'over', 'back'], ['---', '---', '---', '---'], ...rows]
    .map(cells => `| ${cells.join(' | ')} |`)
    .join('\n');
}
