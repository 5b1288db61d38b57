/**
 * How a command follows a use case: draws its steps, as one line that changes on a terminal and as
 * lines elsewhere, until its end, the time limit or Ctrl-C. Whatever was asked for goes on without
 * the command.
 */

import type { CheckBasis, CheckProgress } from '../../../shared/job/state/check-result.ts';
import { resumptionText } from '../../../shared/job/state/checkpoint.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { JobLink } from '../command/job-handle.ts';
import type { RunStep } from '../command/repair.ts';
import type { CheckStep } from '../command/verify.ts';
import { hindrance, type Scope } from '../status/problem.ts';
import { EXIT, EXIT_TEXT } from './exit-code.ts';
import { count, duration } from './number-text.ts';
import { printJson, tell } from './output.ts';

export interface Wait {
  /** `performance.now()` at which it is given up. */
  until: number;
  signal: AbortSignal;
  quiet: boolean;
  /** How often it is looked at what hinders the job. */
  lookMs: number;
  /** What was wrong when it was looked at last. */
  hindrance: string | null;
}

export function waitOf(timeoutMs: number, signal: AbortSignal, quiet: boolean): Wait {
  return { until: performance.now() + timeoutMs, signal, quiet, lookMs: LOOK_MS, hindrance: null };
}

/** Whoever waits for longer wants to know why. */
const LOOK_MS = 5000;

/**
 * Looks now and then at what is wrong with that which the command waits for: a check without a
 * checker, or a copy over a snapshot that is halted, would else look like slow work until the time
 * limit. A status takes seconds where a server is away, so the steps do not wait for it.
 */
function lookout(
  link: Pick<JobLink, 'status'>,
  wait: Wait,
  scope: Scope,
): { look(): string | null } {
  let isAsking = false;
  let askedAt = performance.now();
  const ask = async (): Promise<void> => {
    isAsking = true;
    try {
      wait.hindrance = hindrance(await link.status(), scope);
    } catch (e) {
      wait.hindrance = `the status is not known: ${describeError(e)}`;
    }
    askedAt = performance.now();
    isAsking = false;
  };
  return {
    look() {
      if (!isAsking && performance.now() - askedAt > wait.lookMs) void ask();
      return wait.hindrance;
    },
  };
}

export function isOver({ until, signal }: Wait): boolean {
  return signal.aborted || performance.now() > until;
}

/** The use case's outcome; null when the time is up or the user stops it. */
export async function follow<S, R>(
  link: Pick<JobLink, 'failed' | 'status'>,
  steps: AsyncGenerator<S, R>,
  wait: Wait,
  draw: (step: S) => string,
  scope: Scope = {},
): Promise<R | null> {
  const hindered = lookout(link, wait, scope);
  const terminal = process.stderr.isTTY === true;
  let said = '';
  try {
    for (;;) {
      const next = await Promise.race([steps.next(), link.failed]);
      if (next.done) return next.value;
      const why = hindered.look();
      const line = `${draw(next.value)}${why === null ? '' : `; hindered by ${why}`}`;
      if (!wait.quiet && line !== said) {
        tell(terminal ? `\r\x1b[K${line}` : `${line}\n`);
        said = line;
      }
      if (isOver(wait)) return null;
    }
  } finally {
    if (terminal && said !== '') tell('\n');
  }
}

/** Ends a command whose wait is over before its work is, by the time limit or by the user. */
export function gaveUp({ signal, quiet, hindrance: why }: Wait, what: string): number {
  const kind = signal.aborted ? 'stopped' : 'timeout';
  const hindered = why === null ? '' : `; hindered by ${why}`;
  const message = `${EXIT_TEXT[kind]}: ${what}${hindered}`;
  tell(`reshard: ${message}\n`);
  if (quiet) printJson({ error: { kind, message } });
  return EXIT[kind];
}

export function checkExit(report: Report): number {
  if (report.state !== 'finished') return EXIT.failed;
  if (report.counters.differences !== 0) return EXIT.different;
  return report.counters.unsettled === 0 ? EXIT.ok : EXIT.failed;
}

/** `checkLine`, with what another checker has taken over: told once, when it is known. */
export function checkLines(): (step: CheckStep) => string {
  let told = '';
  return step => {
    const { resumed }: Partial<CheckProgress> = JSON.parse(step.report?.detail ?? '{}');
    const text = resumed ? resumptionText(resumed) : '';
    if (text === told) return checkLine(step);
    told = text;
    return `another checker goes on; ${text}\n${checkLine(step)}`;
  };
}

export function checkLine({ report }: CheckStep): string {
  if (report === null) return 'waiting for a checker';
  const { rows = 0, rows_total = 0, differences = 0 } = report.counters;
  const part = rows_total > 0 ? ` ${Math.min(100, Math.floor((100 * rows) / rows_total))} %` : '';
  const line = `checking:${part} ${count(rows)} rows, ${differences} differences`;
  const { waiting: [first] = [] }: Partial<CheckBasis> = JSON.parse(report.detail);
  return first === undefined ? line : `${line}; waits for ${first.what}`;
}

export function runLine({ id, run, waiting, report }: RunStep): string {
  const since = waiting === null ? '' : ` (for ${duration(Date.now() - waiting.sinceMs)})`;
  const what = waiting === null ? '' : `: waits for ${waiting.what}${since}`;
  if (run === null) return waiting === null ? `${id}: waiting for control` : `${id}${what}`;
  if (run.stage === 'checking') {
    return report === null ? `${id}: waiting for a checker` : checkLine({ check: '', report });
  }
  return `${id}: ${run.stage}, pass ${run.pass + 1}, round ${run.round + 1}${what}`;
}
