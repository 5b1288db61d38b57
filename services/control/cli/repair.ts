/**
 * `reshard repair`: has the keys that checks have found different read again at their source
 * and brought into the log as they are, and their tables checked once more. The writers merge what
 * was read by the rule of a snapshot, so live data is never overwritten by it. Control carries it
 * out: a command that is killed, or tires of waiting, changes nothing.
 */

import type { RepairRun } from '../../../shared/job/state/repair-run.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { type JobLink, openJob, pausedText, timeoutMsOf } from '../command/job-handle.ts';
import { checkResult, keysOfChecks, keysOfText, meantChecks, repair } from '../command/repair.ts';
import type { RepairPlan } from '../repair/repair-plan.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit-code.ts';
import { checkExit, follow, gaveUp, runLine, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson, tell } from './output.ts';
import { repairSql } from './repair-sql.ts';
import { renderCheck } from './verify-text.ts';

export interface RepairCommandOptions {
  check?: string;
  keys?: string[];
  yes?: boolean;
  /** A folder; true: standard output. */
  sql?: string | true;
  json?: boolean;
  timeout: string;
}

/** What a run has done, as the command prints it. */
export interface Repaired extends Pick<RepairRun, 'keys' | 'rows' | 'deleted' | 'newer'> {
  complete: boolean;
}

export async function repairCommand(file: string, o: RepairCommandOptions): Promise<number> {
  const job = await readJob(file);
  const quiet = o.json === true;
  const timeoutMs = timeoutMsOf(o.timeout);
  await using link = await openJob(job, 'repair');
  const { plan, check, isMore } = planOf(link, o, quiet);
  if (o.sql !== undefined) return repairSql(link, plan, isMore, { ...o, sql: o.sql });
  if (plan.keys.length === 0) {
    show(o, plan, repairedOf(null), null);
    return plan.refused.length > 0 ? EXIT.different : EXIT.ok;
  }
  const tables = [...new Set(plan.keys.map(k => k.table))];
  const keys = (plan.rounds[0] ?? []).reduce((n, d) => n + d.keys.length, 0);
  // What a check has not listed is found and repaired behind it, pass by pass.
  const what = `repair of ${isMore ? `all that differs (more than ${keys} keys)` : `${keys} keys`}`;
  await confirm(job.job, `${what} of ${tables.join(', ')}`, o.yes === true);
  const paused = pausedText(link);
  if (paused !== null) tell(`reshard: ${paused}\n`);
  const wait = waitOf(timeoutMs, stopSignal(), quiet);
  const outcome = await follow(link, repair(link, plan.keys, check), wait, runLine, { tables });
  if (outcome === null) {
    return gaveUp(
      wait,
      'the repair and the check after it go on by themselves; `reshard status <job file>` tells how far',
    );
  }
  show(o, plan, repairedOf(outcome.run), outcome.report);
  return outcome.report === null ? EXIT.failed : checkExit(outcome.report);
}

function planOf(
  link: JobLink,
  o: RepairCommandOptions,
  quiet: boolean,
): { plan: RepairPlan; check: string | null; isMore: boolean } {
  if (o.keys) return { plan: keysOfText(link, o.keys), check: null, isMore: false };
  const checks = meantChecks(link, o.check);
  for (const report of quiet ? [] : checks) {
    tell(`${report.unit}\n${renderCheck(report)}\n`);
  }
  const isMore = checks.some(report => checkResult(report).tables.some(t => t.truncated));
  return { plan: keysOfChecks(link, checks), check: checks.map(r => r.unit).join(', '), isMore };
}

export function repairedOf(run: RepairRun | null): Repaired {
  const { keys = 0, rows = 0, deleted = 0, newer = 0 } = run ?? {};
  return { keys, rows, deleted, newer, complete: true };
}

function show(
  o: RepairCommandOptions,
  { refused }: RepairPlan,
  repaired: Repaired,
  report: Report | null,
): void {
  if (o.json) {
    const check = report?.state === 'finished' ? checkResult(report) : null;
    printJson({ repaired, refused, check });
    return;
  }
  const lines = [repairedText(repaired)];
  for (const d of refused) {
    const key = JSON.stringify(d.key);
    lines.push(`not repaired: ${d.table} ${key} comes from ${d.sources.join(' and ')}`);
  }
  if (report !== null) lines.push(renderCheck(report));
  print(`${lines.join('\n')}\n`);
}

export function repairedText({ keys, rows, deleted, newer }: Repaired): string {
  if (keys === 0) return 'nothing to repair';
  return (
    `${keys} keys read again: ${rows} rows and ${deleted} deletes appended to the log` +
    `${newer > 0 ? `, ${newer} had newer changes in it already` : ''}`
  );
}
