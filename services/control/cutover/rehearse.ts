/**
 * A rehearsal: every step of a cutover but those that change something (freeze, persist, thaw,
 * open), on the job as it runs, several times over, with a time for each; forecast.ts makes the
 * forecast of them. Of the open command the job file may name a rehearsal, which changes nothing.
 * The journal is a record like it, under the same fence. The drain is that of a marker: all that
 * each source had committed at a moment must be on the targets, while writes go on.
 */
import type { CutoverStep } from '../../../shared/job/state/cutover.ts';
import type { MeasuredStop, Rehearsal } from '../../../shared/job/state/rehearsal.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { type AttemptDeps, comparedAt, marked, turned } from './attempt.ts';
import { drain } from './drain.ts';
import { forecastStop } from './forecast.ts';
import { shutGates, shutText } from './gate.ts';
import type { Fence, OpenOutcome } from './site.ts';
import { StepClock } from './step-clock.ts';

const ROUNDS = 5;
/** No further round begins later. */
const ROUNDS_MS = 10_000;

export interface RehearseDeps extends Omit<AttemptDeps, 'put'> {
  /** Writes a record that changes nothing, as durable as the journal. */
  journal(): Promise<void>;
  /** Write stops of this job, oldest first. */
  stops: readonly MeasuredStop[];
}

/** A text: why it could not be; nothing is noted of one that was not whole. */
export async function rehearse(
  d: RehearseDeps,
  { id, by }: Pick<Rehearsal, 'id' | 'by'>,
): Promise<Rehearsal | string> {
  const { site, sources, stops } = d;
  const atMs = Date.now();
  const clock = new StepClock(d);
  const shut = shutGates(await clock.time('gates', () => site.gates()));
  if (shut.length > 0) return shutText(shut);
  await marked(d, clock, id);
  await using stack = new AsyncDisposableStack();
  const fences: Fence[] = [];
  for (const source of sources) {
    const fence = stack.use(await site.fence(source));
    const { why } = await fence.look();
    if (why !== undefined) return `the fence of ${source}: ${why}`;
    fences.push(fence);
  }
  const rounds: Round[] = [];
  const end = performance.now() + ROUNDS_MS;
  do rounds.push(await round(d, fences));
  while (rounds.length < ROUNDS && performance.now() < end);
  const { way, thaws } = d.before;
  const made = forecastStop({
    rounds: rounds.map(r => r.steps),
    ...{ stops, way, thaws: thaws.length > 0 },
    opens: rounds.every(r => r.opened.kind === 'done'),
  });
  return { id, by, atMs, ...made, steps: [...clock.steps, ...made.steps] };
}

interface Round {
  steps: CutoverStep[];
  opened: OpenOutcome;
}

/** In the order of an attempt. */
async function round(d: RehearseDeps, fences: readonly Fence[]): Promise<Round> {
  const { site, sources } = d;
  const clock = new StepClock(d);
  const probe = (): Promise<unknown> => Promise.all(sources.map(s => site.probe(s)));
  await clock.time('probe', probe);
  const positions = await clock.time('positions', async () => {
    const found = await Promise.all(fences.map(f => f.position()));
    return new Map(fences.map((f, i) => [f.source, found[i] ?? '']));
  });
  await clock.time('drain', () => drain(d, site.marker(positions)));
  const targets = await clock.time('targets', () => site.targetPositions());
  await comparedAt(d, clock, await turned(d, clock, targets));
  await clock.time('ids', () => site.idGates());
  await clock.time('fence', async () => {
    const doubt = await d.doubts();
    if (doubt !== null) throw new ReshardError('target-data', `no longer proven: ${doubt}`);
    // Writes go on, so something may be lacking again.
    await site.lacks(positions);
    await probe();
    await Promise.all(fences.map(f => f.look()));
  });
  await clock.time('journal', () => d.journal());
  const opened = await clock.time('open', () => site.rehearseOpen());
  refuse(opened);
  return { steps: clock.steps, opened };
}

/** What fails without a switch would fail inside the write stop as well. */
function refuse({ kind, text }: OpenOutcome): void {
  if (kind !== 'failed' && kind !== 'unknown') return;
  const what = `the rehearsal of the open command (cutover.openRehearsal) has failed: ${text}`;
  const remedy = 'run it by hand where control runs, mend it, then `reshard cutover --rehearse`';
  throw new ReshardError('config', what, { remedy });
}
