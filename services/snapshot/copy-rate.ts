/**
 * How many rows a second this member may read of a source. Members share a limit by what they have
 * to copy: each takes the part that its ranges have in all that is left, so that the parts of all
 * members make one whole, and nobody need ask anybody. While ranges change hands two members may
 * count one for a moment; a member that is gone leaves its part unused until its lease has passed.
 *
 * A source of which nothing becomes durable for a while (its binlog has halted) leaves its part to
 * the others, or the last range of theirs would crawl beside all of its. It has its part again with
 * the first chunk; until the others see that, both together are faster than the limit.
 */
import type { JobView } from '../../shared/job/state/job-view.ts';
import { limitOf } from '../../shared/job/state/throttle.ts';

/** Ranges that are not copied yet: all of a source, and those of them that are ours. */
export interface Left {
  ours: number;
  all: number;
  /** Another one whenever something of the source has become durable. */
  mark: number;
}

const STANDS_MS = 30_000;
/** Nobody asks while the copy is held, and then no source is at fault. */
const ASKED_MS = 5000;

export class CopyRate {
  readonly #view: Pick<JobView, 'plans' | 'plansOf' | 'throttle'>;
  readonly #sources: readonly string[];
  /** Of the job file: for each source, from when the member was started. */
  readonly #perSource: number;
  readonly #left = new Map<string, () => Left>();
  readonly #moved = new Map<string, { mark: number; atMs: number }>();
  readonly #now: () => number;
  #askedAt = -Infinity;

  constructor(
    view: Pick<JobView, 'plans' | 'plansOf' | 'throttle'>,
    sources: readonly string[],
    perSource: number,
    now: () => number = () => performance.now(),
  ) {
    this.#view = view;
    this.#sources = sources;
    this.#perSource = perSource;
    this.#now = now;
  }

  /** Whoever copies the source says what is left of it. */
  follow(source: string, left: () => Left): void {
    this.#left.set(source, left);
  }

  /** Rows a second; null is no limit. */
  of(source: string): number | null {
    const ofJob = limitOf(this.#view.throttle, 'rows');
    const { ours, all } = this.#of(source);
    const limits: number[] = [];
    if (this.#perSource > 0) limits.push(this.#perSource * part(ours, all));
    if (ofJob !== null) {
      const standing = this.#standing();
      const counted = this.#sources.filter(name => name === source || !standing.has(name));
      const ofAll = counted.reduce((sum, name) => sum + this.#of(name).all, 0);
      limits.push(ofJob * part(ours, ofAll));
    }
    return limits.length === 0 ? null : Math.min(...limits);
  }

  /** Of a source that nobody copies here yet all counts: a limit is never exceeded by a guess. */
  #of(source: string): Left {
    const known = this.#left.get(source);
    if (known !== undefined) return known();
    const all = this.#view.plansOf(source).reduce((sum, plan) => sum + plan.ranges.length, 0);
    return { ours: 0, all, mark: -1 };
  }

  #standing(): Set<string> {
    const nowMs = this.#now();
    const wasHeld = nowMs - this.#askedAt > ASKED_MS;
    this.#askedAt = nowMs;
    const standing = new Set<string>();
    for (const name of this.#sources) {
      const { mark } = this.#of(name);
      const moved = this.#moved.get(name);
      if (wasHeld || moved?.mark !== mark) this.#moved.set(name, { mark, atMs: nowMs });
      else if (nowMs - moved.atMs > STANDS_MS) standing.add(name);
    }
    return standing;
  }
}

function part(ours: number, all: number): number {
  return all === 0 ? 0 : Math.min(1, ours / all);
}
