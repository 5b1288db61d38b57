/**
 * What brakes copy and checks, for people and programs: the limits, what brakes now, since when,
 * what lifts it, and for how long each reason has braked so far. Pauses are read as they stand,
 * since they hold without control; the rest is what control has noted.
 */
import { opensAt, windowText } from '../../../shared/job/state/daily-window.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import {
  BRAKES,
  type BrakeReason,
  type Limit,
  limitOf,
  MEASURED,
  type MeasuredReason,
  type Pause,
  UNTHROTTLED,
} from '../../../shared/job/state/throttle.ts';
import { unreachable } from '../../../shared/runtime/error.ts';

/** What has braked lets go only well below its limit, or it would begin and end all the time. */
const LIFTED_AT = 0.75;

export interface BrakeStatus {
  reason: BrakeReason;
  /** What is braked: checks wait for the copy, so while there is one it is what stands. */
  work: 'copy' | 'check';
  /** `stopped`: nothing is copied. `slowed`: as much as the limit lets through. */
  copy: 'stopped' | 'slowed';
  sinceMs: number;
  why: string;
  lifts: string;
}

export interface ThrottleStatus {
  limits: Limit[];
  /** Empty while all runs as fast as it can, and when there is nothing to copy or check. */
  brakes: BrakeStatus[];
  /** By reason, what brakes now included. */
  spentSeconds: Record<BrakeReason, number>;
}

/** Up to so much, in the limit's unit, what was braked goes on again. */
export function liftedAt(limit: number): number {
  return Math.max(1, Math.floor(limit * LIFTED_AT));
}

type View = Pick<JobView, 'throttle' | 'pauseList' | 'job'>;

export function throttleStatus(view: View, nowMs = Date.now()): ThrottleStatus {
  const { limits, spentMs } = view.throttle ?? UNTHROTTLED;
  const work = view.job?.phase === 'copying' ? 'copy' : 'check';
  const brakes = BRAKES.flatMap(reason => {
    const brake = brakeOf(view, reason, nowMs);
    return brake === null ? [] : [{ work, ...brake } as const];
  });
  const spent = (reason: BrakeReason): number => {
    const now = brakes.find(b => b.reason === reason);
    const ms = (spentMs[reason] ?? 0) + (now === undefined ? 0 : Math.max(0, nowMs - now.sinceMs));
    return Math.round(ms / 1000);
  };
  return {
    limits,
    brakes,
    spentSeconds: {
      operator: spent('operator'),
      rate: spent('rate'),
      window: spent('window'),
      lag: spent('lag'),
      load: spent('load'),
      replica: spent('replica'),
    },
  };
}

type Brake = Omit<BrakeStatus, 'work'>;

function brakeOf(view: View, reason: BrakeReason, nowMs: number): Brake | null {
  const noted = view.throttle?.brakes.find(b => b.reason === reason);
  switch (reason) {
    case 'operator': {
      const [first] = view.pauseList;
      if (view.job?.phase !== 'copying' || first === undefined) return null;
      const sinceMs = noted?.sinceMs ?? Math.max(first.sinceMs, view.job.sinceMs);
      const why = view.pauseList.map(pauseText).join(', ');
      const lifts = view.pauseList.map(p => `\`reshard resume <job file>${reasonOption(p)}\``);
      return { reason, copy: 'stopped', sinceMs, why, lifts: lifts.join(' and ') };
    }
    case 'rate': {
      if (noted === undefined) return null;
      const rows = limitOf(view.throttle, 'rows');
      const why =
        rows === null
          ? 'options.snapshotRowsPerSecond of the job file'
          : `rows=${rows} for all members together, or a lower limit of the job file`;
      const lifts =
        rows === null
          ? 'a higher one, and members that are started anew'
          : '`reshard throttle <job file> --clear rows`, or --set rows=<more>';
      return { reason, copy: 'slowed', sinceMs: noted.sinceMs, why, lifts };
    }
    case 'window': {
      const window = limitOf(view.throttle, 'window');
      if (noted === undefined || window === null) return null;
      const opensMs = opensAt(window, nowMs) ?? nowMs;
      const why = `the time of the day is outside of ${windowText(window)}`;
      const lifts =
        `the clock at ${new Date(opensMs).toISOString()}, or ` +
        '`reshard throttle <job file> --clear window`';
      return { reason, copy: 'stopped', sinceMs: noted.sinceMs, why, lifts };
    }
    case 'lag':
      return measured(view, reason, most => `every target at most ${most} records behind`);
    case 'load':
      return measured(view, reason, most => `at most ${most} threads running on every server`);
    case 'replica':
      return measured(view, reason, most => `every replica at most ${most} s behind`);
    default:
      return unreachable(reason);
  }
}

function measured(
  { throttle }: View,
  reason: MeasuredReason,
  below: (most: number) => string,
): Brake | null {
  const noted = throttle?.brakes.find(b => b.reason === reason);
  if (noted === undefined) return null;
  const limit = MEASURED[reason];
  const most = liftedAt(limitOf(throttle, limit) ?? 0);
  const lifts = `${below(most)}, or \`reshard throttle <job file> --clear ${limit}\``;
  return { reason, copy: 'stopped', sinceMs: noted.sinceMs, why: noted.why, lifts };
}

function pauseText({ reason, by }: Pause): string {
  return `${reason} (by ${by || 'unknown'})`;
}

function reasonOption({ reason }: Pause): string {
  if (reason === 'operator') return '';
  return ` --reason ${/^[\w.-]+$/.test(reason) ? reason : `'${reason.replaceAll("'", "'\\''")}'`}`;
}
