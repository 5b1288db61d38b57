/**
 * The use case repair: finds out which keys are meant, writes the order, follows what control does
 * with it (repair/repair-runs.ts). Nothing rests on the one who follows: when he is gone, the
 * rounds and the check after them go on.
 */
import type { CheckResult, Difference } from '../../../shared/job/state/check-result.ts';
import { isOpen, type RepairRun, type WantedKey } from '../../../shared/job/state/repair-run.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { keyColumns } from '../../../shared/row/key-range.ts';
import { namedKey } from '../../../shared/row/key-text.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { planRepair, type RepairPlan, roundsOf } from '../repair/repair-plan.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import type { JobLink } from './job-handle.ts';
import { operator } from './operator.ts';
import { checkReport } from './verify.ts';

const POLL_MS = 100;

export interface RunStep {
  id: string;
  /** Null until control has begun with it. */
  run: RepairRun | null;
  /** What it waits for, as control says. */
  waiting: RunNote | null;
  /** While it checks: what the checker says. */
  report: Report | null;
}

export interface RunOutcome {
  run: RepairRun;
  /** The check at its end. */
  report: Report | null;
}

/** Orders the repair of `keys` and follows it. */
export async function* repair(
  link: JobLink,
  keys: WantedKey[],
  check: string | null,
): AsyncGenerator<RunStep, RunOutcome> {
  const id = requestId('repair');
  const order = { id, requestedMs: Date.now(), by: operator(), check, keys };
  await link.requests.order(order);
  return yield* followRun(link, id);
}

/** Follows the run of an order or of a recopy to its end. */
export async function* followRun(link: JobLink, id: string): AsyncGenerator<RunStep, RunOutcome> {
  for (;;) {
    const run = link.view.runs.get(id) ?? null;
    const report = run?.check ? checkReport(link, run.check) : null;
    if (run?.stage === 'failed') {
      throw new ReshardError('config', `${id} has failed: ${run.error ?? 'no reason given'}`, {
        remedy: 'cure that, then order it again',
      });
    }
    // Control has read the report before it ended the run; our own view of it may be later.
    const isTold = !run?.check || report?.state === 'finished' || report?.state === 'failed';
    if (run !== null && !isOpen(run) && isTold) return { run, report };
    yield { id, run, waiting: noteOf(link, id), report };
    await sleep(POLL_MS);
  }
}

/** What control says that the run, or the request of it, waits for. */
export function noteOf({ reports }: JobLink, id: string): RunNote | null {
  const detail = reports.get('control/job')?.detail;
  if (detail === undefined) return null;
  const { repairs = [] }: { repairs?: RunNote[] } = JSON.parse(detail);
  return repairs.find(r => r.id === id) ?? null;
}

/** Differences of a finished check; its report is the only witness. */
export function checkResult(report: Report): CheckResult {
  return JSON.parse(report.detail);
}

/**
 * The finished checks whose differences are meant: that of `id`; else, of each table that is known
 * to differ, the one that has found it; else the newest one. A newer check of other tables has
 * cured nothing.
 */
export function meantChecks(link: JobLink, id: string | undefined): Report[] {
  if (id !== undefined) return [finishedCheck(link, id)];
  const proofs = [...link.view.proofs.values()].filter(p => p.result === 'different');
  const ids = [...new Set(proofs.map(p => p.check))].sort();
  const known = ids.flatMap(check => checkReport(link, check) ?? []);
  return known.length > 0 ? known : [finishedCheck(link, undefined)];
}

function finishedCheck({ reports }: JobLink, id: string | undefined): Report {
  const finished = [...reports.values()]
    .filter(r => r.service === 'checker' && r.unit.startsWith('verify-') && r.state === 'finished')
    .filter(r => id === undefined || r.unit === id)
    .sort((a, b) => (a.unit < b.unit ? -1 : 1));
  const report = finished.at(-1);
  if (report !== undefined) return report;
  throw new ReshardError('config', `there is no finished check${id ? ` ${id}` : ''}`, {
    remedy: '`reshard verify <job file>` makes one',
  });
}

/**
 * The keys that the checks have found different. Of a table that a later one of them has compared
 * as well, the later one's.
 */
export function keysOfChecks({ job, view }: JobLink, checks: readonly Report[]): RepairPlan {
  const byTable = new Map<string, Difference[]>();
  for (const report of checks) {
    for (const { table, differences } of checkResult(report).tables) {
      byTable.set(table, differences);
    }
  }
  const sources = job.sources.map(s => s.name);
  const plans = [...view.plans.values()];
  return planRepair([...byTable.values()].flat(), sources, plans, job.kind === 'expand');
}

/** `orders:17 order_items:17,2`: key columns in key order. */
export function keysOfText({ job, view }: JobLink, texts: readonly string[]): RepairPlan {
  const sources = job.sources.map(s => s.name);
  const [source = ''] = sources;
  const plans = [...view.plans.values()];
  const tables = job.tables.map(t => t.name);
  const keys = texts.map((text): WantedKey => {
    const [, table = '', values = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
    const plan = plans.find(p => p.table === table);
    if (plan === undefined) {
      throw wrongKey(text, 'not <table>:<key> of a table of the job', tables);
    }
    const key = namedKey(plan.schema, values);
    if (key === null) {
      const columns = keyColumns(plan.schema).map(c => c.name);
      const why = `the key has ${columns.length} columns (${columns.join(',')})`;
      throw wrongKey(text, why, tables);
    }
    return { table, key, source, clear: 'always' };
  });
  return { keys, rounds: roundsOf(keys, sources, plans), refused: [] };
}

function wrongKey(text: string, why: string, tables: readonly string[]): ReshardError {
  return new ReshardError('config', `--keys ${text}: ${why}`, {
    remedy: `<table>:<values of the key columns, separated by commas>; tables: ${tables.join(', ')}`,
  });
}
