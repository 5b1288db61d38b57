/**
 * Which tables a request is about. One that names a table which the job does not have is refused as
 * a whole: a check that left it out would tell of the others as if it had been asked for them, and
 * of nothing at all everything is equal.
 */
import type { Job } from '../../shared/job/job.ts';
import type { VerifyRequest } from '../../shared/job/state/verify-request.ts';
import { ReshardError } from '../../shared/runtime/error.ts';

type Tables = Pick<Job, 'tables'>;

/** In the order of the job; null if a table is not one of the job. */
export function tablesOf(request: Pick<VerifyRequest, 'tables'>, job: Tables): string[] | null {
  const names = job.tables.map(t => t.name);
  if (request.tables.some(name => !names.includes(name))) return null;
  return request.tables.length === 0 ? names : names.filter(n => request.tables.includes(n));
}

export function unknownTable(request: Pick<VerifyRequest, 'tables'>, job: Tables): ReshardError {
  const unknown = request.tables.filter(name => !job.tables.some(t => t.name === name));
  return new ReshardError('config', `nothing was compared: the job has no ${unknown.join(', ')}`, {
    remedy: 'a table that is new in the job file is taken up by `reshard apply <job file>`',
  });
}
