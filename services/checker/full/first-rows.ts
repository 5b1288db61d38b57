/**
 * The rows that are compared once more, after all others. A table that was emptied meanwhile is not
 * what its ranges were found to be, and TRUNCATE leaves no mark that every account may read. The
 * first rows of the table may all be of one target: of each other one, rows that were found to
 * belong there are compared again, too.
 */
import type { TableCheckpoint } from '../../../shared/job/state/checkpoint.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import { probeRange, type RangeProbe, sourceRows, type TablePlaces } from './probe.ts';
import type { RangeWalk } from './range-walk.ts';
import type { SessionSet } from './session-set.ts';

type Kept = Required<Pick<TableCheckpoint, 'filled' | 'firsts'>>;

export class FirstRows {
  /** Of a scope: the first rows of the table may have none of it. */
  #filled: KeyRange | null = null;
  /** By target: the first range that had rows which belong there. */
  readonly #ranges = new Map<string, KeyRange>();

  /** A range was compared. */
  note({ targets, only }: TablePlaces, range: KeyRange, probe: RangeProbe): void {
    if (only !== null && sourceRows(probe) > 0) this.#filled ??= range;
    for (const [t, { server }] of targets.entries()) {
      if (hasRowsOf(probe, t) && !this.#ranges.has(server.name)) {
        this.#ranges.set(server.name, range);
      }
    }
  }

  /** What a checkpoint has of it. */
  get kept(): Kept {
    const ranges = [...new Set(this.#ranges.values())];
    const firsts = ranges.map(range => {
      const here = [...this.#ranges].filter(([, r]) => r === range);
      return { ...range, targets: here.map(([target]) => target) };
    });
    return { filled: this.#filled, firsts };
  }

  takeUp({ filled, firsts = [] }: Pick<TableCheckpoint, 'filled' | 'firsts'>): void {
    this.#filled = filled;
    for (const { targets, ...range } of firsts) {
      for (const target of targets) this.#ranges.set(target, range);
    }
  }

  /** Probes them; `walk` begins at the first row. */
  async *again(
    sessionSet: SessionSet,
    places: TablePlaces,
    walk: RangeWalk,
  ): AsyncGenerator<{ range: KeyRange; probe: RangeProbe }> {
    const range = this.#filled ?? (await walk.next(sessionSet));
    if (range === null) return;
    const all = places.targets.map((_, t) => t);
    const first = await probeRange(sessionSet, places, range, all);
    yield { range, probe: first };
    const unseen = all.filter(t => !hasRowsOf(first, t));
    for (const { targets, ...more } of this.kept.firsts) {
      const of = unseen.filter(t => targets.includes(places.targets[t]?.server.name ?? ''));
      if (of.length === 0) continue;
      yield { range: more, probe: await probeRange(sessionSet, places, more, of) };
    }
  }
}

/** All keys that the checkpoint of a table holds, apart from where it goes on. */
export function keptKeys({
  suspects,
  firsts = [],
}: Pick<TableCheckpoint, 'suspects' | 'firsts'>): KeyLiterals[] {
  return [...suspects, ...firsts.flatMap(({ after, upTo }) => [after ?? [], upTo ?? []])];
}

function hasRowsOf({ sources }: RangeProbe, target: number): boolean {
  return sources.some(shards => (shards[target]?.count ?? 0) > 0);
}
