/** The status of a job that has no log yet: how far control is with preparing it. */
import type { Job } from '../../../shared/job/job.ts';
import { applyState, JobView } from '../../../shared/job/state/job-view.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import { stateTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf, stateCodec } from '../../../shared/member/context.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Status } from './status.ts';

/** Null if no control has ever begun with the job on this Kafka. */
export async function unprepared(job: Job, log: Logger): Promise<Status | null> {
  await using kafka = kafkaOf(job, log, 'reshard-status');
  if (!(await (await kafka.admin()).listTopics()).includes(stateTopic(job.job))) return null;
  const view = new JobView();
  const states = await stateCodec(registryOf(job), job);
  await using tail = await tailTable(kafka, stateTopic(job.job), (key, value) =>
    applyState(view, states, key, value),
  );
  await tail.caughtUp;
  const { sinceMs = 0, waiting = null } = view.preparing ?? {};
  return { ...blank(job, 'prepare', waiting), sinceMs, pauses: view.pauseList };
}

/** A status that tells nothing but what is waited for. */
export function blank(job: Job, phase: 'prepare' | 'unknown', waiting: string | null): Status {
  return {
    job: job.job,
    phase,
    sinceMs: 0,
    startedMs: 0,
    tables: [],
    sources: [],
    targets: [],
    services: [],
    members: [],
    pauses: [],
    waiting,
    drained: false,
    halted: 0,
  };
}
