/** The handovers of a job on its real servers; null for a kind of job that has none. */
import type { Job } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { askHandover } from './ask-handover.ts';
import { Handovers, type HandoversDeps } from './handovers.ts';
import { ReplicaSite } from './replica-site.ts';

export function openHandovers(
  { job, view, log }: { job: Job; view: JobView; log: Logger },
  o: Pick<HandoversDeps, 'put' | 'note' | 'doubts' | 'sinks' | 'isStopped'> & {
    /** By source. */
    progress: ReadonlyMap<string, ProgressView>;
    lacks(positions: ReadonlyMap<string, string>): Promise<string | null>;
  },
): Handovers | null {
  if (job.kind !== 'copy') return null;
  const site = new ReplicaSite(job);
  const source = job.sources[0]?.name ?? '';
  return new Handovers({
    ...{ ...o, job, view, log, site },
    progress: () => o.progress.get(source),
    gates: async () => (await askHandover({ job, view, log, site })).gates,
    lacks: gtid => o.lacks(new Map([[source, gtid]])),
    sleep: ms => sleep(ms),
  });
}
