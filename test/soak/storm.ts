/**
 * The storm: a fault every few seconds, chosen by the seed, logged, mended, and the time until all
 * flows again. The next fault waits for that, mostly; now and then it comes right upon the last
 * one. A pipeline that does not come back within the limit ends the storm: that is the finding.
 */
import type { Random } from '../support/load/random.ts';
import type { Beat } from './beat.ts';
import type { Broken, Fault, FaultPlace } from './fault.ts';
import { Recovery } from './recovery.ts';

export interface StormOptions {
  place: FaultPlace;
  faults: readonly Fault[];
  beat: Beat;
  random: Random;
  tell: (line: string) => void;
  /** Why the run has failed already, if it has. */
  failure: () => string | undefined;
  /** A fault strikes now. */
  onStrike: () => void;
  /** Whether a service works, without the processes that are out of action. */
  works: (fault: Fault, broken: Broken, sinceMs: number) => boolean;
}

const RECOVERY_MAX_MS = 180_000;
const CALM_MS = [500, 4000] as const;

export class Storm {
  readonly recovery = new Recovery();
  /** Faults by name. */
  readonly struck = new Map<string, number>();
  count = 0;
  readonly #o: StormOptions;

  constructor(o: StormOptions) {
    this.#o = o;
  }

  /** Until the time is over; throws when the pipeline does not come back. */
  async rage(endMs: number): Promise<void> {
    const { random, faults } = this.#o;
    const weights = Object.fromEntries(faults.map(f => [f.name, f.weight]));
    const rushed: Promise<void>[] = [];
    while (performance.now() < endMs) {
      this.#refuse();
      const name = random.weighted(weights);
      const fault = faults.find(f => f.name === name);
      if (fault === undefined) throw new Error(`no fault ${name}`);
      const isRushed = random.chance(0.25);
      const calmMs = random.between(...CALM_MS);
      const recovered = await this.#strike(fault, isRushed);
      const flowing = recovered();
      flowing.catch(() => undefined);
      if (isRushed) rushed.push(flowing);
      else await flowing;
      await pause(calmMs);
    }
    await Promise.all(rushed);
  }

  async #strike(fault: Fault, isRushed: boolean): Promise<() => Promise<void>> {
    const { place, random, tell, beat } = this.#o;
    const number = ++this.count;
    this.#o.onStrike();
    this.struck.set(fault.name, (this.struck.get(fault.name) ?? 0) + 1);
    const hold = random.between(...fault.holdMs);
    const brokenAt = performance.now();
    const broken = await fault.break(place, random);
    tell(`fault ${number} ${fault.name}: ${broken.what}`);
    await pause(hold);
    await broken.mend();
    const sinceMs = fault.since === 'broken' ? brokenAt : performance.now();
    if (fault.since === 'mended') tell(`fault ${number} ${fault.name}: mended`);
    return () => this.#recovered({ fault, number, broken, sinceMs, isRushed }, beat);
  }

  async #recovered(
    o: { fault: Fault; number: number; broken: Broken; sinceMs: number; isRushed: boolean },
    beat: Beat,
  ): Promise<void> {
    const { fault, number, broken, sinceMs, isRushed } = o;
    const n = await beat.now();
    const end = performance.now() + RECOVERY_MAX_MS;
    let tookMs: number | undefined;
    while (tookMs === undefined) {
      this.#refuse();
      if (performance.now() > end) throw new Error(this.#stuck(fault, number));
      tookMs = await beat.takes(n, sinceMs, 1000);
    }
    while (!this.#o.works(fault, broken, sinceMs)) {
      this.#refuse();
      if (performance.now() > end) throw new Error(this.#stuck(fault, number));
      await pause(100);
      tookMs = performance.now() - sinceMs;
    }
    // A fault that another one followed at once tells nothing of its own recovery.
    if (!isRushed) this.recovery.add(fault.group, tookMs);
    const rush = isRushed ? ' (rushed)' : '';
    this.#o.tell(
      `fault ${number} ${fault.name}: flows after ${(tookMs / 1000).toFixed(1)} s${rush}`,
    );
  }

  #stuck(fault: Fault, number: number): string {
    const limit = RECOVERY_MAX_MS / 1000;
    return `stuck: not flowing ${limit} s after fault ${number} ${fault.name} was over`;
  }

  #refuse(): void {
    const failure = this.#o.failure();
    if (failure !== undefined) throw new Error(failure);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
