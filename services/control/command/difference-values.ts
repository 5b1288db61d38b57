/**
 * The use case values: the report of a check with what the rows that differ hold, for whoever has
 * asked for it. They are read now, and are in this report alone: it is never sent anywhere.
 */
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import { rowKeyNames } from '../../../shared/schema/table-schema.ts';
import { readValues } from '../repair/row-values.ts';
import type { JobLink } from './job-handle.ts';
import { sqlServers } from './repair-sql.ts';

/** A result as it is shown. */
export interface ShownResult extends CheckResult {
  /** When the values were read. */
  valuesMs?: number;
  /** Why they were not. */
  valuesError?: string;
}

/** The verdict is told whether or not they can be read. */
export async function withValues(
  link: Pick<JobLink, 'job' | 'view' | 'progress'>,
  report: Report,
): Promise<Report> {
  if (report.state !== 'finished') return report;
  const result: ShownResult = JSON.parse(report.detail);
  const servers = sqlServers(link);
  try {
    for (const { table, differences } of result.tables) {
      const plan = [...link.view.plans.values()].find(p => p.table === table);
      const key = plan === undefined ? undefined : rowKeyNames(plan.schema);
      await readValues(servers, table, key, differences);
    }
    result.valuesMs = Date.now();
  } catch (e) {
    result.valuesError = describeError(e);
  }
  return { ...report, detail: JSON.stringify(result) };
}
