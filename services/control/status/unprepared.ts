/**
 * The status of a job that has no log: how far control is with preparing it, or that it is being
 * dropped, which takes the log away and leaves the state to the end.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { JobView, StateRecord } from '../../../shared/job/state/job-view.ts';
import { dropping, openState } from '../../../shared/job/state/open.ts';
import { stateTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { judged } from './feed.ts';
import { RecordReaders } from './followed-job.ts';
import type { Status } from './status.ts';
import { throttleStatus } from './throttle-status.ts';

/** Null if no control has ever begun with the job on this Kafka. */
export async function unprepared(job: Job, log: Logger): Promise<Status | null> {
  await using kafka = kafkaOf(job, log, 'reshard-status');
  if (!(await (await kafka.admin()).listTopics()).includes(stateTopic(job.job))) return null;
  const reader = await new RecordReaders(job).open<StateRecord>('state', stateTopic(job.job));
  await using state = await openState({ job, kafka, registry: registryOf(job), log, reader });
  return statusWithoutLog(job, state.view);
}

export function statusWithoutLog(job: Pick<Job, 'job'>, view: JobView): Status {
  if (view.drop !== null) {
    const status = blank(job, 'unknown', describeError(dropping(job.job)));
    return { ...status, sinceMs: view.drop.sinceMs };
  }
  const { sinceMs = 0, waiting = null } = view.preparing ?? {};
  return judged({ ...blank(job, 'prepare', waiting), sinceMs, pauses: view.pauseList });
}

/** A status that says nothing but what is waited for. */
export function blank(
  job: Pick<Job, 'job'>,
  phase: 'prepare' | 'unknown',
  waiting: string | null,
): Status {
  return judged({
    job: job.job,
    phase,
    sinceMs: 0,
    startedMs: 0,
    tables: [],
    sources: [],
    targets: [],
    topics: [],
    services: [],
    members: [],
    proofs: [],
    stream: null,
    checks: [],
    nextCheckMs: null,
    repairs: [],
    pauses: [],
    throttle: throttleStatus({ throttle: null, pauseList: [], job: null }),
    waiting,
    registry: null,
    differing: [],
    wayBack: null,
    cutover: null,
    handover: null,
    rehearsals: [],
  });
}
