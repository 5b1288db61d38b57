/**
 * What a check between two passes of a repair has to compare: the tables that the last check has
 * given up, each behind the key up to which that has compared and listed everything. Of a table
 * that it has compared to its end, the check at the end of the run is enough.
 */
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import type { RepairOrder, RepairRun } from '../../../shared/job/state/repair-run.ts';
import type { VerifyRequest } from '../../../shared/job/state/verify-request.ts';
import type { Report } from '../../../shared/member/reporter.ts';

export type PassScope = Required<Pick<VerifyRequest, 'tables' | 'after'>>;

/** `results`: of the checks whose keys the pass has read again. */
export function passScope(tables: readonly string[], results: readonly CheckResult[]): PassScope {
  const found = new Map(results.flatMap(r => r.tables).map(t => [t.table, t]));
  const given = [...found.values()].filter(t => t.truncated && tables.includes(t.table));
  if (given.length === 0) return { tables: [...tables], after: {} };
  const behind = given.flatMap(t => (t.settledTo ? [[t.table, t.settledTo] as const] : []));
  return { tables: given.map(t => t.table), after: Object.fromEntries(behind) };
}

/** Null of a check that is not there, or has no result. */
export function resultOf(report: Report | undefined): CheckResult | null {
  return report?.state === 'finished' ? JSON.parse(report.detail) : null;
}

/** The command names those whose keys it orders; more than one where each has found some tables. */
export function checksOf(order: RepairOrder | undefined): string[] {
  return order?.check?.split(', ') ?? [];
}

/** Whether the check says less than all of the run's tables. */
export function isPart({ tables, after = {} }: VerifyRequest, run: RepairRun): boolean {
  return run.tables.some(t => !tables.includes(t) || after[t] !== undefined);
}
