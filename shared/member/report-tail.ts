/** What the members of a job say of themselves, followed. */
import type { Job } from '../job/job.ts';
import type { JobView } from '../job/state/job-view.ts';
import type { KafkaLog } from '../kafka/kafka.ts';
import { type TailedTable, tailTable } from '../kafka/table.ts';
import { reportTopic } from '../kafka/topic-name.ts';
import type { SchemaRegistry } from '../registry/registry.ts';
import { reportCodec } from './context.ts';
import type { Report } from './reporter.ts';

/** Key: `<service>/<unit>`; null: it says nothing any more. */
export type OnReport = (key: string, report: Report | null) => void;

/**
 * Tells each report of the job that `view` is of. What an earlier job of the same name has said is
 * not true of this one, and comes as null.
 */
export async function tailReports(
  { kafka, registry, job }: { kafka: KafkaLog; registry: SchemaRegistry; job: Job },
  view: Pick<JobView, 'jobId'>,
  onReport: OnReport,
): Promise<TailedTable> {
  const codec = await reportCodec(registry, job);
  return tailTable(kafka, reportTopic(job.job), (key, value) => {
    const found = value === null ? null : codec.decode(value);
    onReport(key.toString(), found?.jobId === view.jobId ? found : null);
  });
}
