/**
 * A rehearsal: every step of a cutover but those that change something (freeze, persist, journal,
 * open), on the job as it runs, with a time for each. What it measures is what a write stop would
 * be made of, so their sum is the forecast; the open command is the user's, and its time is not
 * known. The drain is of a marker: all that each source had committed at a moment must be on the
 * targets, while writes go on. Inside a real write stop nothing comes behind it, so it is no
 * shorter here.
 */
import type { Rehearsal } from '../../../shared/job/state/cutover.ts';
import { type AttemptDeps, comparedAt, marked, turned } from './attempt.ts';
import { drain } from './drain.ts';
import { shutGates, shutText } from './gate.ts';
import type { Fence } from './site.ts';
import { StepClock } from './step-clock.ts';

/** Steps of the list that are inside a write stop. */
const INSIDE = ['probe', 'positions', 'drain', 'targets', 'turn', 'compare', 'ids', 'fence'];

export type RehearseDeps = Omit<AttemptDeps, 'put'>;

/** A text: why it could not be; nothing is noted of one that was not whole. */
export async function rehearse(
  d: RehearseDeps,
  { id, by }: Pick<Rehearsal, 'id' | 'by'>,
): Promise<Rehearsal | string> {
  const { site, sources } = d;
  const atMs = Date.now();
  const clock = new StepClock(d);
  const shut = shutGates(await clock.time('gates', () => site.gates()));
  if (shut.length > 0) return shutText(shut);
  await marked(d, clock, id);
  await using stack = new AsyncDisposableStack();
  const fences: Fence[] = [];
  for (const source of sources) fences.push(stack.use(await site.fence(source)));
  await clock.time('probe', () => Promise.all(sources.map(s => site.probe(s))));
  const positions = await clock.time('positions', async () => {
    const found = await Promise.all(fences.map(f => f.position()));
    return new Map(fences.map((f, i) => [f.source, found[i] ?? '']));
  });
  await clock.time('drain', () => drain(d, site.marker(positions)));
  const targets = await clock.time('targets', () => site.targetPositions());
  await comparedAt(d, clock, await turned(d, clock, targets));
  await clock.time('ids', () => site.idGates());
  await clock.time('fence', () => Promise.all(fences.map(f => f.look())));
  const inside = clock.steps.filter(s => INSIDE.includes(s.step));
  const forecastMs = inside.reduce((sum, s) => sum + s.tookMs, 0);
  return { id, by, atMs, steps: clock.steps, forecastMs };
}
