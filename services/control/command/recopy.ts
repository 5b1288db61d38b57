/**
 * The use case recopy: decides what has to be done, writes the request, follows control, which
 * plans the tables anew, waits for their copy, and checks and repairs them to the end.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { RecopyRequest } from '../../../shared/job/state/job-view.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { hasBinlogGap } from '../phase/binlog-gap.ts';
import type { JobLink } from './job-handle.ts';
import { followRun, noteOf, type RunOutcome, type RunStep } from './repair.ts';

const POLL_MS = 250;

export async function* recopy(
  link: JobLink,
  request: RecopyRequest,
): AsyncGenerator<RunStep, RunOutcome> {
  const { id } = request;
  await link.requests.recopy(request);
  for (;;) {
    const known = link.view.recopies.get(id);
    if (known?.error) {
      throw new ReshardError('schema-changed', `control refused the recopy: ${known.error}`);
    }
    if (known?.plannedMs) return yield* followRun(link, id);
    yield { id, run: null, waiting: noteOf(link, id), report: null };
    await sleep(POLL_MS);
  }
}

/**
 * What has to be done is decided by what keeps the source's reader. It goes on from now (`jump`)
 * if it cannot go on from where it was; it passes over changes of the copied tables only (`skip`)
 * if one of them is what it cannot carry; and if it is well, it misses nothing.
 */
export async function recopyRequest(
  link: JobLink,
  source: string,
  named: string[],
): Promise<RecopyRequest> {
  const { job, progress, reports } = link;
  if (!progress.has(source)) {
    throw new ReshardError('config', `--source ${source}: the job has no such source`, {
      remedy: `one of: ${job.sources.map(s => s.name).join(', ')}`,
    });
  }
  const gtid = progress.get(source)?.resume?.gtid;
  const isGap = gtid !== undefined && (await hasBinlogGap(job, source, gtid));
  const reader = reports.get(`binlog/${source}`);
  const isHalted = reader?.state === 'halted';
  const isLost = isHalted && /^(position-lost|history-changed)/.test(reader.error ?? '');
  const jump = isGap || isLost || (isHalted && named.length === 0);
  return {
    id: requestId('recopy'),
    requestedMs: Date.now(),
    source,
    tables: named.length > 0 ? named : job.tables.map(t => t.name),
    jump,
    skip: isHalted && !jump,
  };
}

/** Tables whose changes may be in the gap and that are not copied. */
export function notCopied(job: Job, { jump, tables }: RecopyRequest): string[] {
  return jump ? job.tables.map(t => t.name).filter(name => !tables.includes(name)) : [];
}
