/**
 * Histories of a table (id, uk, shard, seq) whose unique key is `uk`: each holds an order of its
 * partitions in which REPLACE deletes a final row or ON DUPLICATE KEY UPDATE rewrites the row of
 * another key.
 */
import type { Event, TextRow } from './log-maker.ts';

/** Source statements on (id, uk): the row of the key becomes this, or is deleted. */
type Step = readonly [id: number, uk: string | null] | readonly [id: number];

export interface Scenario {
  name: string;
  steps: readonly Step[];
}

export const SCENARIOS: Scenario[] = [
  {
    name: 'a swap by way of NULL',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [1, null],
      [2, 'a'],
      [1, 'b'],
    ],
  },
  {
    name: 'a swap by way of a third value',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [1, 'x'],
      [2, 'a'],
      [1, 'b'],
    ],
  },
  {
    name: 'a cycle of three',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [1, null],
      [3, 'a'],
      [2, 'c'],
      [1, 'b'],
    ],
  },
  {
    name: 'a chain that moves up',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [3, 'd'],
      [2, 'c'],
      [1, 'b'],
    ],
  },
  {
    name: 'a value that moves to another key',
    steps: [
      [1, 'a'],
      [2, 'b'],
      [1, 'c'],
      [2, 'a'],
    ],
  },
  { name: 'a value deleted and inserted with another key', steps: [[1, 'a'], [1], [2, 'a']] },
  { name: 'a value that comes back', steps: [[1, 'a'], [1], [2, 'a'], [2], [1, 'a']] },
  {
    name: 'a value that wanders over three keys',
    steps: [[1, 'a'], [1], [2, 'a'], [2, 'b'], [3, 'a'], [3], [1, 'a']],
  },
];

/**
 * The events of each key, in order: a key is a partition of its own. `spelt` gives the value that a
 * step writes.
 */
export function eventsOf(
  steps: readonly Step[],
  spelt = (uk: string, _step: number): string => uk,
): { events: Event[][]; final: string[] } {
  const ids = [...new Set(steps.map(([id]) => id))];
  const rows = new Map<number, TextRow>();
  const events: Event[][] = ids.map(() => []);
  steps.forEach(([id, uk], i) => {
    const before = rows.get(id);
    const of = events[ids.indexOf(id)];
    if (uk === undefined) {
      if (before) of?.push({ op: 'd', before });
      rows.delete(id);
      return;
    }
    const after: TextRow = [id, uk === null ? null : spelt(uk, i), 0, i];
    of?.push(before ? { op: 'u', before, after } : { op: 'c', after });
    rows.set(id, after);
  });
  return { events, final: [...rows.values()].map(r => r.join()).sort() };
}

/** All sequences in which partitions with so many events each can be applied. */
export function interleavings(counts: readonly number[]): number[][] {
  if (counts.every(n => n === 0)) return [[]];
  return counts.flatMap((n, p) => {
    if (n === 0) return [];
    const rest = counts.map((m, q) => (q === p ? m - 1 : m));
    return interleavings(rest).map(tail => [p, ...tail]);
  });
}

/** At most `max` of them, spread evenly. */
export function sample<T>(list: readonly T[], max: number): T[] {
  const every = Math.max(1, Math.ceil(list.length / max));
  return list.filter((_, i) => i % every === 0);
}
