import { describe, expect, test } from 'vitest';
import { DIGEST_ROWS_MAX } from './digest.ts';
import type { KeyProbe, RangeProbe } from './probe.ts';
import { differingTargets, isRight, kindOf } from './verdict.ts';

const differing = (probe: Omit<RangeProbe, 'sourceRows'>): number[] =>
  differingTargets({ ...probe, sourceRows: [] });

const on = (...targets: [number, string][]): KeyProbe['targets'] =>
  targets.map(([target, fingerprint]) => ({ target, fingerprint }));
const from = (...rows: [number, number, string][]): KeyProbe['sources'] =>
  rows.map(([source, shard, fingerprint]) => ({ source, shard, fingerprint }));

describe('verdict on a key', () => {
  const cases: [string, KeyProbe['sources'], KeyProbe['targets'], string][] = [
    ['a row on its target', from([0, 1, 'x']), on([1, 'x']), 'right'],
    ['a row nowhere', [], [], 'right'],
    [
      'two rows of a key on two targets',
      from([0, 0, 'x'], [1, 1, 'y']),
      on([0, 'x'], [1, 'y']),
      'right',
    ],
    ['no row on any target', from([0, 1, 'x']), [], 'missing'],
    ['a row of no source', [], on([0, 'x']), 'extra'],
    ['a second copy elsewhere', from([0, 1, 'x']), on([0, 'x'], [1, 'x']), 'extra'],
    ['other values', from([0, 1, 'x']), on([1, 'y']), 'different'],
    ['other values and a copy', from([0, 1, 'x']), on([0, 'x'], [1, 'y']), 'different'],
    ['only on the wrong target', from([0, 1, 'x']), on([0, 'x']), 'misplaced'],
    ['two sources for one target', from([0, 1, 'x'], [1, 1, 'x']), on([1, 'x']), 'duplicate'],
  ];
  test.each(cases)('%s', (_, sources, targets, verdict) => {
    const isFine = isRight(sources, targets, [0, 1, 2]);
    expect(isFine ? 'right' : kindOf({ sources, targets })).toBe(verdict);
  });
});

describe('verdict on a range', () => {
  const digest = (count: number, sum: bigint) => ({ count, sum });
  const none = digest(0, 0n);

  test('the digests of all sources are summed by shard', () => {
    const sources = [
      [digest(2, 5n), none],
      [digest(1, 7n), digest(4, 9n)],
    ];
    expect(differing({ sources, targets: [digest(3, 12n), digest(4, 9n)] })).toEqual([]);
    expect(differing({ sources, targets: [digest(3, 12n), digest(4, 8n)] })).toEqual([1]);
    expect(differing({ sources, targets: [digest(2, 12n), digest(4, 9n)] })).toEqual([0]);
    expect(differing({ sources, targets: [none, null] })).toEqual([0]);
  });

  test('a sum over too many rows for an exact one proves nothing', () => {
    const many = digest(DIGEST_ROWS_MAX + 1, 5n);
    expect(differing({ sources: [[many]], targets: [many] })).toEqual([0]);
  });
});
