/** What probes say: pure comparison of digests and of the states of a key. */

import type { DifferenceKind } from '../../../shared/job/state/check-result.ts';
import { DIGEST_ROWS_MAX } from './digest.ts';
import type { Digest, KeyProbe, RangeProbe } from './probe.ts';

/** What target `t` should have: the sum of all sources' rows of its shard. */
function expectedDigest(probe: RangeProbe, t: number): Digest {
  const sum = { count: 0, sum: 0n };
  for (const shards of probe.sources) {
    const shard = shards[t];
    if (shard === undefined) continue;
    sum.count += shard.count;
    sum.sum += shard.sum;
  }
  return sum;
}

/** Targets of which the probe does not say that they are equal. */
export function differingTargets(probe: RangeProbe): number[] {
  const differing: number[] = [];
  probe.targets.forEach((actual, t) => {
    if (actual === null) return;
    const expected = expectedDigest(probe, t);
    const isExact =
      actual.count <= DIGEST_ROWS_MAX &&
      probe.sources.every(shards => (shards[t]?.count ?? 0) <= DIGEST_ROWS_MAX);
    const isEqual = actual.count === expected.count && actual.sum === expected.sum;
    if (!isExact || !isEqual) differing.push(t);
  });
  return differing;
}

/** Whether each of `targets` has exactly the rows of the key that the sources have for it. */
export function isRight(
  sources: KeyProbe['sources'],
  found: KeyProbe['targets'],
  targets: readonly number[],
): boolean {
  return targets.every(t => {
    const want = sources.filter(s => s.shard === t);
    const have = found.filter(x => x.target === t);
    if (want.length !== have.length || want.length > 1) return false;
    return want[0]?.fingerprint === have[0]?.fingerprint;
  });
}

/** The name of what is wrong with a key that is not right. */
export function kindOf({ sources, targets }: KeyProbe): DifferenceKind {
  const [first] = sources;
  if (first === undefined) return 'extra';
  if (sources.some((a, i) => sources.slice(0, i).some(b => b.shard === a.shard)))
    return 'duplicate';
  if (targets.length === 0) return 'missing';
  const places = new Map(targets.map(t => [t.target, t.fingerprint]));
  const unserved = sources.filter(s => !places.has(s.shard));
  const strangers = targets.filter(t => !sources.some(s => s.shard === t.target));
  if (unserved.length > 0) return strangers.length > 0 ? 'misplaced' : 'missing';
  const isDifferent = sources.some(s => places.get(s.shard) !== s.fingerprint);
  return isDifferent ? 'different' : 'extra';
}
