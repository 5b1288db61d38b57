/** Which server has which part of a hash, by the numbers of the servers in their order. */
import { Ring } from '../route/ring.ts';
import { movedSlots, slotRun, slotsByWeight } from '../route/slots.ts';
import { ReshardError } from '../runtime/error.ts';
import type { StatedRoute } from './route-spec.ts';

type Spec<K extends StatedRoute['kind']> = Extract<StatedRoute, { kind: K }>;

/** The target of each slot: by the weights, then by the moves. */
export function slotsOf(spec: Spec<'hash'>, targets: readonly string[]): Uint16Array {
  const weights = targets.map(name => spec.weights?.[name] ?? (spec.weights ? 0 : 1));
  const moves = Object.entries(spec.moves ?? {}).map(([text, name]) => {
    const run = slotRun(text);
    if (run === null) throw new ReshardError('config', `${text} are no slots`);
    return { ...run, target: targets.indexOf(name) };
  });
  return movedSlots(slotsByWeight(weights), moves);
}

/** Of the targets in the job's order; one without a weight, among others that have one, is not on it. */
export function ringOf(spec: Spec<'ring'>, targets: readonly string[]): Ring {
  const { servers = {}, weights } = spec;
  const all = targets.map((name, target) => ({ name: servers[name] ?? name, target }));
  if (weights === undefined) return new Ring(all, null);
  const weightOf = (target: number): number => weights[targets[target] ?? ''] ?? 0;
  const weighted = all.filter(s => weightOf(s.target) > 0);
  return new Ring(
    weighted,
    weighted.map(s => weightOf(s.target)),
  );
}
