/**
 * How the comparison of a slot stands behind the job (shared/member/stand-behind.ts): while the job
 * has more to do than it can it reads no log, unless it is five minutes behind by that, or a
 * cutover is asked for.
 */
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { PipelineLoad } from '../../../shared/member/pipeline-load.ts';
import { isCutoverAwaited, mayYield } from '../../../shared/member/stand-behind.ts';
import type { Goal } from './stream-clock.ts';

export class StandBehind {
  readonly #load: Pick<PipelineLoad, 'isBehind'>;
  readonly #view: Pick<JobView, 'cutoverRun' | 'cutovers' | 'applied'>;
  readonly #now: () => number;
  /** What has to be compared next, and since when. */
  #next: { goal: Goal; sinceMs: number } | null = null;
  /** When all was compared that there had been; null: not yet. */
  #metMs: number | null = null;
  #yields = false;

  constructor({
    load,
    view,
    now = Date.now,
  }: {
    load: Pick<PipelineLoad, 'isBehind'>;
    view: Pick<JobView, 'cutoverRun' | 'cutovers' | 'applied'>;
    now?: () => number;
  }) {
    this.#load = load;
    this.#view = view;
    this.#now = now;
  }

  /** Notes how far the comparison is, by where the logs end. */
  look(goal: Goal | null, hasCompared: (ends: Goal['ends']) => boolean): void {
    const nowMs = this.#now();
    if (this.#next !== null && hasCompared(this.#next.goal.ends)) {
      this.#metMs = this.#next.sinceMs;
      this.#next = null;
    }
    if (goal !== null) this.#next ??= { goal, sinceMs: nowMs };
  }

  /** Whether it is to read nothing now. */
  mustWait(): boolean {
    const lagSeconds = this.#metMs === null ? null : (this.#now() - this.#metMs) / 1000;
    this.#yields = mayYield({ isGoneOver: isCutoverAwaited(this.#view), lagSeconds }, this.#yields);
    return this.#yields && this.#load.isBehind;
  }
}
