/**
 * `reshard repair`: reads the keys that the newest check found different again at their source and
 * brings them into the log as they are, then checks their tables once more. The writers merge what
 * was read by the rule of a snapshot, so live data is never overwritten by it.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { CheckResult, Difference } from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { keyColumns } from '../../../shared/row/key-range.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { type JobLink, openJob, tellPaused, timeoutMsOf } from '../command/job-handle.ts';
import { planRepair, type RepairPlan, roundsOf } from '../command/repair-plan.ts';
import { checkExit, gaveUp, runCheck, type Wait, waitOf } from './check-run.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { type Repaired, runRepair } from './repair-run.ts';
import { renderCheck } from './verify-text.ts';

export interface RepairCommandOptions {
  check?: string;
  keys?: string[];
  yes?: boolean;
  json?: boolean;
  timeout: string;
}

export async function repairCommand(file: string, o: RepairCommandOptions): Promise<number> {
  const job = await readJob(file);
  const quiet = o.json === true;
  const timeoutMs = timeoutMsOf(o.timeout);
  await using link = await openJob(job, 'repair');
  const plan = o.keys ? ofKeys(link, o.keys) : ofCheck(link, o.check, quiet);
  const tables = [...new Set(plan.rounds.flat().map(d => d.table))];
  const keys = (plan.rounds[0] ?? []).reduce((n, d) => n + d.keys.length, 0);
  if (keys > 0) {
    const what = `repair of ${keys} keys of ${tables.join(', ')}`;
    await confirm(job.job, what, o.yes === true);
  }
  tellPaused(link);
  const wait = waitOf(timeoutMs, stopSignal(), quiet);
  const repaired = await runRepair(link, plan.rounds, wait);
  if (!repaired.complete) {
    return gaveUp(wait, 'the repair goes on by itself; `reshard verify` tells when it has helped');
  }
  if (tables.length === 0) {
    tell(o, plan, repaired, null);
    return plan.refused.length > 0 ? EXIT.different : EXIT.ok;
  }
  const report = await runCheck(link, tables, wait);
  if (report === null) return gaveUp(wait, 'repaired, but there is no verdict yet');
  tell(o, plan, repaired, report);
  return checkExit(report);
}

/** Differences of a finished check; its report is the only witness. */
export function checkResult(report: Report): CheckResult {
  return JSON.parse(report.detail);
}

/** Checks and repairs tables until a check finds no difference that a repair could cure. */
export async function repairUntilEqual(
  link: JobLink,
  tables: string[],
  roundsMax: number,
  wait: Wait,
): Promise<{ report: Report | null; repaired: Repaired }> {
  const total: Repaired = { keys: 0, rows: 0, deleted: 0, newer: 0, complete: true };
  for (let round = 0; ; round++) {
    const report = await runCheck(link, tables, wait);
    const isDifferent = report?.state === 'finished' && checkExit(report) === EXIT.different;
    if (!isDifferent || round === roundsMax) return { report, repaired: total };
    const { rounds } = planOf(link, differencesOf(report));
    if (rounds.length === 0) return { report, repaired: total };
    const repaired = await runRepair(link, rounds, wait);
    total.keys += repaired.keys;
    total.rows += repaired.rows;
    total.deleted += repaired.deleted;
    total.newer += repaired.newer;
    total.complete = repaired.complete;
    if (!repaired.complete) return { report: null, repaired: total };
  }
}

function differencesOf(report: Report): Difference[] {
  return checkResult(report).tables.flatMap(t => t.differences);
}

function planOf({ job, view }: JobLink, differences: readonly Difference[]): RepairPlan {
  const sources = job.sources.map(s => s.name);
  return planRepair(differences, sources, [...view.plans.values()]);
}

function ofCheck(link: JobLink, id: string | undefined, quiet: boolean): RepairPlan {
  const finished = [...link.reports.values()]
    .filter(r => r.service === 'checker' && r.unit.startsWith('verify-') && r.state === 'finished')
    .filter(r => id === undefined || r.unit === id)
    .sort((a, b) => (a.unit < b.unit ? -1 : 1));
  const report = finished.at(-1);
  if (report === undefined) {
    throw new ReshardError('config', `there is no finished check${id ? ` ${id}` : ''}`, {
      remedy: '`reshard verify` makes one',
    });
  }
  if (!quiet) process.stderr.write(`${report.unit}\n${renderCheck(report)}\n`);
  return planOf(link, differencesOf(report));
}

/** `--keys orders:17 order_items:17,2`: key columns in key order. */
function ofKeys({ job, view }: JobLink, keys: readonly string[]): RepairPlan {
  const sources = job.sources.map(s => s.name);
  const [source = ''] = sources;
  const plans = [...view.plans.values()];
  const wanted = keys.map(text => {
    const [, table = '', values = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
    const plan = plans.find(p => p.table === table);
    if (plan === undefined) {
      throw wrongKey(text, 'not <table>:<key> of a table of the job', job);
    }
    const columns = keyColumns(plan.schema);
    const parts = columns.length === 1 ? [values] : values.split(',');
    if (parts.length !== columns.length) {
      const names = columns.map(c => c.name).join(',');
      throw wrongKey(text, `the key has ${columns.length} columns (${names})`, job);
    }
    const key = Object.fromEntries(columns.map((c, i) => [c.name, parts[i] ?? '']));
    return { table, key, source, clear: 'always' as const };
  });
  return { rounds: roundsOf(wanted, sources, plans), refused: [] };
}

function wrongKey(text: string, why: string, job: Job): ReshardError {
  const tables = job.tables.map(t => t.name).join(', ');
  return new ReshardError('config', `--keys ${text}: ${why}`, {
    remedy: `<table>:<values of the key columns, separated by commas>; tables: ${tables}`,
  });
}

function tell(
  o: RepairCommandOptions,
  plan: RepairPlan,
  repaired: Repaired,
  report: Report | null,
): void {
  const { refused } = plan;
  if (o.json) {
    const check = report?.state === 'finished' ? checkResult(report) : null;
    process.stdout.write(`${JSON.stringify({ repaired, refused, check })}\n`);
    return;
  }
  const lines = [repairedText(repaired)];
  for (const d of refused) {
    const key = JSON.stringify(d.key);
    lines.push(`not repaired: ${d.table} ${key} comes from ${d.sources.join(' and ')}`);
  }
  if (report !== null) lines.push(renderCheck(report));
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function repairedText({ keys, rows, deleted, newer }: Repaired): string {
  if (keys === 0) return 'nothing to repair';
  return (
    `${keys} keys read again: ${rows} rows and ${deleted} deletes appended to the log` +
    `${newer > 0 ? `, ${newer} had newer changes in it already` : ''}`
  );
}
