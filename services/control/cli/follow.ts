/**
 * How a command follows a use case: draws its steps, as one line that changes on a terminal and as
 * lines elsewhere, until its end, the time limit or Ctrl-C. Whatever was asked for goes on without
 * the command.
 */
import type { CheckBasis } from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { JobLink } from '../command/job-handle.ts';
import type { RunStep } from '../command/repair.ts';
import type { CheckStep } from '../command/verify.ts';
import { EXIT, EXIT_TEXT } from './exit-code.ts';
import { count, duration } from './number-text.ts';

export interface Wait {
  /** `performance.now()` at which it is given up. */
  until: number;
  signal: AbortSignal;
  quiet: boolean;
}

export function waitOf(timeoutMs: number, signal: AbortSignal, quiet: boolean): Wait {
  return { until: performance.now() + timeoutMs, signal, quiet };
}

export function isOver({ until, signal }: Wait): boolean {
  return signal.aborted || performance.now() > until;
}

/** The use case's outcome; null when the time is up or the user stops it. */
export async function follow<S, R>(
  link: Pick<JobLink, 'failed'>,
  steps: AsyncGenerator<S, R>,
  wait: Wait,
  draw: (step: S) => string,
): Promise<R | null> {
  const terminal = process.stderr.isTTY === true;
  let said = '';
  try {
    for (;;) {
      const next = await Promise.race([steps.next(), link.failed]);
      if (next.done) return next.value;
      const line = draw(next.value);
      if (!wait.quiet && line !== said) {
        process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`);
        said = line;
      }
      if (isOver(wait)) return null;
    }
  } finally {
    if (terminal && said !== '') process.stderr.write('\n');
  }
}

/** Ends a command whose wait is over before its work is, by the time limit or by the user. */
export function gaveUp({ signal, quiet }: Wait, what: string): number {
  const kind = signal.aborted ? 'stopped' : 'timeout';
  const message = `${EXIT_TEXT[kind]}: ${what}`;
  process.stderr.write(`reshard: ${message}\n`);
  if (quiet) process.stdout.write(`${JSON.stringify({ error: { kind, message } })}\n`);
  return EXIT[kind];
}

export function checkExit(report: Report): number {
  if (report.state !== 'finished') return EXIT.failed;
  if (report.counters.differences !== 0) return EXIT.different;
  return report.counters.unsettled === 0 ? EXIT.ok : EXIT.failed;
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
  if (run === null) return `${id}: waiting for control`;
  const since = waiting === null ? '' : ` (for ${duration(Date.now() - waiting.sinceMs)})`;
  const what = waiting === null ? '' : `: waits for ${waiting.what}${since}`;
  if (run.stage === 'checking') {
    return report === null ? `${id}: waiting for a checker` : checkLine({ check: '', report });
  }
  return `${id}: ${run.stage}, pass ${run.pass + 1}, round ${run.round + 1}${what}`;
}
