/**
 * How far each target is behind the log, in records: by the ends of the topics and the offsets that
 * the target has applied, as the status shows it.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { type LogEnds, logEnds } from './log-ends.ts';
import type { Applied, ServerProbe } from './server-probe.ts';

export interface Backlog {
  target: string;
  /** Null when that is not known, with the reason. */
  records: number | null;
  why: string | null;
}

export function recordsBehind(
  ends: LogEnds['ends'],
  { offsets }: Pick<Applied, 'offsets'>,
): number {
  let records = 0;
  for (const [place, end] of ends) records += Math.max(0, end - (offsets.get(place) ?? 0));
  return records;
}

export async function backlogsOf(
  { job, kafka, view }: { job: Job; kafka: KafkaLog; view: JobView },
  probe: Pick<ServerProbe, 'applied' | 'whyNot'>,
): Promise<Backlog[]> {
  const { ends, topics } = await logEnds(kafka, job.job, [...view.plans.values()]);
  const [unknown] = topics;
  return Promise.all(
    job.targets.map(async ({ name: target }): Promise<Backlog> => {
      const applied = await probe.applied(target);
      if (unknown !== undefined) return { target, records: null, why: unknown.error };
      return applied === null
        ? { target, records: null, why: probe.whyNot(`target/${target}`) }
        : { target, records: recordsBehind(ends, applied), why: null };
    }),
  );
}
