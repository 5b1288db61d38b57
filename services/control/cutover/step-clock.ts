/** What each step of a cutover took. */
import type { CutoverRun } from '../../../shared/job/state/cutover.ts';
import type { StepName } from './step.ts';

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

  async time<T>(step: StepName, work: () => Promise<T>): Promise<T> {
    const atMs = Date.now();
    const from = performance.now();
    this.#d.note(step);
    const result = await work();
    this.steps.push({ step, atMs, tookMs: Math.round(performance.now() - from) });
    return result;
  }
}
