/** Asks the running checker for a full check and follows it to its verdict. */
import type { Report } from '../../../shared/member/reporter.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import type { JobLink } from '../command/job-handle.ts';
import { EXIT, EXIT_TEXT } from './exit-code.ts';

const PROGRESS_EVERY_MS = 1000;

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

/** Ends a command whose wait is over before its work is, by the time limit or by the user. */
export function gaveUp({ signal, quiet }: Wait, what: string): number {
  const kind = signal.aborted ? 'stopped' : 'timeout';
  const message = `${EXIT_TEXT[kind]}: ${what}`;
  process.stderr.write(`reshard: ${message}\n`);
  if (quiet) process.stdout.write(`${JSON.stringify({ error: { kind, message } })}\n`);
  return EXIT[kind];
}

/** The report of the finished or failed check; null when the time is up or the user stops it. */
export async function runCheck(
  link: JobLink,
  tables: string[],
  wait: Wait,
): Promise<Report | null> {
  const id = `verify-${new Date().toISOString().replace(/[^0-9]/g, '')}`;
  await link.requests.verify({ id, requestedMs: Date.now(), tables });
  const terminal = process.stderr.isTTY === true;
  let said = '';
  while (!isOver(wait)) {
    const report = link.reports.get(`checker/${id}`);
    if (report?.state === 'finished' || report?.state === 'failed') {
      if (terminal && said !== '') process.stderr.write('\n');
      return report;
    }
    const line = report === undefined ? 'waiting for a checker' : progressLine(report);
    if (!wait.quiet && line !== said) {
      process.stderr.write(terminal ? `\r\x1b[K${line}` : `${line}\n`);
    }
    said = line;
    await sleep(report === undefined ? 100 : PROGRESS_EVERY_MS / 4, wait.signal);
  }
  return null;
}

export function checkExit(report: Report): number {
  if (report.state !== 'finished') return EXIT.failed;
  if (report.counters.differences !== 0) return EXIT.different;
  return report.counters.unsettled === 0 ? EXIT.ok : EXIT.failed;
}

function progressLine(r: Report): string {
  const { rows = 0, rows_total = 0, differences = 0 } = r.counters;
  const part = rows_total > 0 ? ` ${Math.min(100, Math.floor((100 * rows) / rows_total))} %` : '';
  return `checking:${part} ${Math.round(rows).toLocaleString('en-US')} rows, ${differences} differences`;
}
