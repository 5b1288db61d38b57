/**
 * Control's part of the throttle: carries out requests for other limits, measures how far the targets
 * are behind while a limit of that is set, and notes what brakes the copy, since when, and for how
 * long each reason has braked it so far. It writes only when something of that changes.
 *
 * A target that does not answer counts as too far behind: how far is not known, and a copy that
 * waits costs time alone. A reason counts only while there is something to copy.
 */
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import {
  BRAKES,
  type Brake,
  type BrakeReason,
  limitOf,
  retuned,
  type Throttle,
  UNTHROTTLED,
} from '../../../shared/job/state/throttle.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Backlog } from '../status/backlog.ts';
import { liftedAt } from '../status/throttle-status.ts';

export interface ThrottleDeps {
  view: JobView;
  log: Logger;
  writer: {
    put(key: string, record: Partial<StateRecord>): Promise<void>;
    remove(key: string): Promise<void>;
  };
  backlogs: () => Promise<Backlog[]>;
  /** `options.snapshotRowsPerSecond`; 0 is no limit. */
  perSource: number;
  /** Wall clock; for tests. */
  now?: () => number;
}

const MEASURE_MS = 1000;
/** Members report every second what brakes them; a pause in that is not the end of it. */
const HEARD_MS = 5000;
/** Why the backlog brakes the copy; null if it does not. */
export function lagBrake(
  backlogs: readonly Backlog[],
  maxLag: number,
  isBraking: boolean,
): string | null {
  const most = isBraking ? liftedAt(maxLag) : maxLag;
  for (const { target, records, why } of backlogs) {
    if (records === null) return `how far ${target} is behind is not known: ${firstLine(why)}`;
    if (records > most) return `${target} was ${records} records behind`;
  }
  return null;
}

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

/** Why it brakes may have become another cause; how many records it is does not count. */
function renewed(brake: Brake, now: { why: string } | undefined): Brake {
  const cause = (why: string): string => why.replace(/ \d+ records /, ' ');
  if (now === undefined || now.why === '' || cause(now.why) === cause(brake.why)) return brake;
  return { ...brake, why: now.why };
}

export class ThrottleKeeper {
  readonly #d: ThrottleDeps;
  readonly #now: () => number;
  #rateHeardAt = -Infinity;
  #isLed = false;
  #measuredAt = -Infinity;
  #isMeasuring = false;
  #backlogs: Backlog[] = [];

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
    this.#measure();
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

  async #put(throttle: Throttle): Promise<void> {
    if (throttle !== this.#d.view.throttle)
      await this.#d.writer.put(stateKey.throttle, { throttle });
  }

  #active(throttle: Throttle): Map<BrakeReason, { sinceMs: number; why: string }> {
    const { view } = this.#d;
    const active = new Map<BrakeReason, { sinceMs: number; why: string }>();
    if (!this.#isCopying) return active;
    const [pause] = view.pauseList;
    if (pause !== undefined) {
      // One from before there was anything to copy brakes from then on.
      const sinceMs = Math.max(pause.sinceMs, view.job?.sinceMs ?? 0);
      active.set('operator', { sinceMs, why: '' });
    }
    const sinceMs = this.#now();
    const isLimited = limitOf(throttle, 'rows') !== null || this.#d.perSource > 0;
    const isHeard = performance.now() - this.#rateHeardAt < HEARD_MS;
    if (isLimited && isHeard) active.set('rate', { sinceMs, why: '' });
    const maxLag = limitOf(throttle, 'max-lag');
    if (maxLag !== null) {
      const isBraking = throttle.brakes.some(b => b.reason === 'lag');
      // Not measured yet since this control leads: it stays as it was.
      const why = this.#backlogs.length === 0 ? null : lagBrake(this.#backlogs, maxLag, isBraking);
      const stays = this.#backlogs.length === 0 && isBraking;
      if (why !== null || stays) active.set('lag', { sinceMs, why: why ?? '' });
    }
    return active;
  }

  /** Beside control's loop: a server that is away takes seconds to say so. */
  #measure(): void {
    const isWanted = this.#isCopying && limitOf(this.#d.view.throttle, 'max-lag') !== null;
    if (!isWanted) this.#backlogs = [];
    const isDue = performance.now() - this.#measuredAt > MEASURE_MS;
    if (!isWanted || this.#isMeasuring || !isDue) return;
    this.#isMeasuring = true;
    const measured = this.#d.backlogs().then(
      found => {
        this.#backlogs = found;
      },
      e => {
        this.#backlogs = [{ target: 'any target', records: null, why: describeError(e) }];
      },
    );
    void measured.finally(() => {
      this.#isMeasuring = false;
      this.#measuredAt = performance.now();
    });
  }
}

function firstLine(text: string | null): string {
  return text?.split('\n')[0] ?? 'no answer';
}
