/**
 * Whether this member checks: its lease of the group's one slot. What it works at ends with it. Of
 * a lease that is lost nothing is told: whoever has it now does. Two checks at a time only cost
 * reads.
 */
import type { ReportedUnit } from '../../shared/member/reporter.ts';

export interface HeldLease {
  readonly stop: AbortController;
  readonly unit: Pick<ReportedUnit, 'state' | 'end' | 'forget'>;
}

export class CheckLease {
  /** Null while another member checks. */
  held: HeldLease | null = null;
  readonly #begin: () => HeldLease['unit'];

  constructor(begin: () => HeldLease['unit']) {
    this.#begin = begin;
  }

  async assigned(slots: readonly number[]): Promise<void> {
    if (slots.length > 0) this.held = { stop: new AbortController(), unit: this.#begin() };
  }

  async revoked(slots: readonly number[]): Promise<void> {
    if (slots.length > 0) this.#end('end');
  }

  lost(): void {
    this.#end('forget');
  }

  #end(how: 'end' | 'forget'): void {
    this.held?.stop.abort();
    this.held?.unit[how]();
    this.held = null;
  }
}
