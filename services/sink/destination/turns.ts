/**
 * Whose turn it is: of the tables that have work another one comes first each time, and of its
 * partitions another one each time that it does. So with n tables at work none waits for more than
 * n transactions, however many stand idle, and no partition for more than its table has of them.
 */
import type { PartitionTask } from '../intake/partition-task.ts';
import type { SinkTable } from '../intake/sink-table.ts';

/** A table that has been seen: its place in the round, and how often it has come first. */
interface Place {
  readonly number: number;
  turns: number;
}

export class Turns {
  readonly #places = new WeakMap<SinkTable, Place>();
  #count = 0;
  #last = -1;

  /** Those that have work, the one whose turn it is first. */
  next(tasks: Iterable<PartitionTask>): PartitionTask[] {
    const byTable = Map.groupBy(
      [...tasks].filter(t => t.hasWork),
      t => t.table,
    );
    const waiting = [...byTable].map(([table, ready]) => ({ place: this.#placeOf(table), ready }));
    waiting.sort((a, b) => a.place.number - b.place.number);
    const at = waiting.findIndex(({ place }) => place.number > this.#last);
    const [first, ...others] = rotated(waiting, Math.max(0, at));
    if (first === undefined) return [];
    const { place, ready } = first;
    this.#last = place.number;
    place.turns += 1;
    return [...rotated(ready, place.turns % ready.length), ...others.flatMap(o => o.ready)];
  }

  #placeOf(table: SinkTable): Place {
    let place = this.#places.get(table);
    if (place === undefined) {
      place = { number: this.#count, turns: 0 };
      this.#count += 1;
      this.#places.set(table, place);
    }
    return place;
  }
}

function rotated<T>(list: readonly T[], by: number): T[] {
  return [...list.slice(by), ...list.slice(0, by)];
}
