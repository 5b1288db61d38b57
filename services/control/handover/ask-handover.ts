/** All gates of a handover as they are now; asks the status and both servers, changes nothing. */
import { type Job, tablesOf } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { standings } from '../../../shared/job/state/proof.ts';
import { describeError, firstLine } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type Gate, jobGates, shutGates, unknown } from '../cutover/gate.ts';
import { StatusFeed } from '../status/feed.ts';
import { fileGates, serverGates, type Warning, warningsOf } from './handover-gate.ts';
import type { HandoverSite } from './replica-site.ts';

export interface HandoverAsked {
  gates: Gate[];
  warnings: Warning[];
}

export async function askHandover(d: {
  job: Job;
  view: JobView;
  log: Logger;
  site: Pick<HandoverSite, 'facts'>;
}): Promise<HandoverAsked> {
  const { job, view, log, site } = d;
  const ofFile = fileGates(job);
  // The servers of another kind are not those of a handover.
  if (shutGates(ofFile).length > 0) return { gates: ofFile, warnings: [] };
  await using feed = await StatusFeed.open(job, log, view);
  const [status, servers] = await Promise.all([
    feed?.status() ?? null,
    site.facts().catch(e => unknown('answers', '', firstLine(describeError(e)), null)),
  ]);
  const ofJob =
    status === null
      ? [unknown('status', '', 'the job has no reports', null)]
      : jobGates(status, standings(view, tablesOf(job)), job.cutover.limits);
  if (!('source' in servers)) return { gates: [...ofFile, ...ofJob, servers], warnings: [] };
  const { source, target } = servers;
  return {
    gates: [...ofFile, ...ofJob, ...serverGates(job, source, target)],
    warnings: warningsOf(source, target),
  };
}
