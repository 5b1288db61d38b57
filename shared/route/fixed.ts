/** Routes that look at no row: a table that is pinned to one target, or is on all of them. */
import type { Route, TargetSet } from './route.ts';

export class FixedRoute implements Route {
  readonly epoch: number;
  readonly columns: readonly string[] = [];
  readonly #targets: TargetSet;

  constructor(targets: TargetSet, epoch = 1) {
    this.#targets = targets;
    this.epoch = epoch;
  }

  targetsOf(): TargetSet {
    return this.#targets;
  }

  sql(): string {
    return `${this.#targets}`;
  }
}
