/**
 * Which tables a request is about. One that names a table which the job does not have is refused as
 * a whole: a check that left it out would tell of the others as if it had been asked for them, and
 * of nothing at all everything is equal.
 */
import type { Job } from '../../shared/job/job.ts';
import type { CheckBasis } from '../../shared/job/state/check-result.ts';
import { isScheduled } from '../../shared/job/state/check-schedule.ts';
import type { VerifyRequest } from '../../shared/job/state/verify-request.ts';
import { ReshardError } from '../../shared/runtime/error.ts';

type Tables = Pick<Job, 'tables'>;

/** In the order of the job; null if a table is not one of the job. */
export function tablesOf(request: Pick<VerifyRequest, 'tables'>, job: Tables): string[] | null {
  const names = job.tables.map(t => t.name);
  if (request.tables.some(name => !names.includes(name))) return null;
  return request.tables.length === 0 ? names : names.filter(n => request.tables.includes(n));
}

/** The table of a scope; a scope of several, or of none, would be one of each key by itself. */
export function scopedTable({ scope }: VerifyRequest, names: readonly string[]): string | null {
  if (!scope) return null;
  const [table, ...others] = names;
  if (table !== undefined && others.length === 0) return table;
  throw new ReshardError('config', 'nothing was compared: a scope is one of one table', {
    remedy: '`--tables <table>` with --from, --to or --where',
  });
}

/**
 * What the verdict will stand on, as the report tells it. A check of a scope is given no basis of a
 * table: there is nothing in its report that any version of control could take for a proof.
 */
export function standOf(
  { scope }: Pick<VerifyRequest, 'scope'>,
  bases: Record<string, string>,
): CheckBasis {
  return scope ? { bases: {}, scopeBases: bases } : { bases };
}

export function unknownTable(request: Pick<VerifyRequest, 'tables'>, job: Tables): ReshardError {
  const unknown = request.tables.filter(name => !job.tables.some(t => t.name === name));
  return new ReshardError('config', `nothing was compared: the job has no ${unknown.join(', ')}`, {
    remedy: 'a table that is new in the job file is taken up by `reshard apply <job file>`',
  });
}

/** Which of those that wait comes first: what somebody has asked for, then what nobody has. */
export function nextCheck(waiting: readonly VerifyRequest[]): VerifyRequest | undefined {
  const [next] = [...waiting].sort(
    (a, b) => Number(isScheduled(a)) - Number(isScheduled(b)) || a.requestedMs - b.requestedMs,
  );
  return next;
}

/**
 * Whether a check that runs is to be left: its request was withdrawn, or it is of the schedule and
 * somebody waits for another one. It is gone on with when that is done.
 */
export function isToLeave(running: VerifyRequest, waiting: readonly VerifyRequest[]): boolean {
  if (!waiting.some(v => v.id === running.id)) return true;
  return isScheduled(running) && waiting.some(v => !isScheduled(v));
}
