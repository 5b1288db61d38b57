/**
 * What the streaming check says by itself of each damage, as statuses tell it: a doubt of the table
 * that names the key, or a foreign write; and how long after the damage it was there.
 */
import type { Status } from '../../services/control/status/status.ts';
import type { Damage } from './damage.ts';

/** Milliseconds from the damage until the logs were found to disagree, and until it was named. */
interface Told {
  doubtMs: number;
  namedMs: number;
}

export class StreamWords {
  /** By table and key, when the doubt came, by the checker's clock, and when a status named it. */
  readonly #named = new Map<string, { atMs: number; heardMs: number }>();
  readonly #foreign = new Set<string>();

  /** Of a damage; null: not told yet. What was undone again is a foreign write. */
  of({ told, undone = [], isRun = false }: Damage, doneMs: number): Told | null {
    if (undone.some(name => !this.#foreign.has(name))) return null;
    const all = told.map(t => this.#named.get(`${t.table} ${t.key}`));
    const found = all.filter(n => n !== undefined);
    if (found.length < (isRun ? NAMED_OF_RUN : all.length)) return null;
    const last = (of: (n: { atMs: number; heardMs: number }) => number): number =>
      Math.max(0, ...found.map(n => of(n) - doneMs));
    return { doubtMs: last(n => n.atMs), namedMs: last(n => n.heardMs) };
  }

  /** Keys that were said to differ. */
  get accused(): string[] {
    return [...this.#named.keys()];
  }

  note({ stream }: Status): void {
    const heardMs = Date.now();
    for (const { table, keys = [], atMs } of stream?.doubts ?? []) {
      for (const key of keys) {
        const name = `${table} ${key}`;
        if (!this.#named.has(name)) this.#named.set(name, { atMs, heardMs });
      }
    }
    for (const { table, key } of stream?.foreign ?? []) this.#foreign.add(`${table} ${key}`);
  }
}

const NAMED_OF_RUN = 20;

/** `median 1,200 ms, at most 3,400 ms` */
export function spread(times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return `median ${median} ms, at most ${sorted.at(-1) ?? 0} ms`;
}
