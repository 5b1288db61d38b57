/**
 * Control's part of the throttle: carries out requests for other limits, measures what they are of
 * while they are set (gauge.ts), and notes what brakes the copy, since when, and for how long each
 * reason has braked it so far. It writes only when something of that changes. A reason counts only
 * while there is something to copy, or, if it is one that holds checks too, to check.
 */
import { opensAt } from '../../../shared/job/state/daily-window.ts';
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import {
  BRAKES,
  type Brake,
  type BrakeReason,
  limitOf,
  MEASURED,
  retuned,
  type Throttle,
  UNTHROTTLED,
} from '../../../shared/job/state/throttle.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Gauge } from './gauge.ts';

export interface ThrottleDeps {
  view: JobView;
  log: Logger;
  writer: {
    put(key: string, record: Partial<StateRecord>): Promise<void>;
    remove(key: string): Promise<void>;
  };
  gauges: readonly Gauge[];
  /** Whether a check is under way. */
  isChecking(): boolean;
  /** `options.snapshotRowsPerSecond`; 0 is no limit. */
  perSource: number;
  /** Wall clock; for tests. */
  now?: () => number;
}

/** Members report every second what brakes them; a pause in that is not the end of it. */
const HEARD_MS = 5000;

/** The record with these reasons and no others; the same one if nothing has begun or ended. */
export function braked(
  throttle: Throttle,
  now: ReadonlyMap<BrakeReason, { sinceMs: number; why: string }>,
  nowMs: number,
): Throttle {
  const active = BRAKES.filter(reason => now.has(reason));
  const ended = throttle.brakes.filter(b => !active.some(reason => reason === b.reason));
  const begun = active.filter(reason => !throttle.brakes.some(b => b.reason === reason));
  const stays = throttle.brakes
    .filter(b => !ended.includes(b))
    .map(b => renewed(b, [...now].find(([reason]) => reason === b.reason)?.[1]));
  const isSame = stays.every(b => throttle.brakes.includes(b));
  if (ended.length === 0 && begun.length === 0 && isSame) return throttle;
  const spentMs = { ...throttle.spentMs };
  for (const { reason, sinceMs } of ended) {
    spentMs[reason] = (spentMs[reason] ?? 0) + Math.max(0, nowMs - sinceMs);
  }
  const fresh = begun.map(reason => ({ reason, sinceMs: nowMs, why: '', ...now.get(reason) }));
  return {
    ...throttle,
    spentMs,
    brakes: [...stays, ...fresh],
  };
}

/** Why it brakes may have become another cause; how much it is does not count. */
function renewed(brake: Brake, now: { why: string } | undefined): Brake {
  const cause = (why: string): string => why.replace(/ \d+ /, ' ');
  if (now === undefined || now.why === '' || cause(now.why) === cause(brake.why)) return brake;
  return { ...brake, why: now.why };
}

export class ThrottleKeeper {
  readonly #d: ThrottleDeps;
  readonly #now: () => number;
  #rateHeardAt = -Infinity;
  #isLed = false;

  constructor(deps: ThrottleDeps) {
    this.#d = deps;
    this.#now = deps.now ?? Date.now;
  }

  /** Of every report; those from before this control leads are of any age. */
  note(report: Report | null): void {
    if (!this.#isLed || report?.service !== 'snapshot' || report.state !== 'running') return;
    const { brakes = [] }: { brakes?: string[] } = JSON.parse(report.detail);
    if (brakes.includes('rate')) this.#rateHeardAt = performance.now();
  }

  async step(): Promise<void> {
    // Members say within a second what brakes them: until then it stays as it was noted.
    const wasBraking = this.#throttle.brakes.some(b => b.reason === 'rate');
    if (!this.#isLed && wasBraking) this.#rateHeardAt = performance.now();
    this.#isLed = true;
    for (const request of [...this.#d.view.retunes.values()]) {
      // With the brakes that follow from it: who has asked is told of what holds then.
      const tuned = retuned(this.#throttle, request);
      await this.#put(braked(tuned, this.#active(tuned), this.#now()));
      await this.#d.writer.remove(stateKey.retune(request.id));
      const { by, set, clear } = request;
      this.#d.log.info({ by, set, clear }, 'limits of the copy are changed');
    }
    for (const gauge of this.#d.gauges) gauge.follow(this.#limitOf(gauge) !== null);
    const next = braked(this.#throttle, this.#active(this.#throttle), this.#now());
    if (next === this.#throttle) return;
    const reasons = next.brakes.map(b => b.reason);
    this.#d.log.info({ reasons }, 'what brakes the copy has changed');
    await this.#put(next);
  }

  get #throttle(): Throttle {
    return this.#d.view.throttle ?? UNTHROTTLED;
  }

  get #isCopying(): boolean {
    return this.#d.view.job?.phase === 'copying';
  }

  /** Null while there is nothing to copy or to check, or no limit. */
  #limitOf({ reason }: Gauge): number | null {
    const isAtWork = this.#isCopying || this.#d.isChecking();
    return isAtWork ? limitOf(this.#d.view.throttle, MEASURED[reason]) : null;
  }

  async #put(throttle: Throttle): Promise<void> {
    if (throttle !== this.#d.view.throttle)
      await this.#d.writer.put(stateKey.throttle, { throttle });
  }

  #active(throttle: Throttle): Map<BrakeReason, { sinceMs: number; why: string }> {
    const active = new Map<BrakeReason, { sinceMs: number; why: string }>();
    if (this.#isCopying) this.#ofCopy(throttle, active);
    else if (!this.#d.isChecking()) return active;
    const sinceMs = this.#now();
    const window = limitOf(throttle, 'window');
    const opensMs = window === null ? null : opensAt(window, sinceMs);
    if (opensMs !== null) active.set('window', { sinceMs, why: '' });
    for (const gauge of this.#d.gauges) {
      const limit = limitOf(throttle, MEASURED[gauge.reason]);
      const isBraking = throttle.brakes.some(b => b.reason === gauge.reason);
      const brake = limit === null ? null : gauge.brake(limit, isBraking);
      if (brake !== null) active.set(gauge.reason, { sinceMs, ...brake });
    }
    return active;
  }

  /** What brakes the copy alone. */
  #ofCopy(throttle: Throttle, active: Map<BrakeReason, { sinceMs: number; why: string }>): void {
    const { view, perSource } = this.#d;
    const [pause] = view.pauseList;
    if (pause !== undefined) {
      // One from before there was anything to copy brakes from then on.
      const sinceMs = Math.max(pause.sinceMs, view.job?.sinceMs ?? 0);
      active.set('operator', { sinceMs, why: '' });
    }
    const isLimited = limitOf(throttle, 'rows') !== null || perSource > 0;
    const isHeard = performance.now() - this.#rateHeardAt < HEARD_MS;
    if (isLimited && isHeard) active.set('rate', { sinceMs: this.#now(), why: '' });
  }
}
