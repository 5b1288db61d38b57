/**
 * What brakes the copy and checks. Reasons are a set, never a flag, so none can lift another:
 *   operator  somebody has paused the copy by hand: records `pause/<reason>`, one each
 *   rate      the copy is as fast as a limit of rows a second lets it be
 *   window    it is not the time of the day at which the operator lets it run
 *   lag       a target is further behind the log than the operator wants it to be
 *   load      more threads run on a source or a target than the operator wants
 *   replica   a replica that the job names is further behind than the operator wants
 * A pause and the rate are of the copy alone; checks have a limit of rows of their own, which only
 * makes them slow, and is no brake. Changes are never braked, nor are repairs by
 * anything but a pause.
 *
 * Limits are the record `throttle`, which control alone writes. A command asks for others by a
 * request of its own (`retune/<id>`), which control carries out in the order of the log and removes:
 * two operators who set different limits at once lose nothing of each other, and requests do not
 * pile up in a topic that everybody reads from its start. Members follow the record, so a limit
 * holds within a moment, and for members that come later. Control notes in it too what brakes the
 * copy and for how long each reason has braked it, whatever is restarted meanwhile.
 */
import { opensAt } from './daily-window.ts';

/** `window` is hours of the day (daily-window.ts). */
export const LIMITS = [
  'rows',
  'check-rows',
  'window',
  'max-lag',
  'max-threads',
  'max-replica-lag',
] as const;
export type LimitName = (typeof LIMITS)[number];

export const BRAKES = ['operator', 'rate', 'window', 'lag', 'load', 'replica'] as const;
export type BrakeReason = (typeof BRAKES)[number];

/** What control measures while a limit of it is set, and stops copy and checks above it. */
export const MEASURED = {
  lag: 'max-lag',
  load: 'max-threads',
  replica: 'max-replica-lag',
} as const satisfies Partial<Record<BrakeReason, LimitName>>;
export type MeasuredReason = keyof typeof MEASURED;

/** What stops the copy, beside pauses. */
const STOPS: readonly string[] = ['window', ...Object.keys(MEASURED)];

/** A reason to pause the copy, by its name. A record of its own: no two writers meet in it. */
export interface Pause {
  reason: string;
  sinceMs: number;
  /** Who asked for it. */
  by: string;
}

/** The operator's word about limits; what it does not name stays as it is. */
export interface RetuneRequest {
  id: string;
  requestedMs: number;
  by: string;
  set: Record<string, number>;
  clear: string[];
}

export interface Limit {
  /** One of LIMITS; of a later version perhaps another, which this one does not hold. */
  name: string;
  value: number;
  sinceMs: number;
  by: string;
}

/** That a reason brakes the copy, as control has seen it begin. */
export interface Brake {
  reason: string;
  sinceMs: number;
  why: string;
}

export interface Throttle {
  limits: Limit[];
  brakes: Brake[];
  /** By reason, for how long it has braked the copy; what brakes now comes on top. */
  spentMs: Record<string, number>;
}

export const UNTHROTTLED: Throttle = { limits: [], brakes: [], spentMs: {} };

/** Null is no limit. */
export function limitOf(throttle: Throttle | null, name: LimitName): number | null {
  return throttle?.limits.find(l => l.name === name)?.value ?? null;
}

/** The limits as the request wants them; the same however often it is carried out. */
export function retuned(throttle: Throttle, request: RetuneRequest): Throttle {
  const { set, clear, by, requestedMs } = request;
  const isKept = ({ name }: Limit): boolean => set[name] === undefined && !clear.includes(name);
  const made = LIMITS.flatMap(name => {
    const value = set[name];
    return value === undefined ? [] : [{ name, value, sinceMs: requestedMs, by }];
  });
  return { ...throttle, limits: [...throttle.limits.filter(isKept), ...made] };
}

/** Why the copy stands still; one that is only slow, by a limit of rows, does not. */
export function copyStops(view: { paused: string[]; throttle: Throttle | null }): string[] {
  const stops = (view.throttle?.brakes ?? []).map(b => b.reason).filter(r => STOPS.includes(r));
  return [...new Set([...view.paused, ...stops])].sort();
}

/**
 * Why a check stands still. Most checks are over before control has noted that the time is not
 * right for them, so whoever checks looks at the clock; `nowMs` is Unix time.
 */
export function checkStops({ throttle }: { throttle: Throttle | null }, nowMs: number): string[] {
  const window = limitOf(throttle, 'window');
  const isShut = window !== null && opensAt(window, nowMs) !== null;
  const measured = (throttle?.brakes ?? []).map(b => b.reason).filter(r => r in MEASURED);
  return isShut ? ['window', ...measured] : measured;
}

/** The end of a sentence about what waits for the copy; empty while the copy runs. */
export function stoppedText(reasons: readonly string[]): string {
  return reasons.length === 0 ? '' : `; the copy is paused: ${reasons.join(', ')}`;
}
