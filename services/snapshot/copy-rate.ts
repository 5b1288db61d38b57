/**
 * How many rows a second this member may read of a source. Members share a limit by what they have
 * to copy: each takes the part that its ranges have in all that is left, so that the parts of all
 * members make one whole, and nobody need ask anybody. While ranges change hands two members may
 * count one for a moment; a member that is gone leaves its part unused until its lease has passed.
 */
import type { JobView } from '../../shared/job/state/job-view.ts';
import { limitOf } from '../../shared/job/state/throttle.ts';

/** Ranges that are not copied yet: all of a source, and those of them that are ours. */
export interface Left {
  ours: number;
  all: number;
}

export class CopyRate {
  readonly #view: Pick<JobView, 'plans' | 'plansOf' | 'throttle'>;
  readonly #sources: readonly string[];
  /** Of the job file: for each source, from when the member was started. */
  readonly #perSource: number;
  readonly #left = new Map<string, () => Left>();

  constructor(
    view: Pick<JobView, 'plans' | 'plansOf' | 'throttle'>,
    sources: readonly string[],
    perSource: number,
  ) {
    this.#view = view;
    this.#sources = sources;
    this.#perSource = perSource;
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
      const ofAll = this.#sources.reduce((sum, name) => sum + this.#of(name).all, 0);
      limits.push(ofJob * part(ours, ofAll));
    }
    return limits.length === 0 ? null : Math.min(...limits);
  }

  /** Of a source that nobody copies here yet all counts: a limit is never exceeded by a guess. */
  #of(source: string): Left {
    const known = this.#left.get(source);
    if (known !== undefined) return known();
    const all = this.#view.plansOf(source).reduce((sum, plan) => sum + plan.ranges.length, 0);
    return { ours: 0, all };
  }
}

function part(ours: number, all: number): number {
  return all === 0 ? 0 : Math.min(1, ours / all);
}
