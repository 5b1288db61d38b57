/** What each step of a cutover took. */
import type { CutoverRun } from '../../../shared/job/state/cutover.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { FAILPOINTS, type Failpoint, failpoint } from '../../../shared/runtime/failpoint.ts';
import { ASKING_S, type StepName } from './step.ts';

/** Where a process can be killed before a step; `probe` is behind `cutover.after-freeze`. */
const BEFORE: Partial<Record<StepName, Failpoint>> = {
  marker: FAILPOINTS.cutoverBeforeMarker,
  freeze: FAILPOINTS.cutoverBeforeFreeze,
  positions: FAILPOINTS.cutoverBeforePositions,
  drain: FAILPOINTS.cutoverBeforeDrain,
  persist: FAILPOINTS.cutoverBeforePersist,
  targets: FAILPOINTS.cutoverBeforeTargets,
  turn: FAILPOINTS.cutoverBeforeTurn,
  compare: FAILPOINTS.cutoverBeforeCompare,
  ids: FAILPOINTS.cutoverBeforeIds,
  fence: FAILPOINTS.cutoverBeforeFence,
};

export interface StepWatcher {
  /** What it is at, for whoever watches. */
  note(what: string): void;
}

export class StepClock {
  readonly steps: CutoverRun['steps'] = [];
  readonly #d: StepWatcher;

  constructor(d: StepWatcher) {
    this.#d = d;
  }

  /**
   * Of servers that hang, in the time that was promised. What is given up may end later: it only
   * asks, or is of the session whose next statement is that which undoes it.
   */
  ask<T>(step: StepName, work: () => Promise<T>): Promise<T> {
    return this.time(step, () => within(ASKING_S * 1000, `step ${step}`, work()));
  }

  async time<T>(step: StepName, work: () => Promise<T>): Promise<T> {
    const atMs = Date.now();
    const from = performance.now();
    this.#d.note(step);
    const point = BEFORE[step];
    if (point !== undefined) failpoint(point);
    const result = await work();
    this.steps.push({ step, atMs, tookMs: Math.round(performance.now() - from) });
    return result;
  }
}
