/** Nobody who has work waits for more than one round of those who have. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { PartitionTask } from '../intake/partition-task.ts';
import type { SinkTable } from '../intake/sink-table.ts';
import { Turns } from './turns.ts';

type Task = PartitionTask & { hasWork: boolean };

/** Partition tasks of so many partitions for each table, table by table. */
function tasksOf(partitions: readonly number[], hasWork = true): Task[] {
  return partitions.flatMap(n => {
    const table = {} as SinkTable;
    return Array.from({ length: n }, () => ({ table, hasWork }) as Task);
  });
}

const partitions = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 8 });

test('each table comes first once in a round, and each partition once in as many as it has', () => {
  fc.assert(
    fc.property(partitions, fc.infiniteStream(fc.nat()), (counts, shuffle) => {
      const turns = new Turns();
      const tasks = tasksOf(counts);
      // The order in which they are owned has nothing to do with it.
      const owned = tasks.toSorted(() => (Number(shuffle.next().value) % 3) - 1);
      const first = new Map<Task, number>();
      const most = Math.max(...counts);
      const firsts = Array.from({ length: most * counts.length }, () => turns.next(owned)[0]);
      for (const task of firsts) first.set(task as Task, (first.get(task as Task) ?? 0) + 1);
      for (let i = 0; i < firsts.length; i += counts.length) {
        const round = firsts.slice(i, i + counts.length).map(t => t?.table);
        expect(new Set(round).size).toBe(counts.length);
      }
      for (const task of tasks) expect(first.get(task) ?? 0).toBeGreaterThan(0);
    }),
  );
});

test('a table behind one that is always busy has every second turn, whoever else is idle', () => {
  const [busy, trickle] = [tasksOf([4]), tasksOf([1])];
  const tasks = [...busy, ...trickle, ...tasksOf([4, 4, 4, 4, 4], false)];
  const turns = new Turns();
  const firsts = Array.from({ length: 8 }, () => turns.next(tasks)[0]);
  expect(firsts.map(t => t === trickle[0])).toEqual([0, 1, 0, 1, 0, 1, 0, 1].map(Boolean));
});

test('those who have no work are left out, and nobody is lost or named twice', () => {
  const owned = fc.record({ partitions, idle: fc.infiniteStream(fc.boolean()) });
  fc.assert(
    fc.property(owned, ({ partitions: counts, idle }) => {
      const tasks = tasksOf(counts);
      const turns = new Turns();
      for (let turn = 0; turn < 10; turn++) {
        for (const task of tasks) task.hasWork = !idle.next().value;
        const next = turns.next(tasks);
        expect(new Set(next)).toEqual(new Set(tasks.filter(t => t.hasWork)));
        expect(next).toHaveLength(new Set(next).size);
      }
    }),
  );
});
