/** Routes that look at no row: a table that is pinned to one target, or is on all of them. */
import { NO_TARGET, type Route, type TargetSet } from './route.ts';

export class FixedRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[] = [];
  readonly leavesOut: boolean;
  readonly #targets: TargetSet;

  constructor(targets: TargetSet, epoch = 1) {
    this.#targets = targets;
    this.leavesOut = targets === NO_TARGET;
    this.epoch = epoch;
  }

  targetsOf(): TargetSet {
    return this.#targets;
  }

  sql(): string {
    return `${this.#targets}`;
  }
}
