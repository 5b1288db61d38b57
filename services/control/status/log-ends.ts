/**
 * Where the log of each table ends: the high watermarks. The last stable offset stops in front of
 * the first open transaction, so that a target which has all up to there would count as having all,
 * while records of a transaction that is committed already, or about to be, stand behind it.
 * Each topic has its own deadline; one that is gone, or shorter than what a target has applied of
 * it, is named with the remedy.
 */
import { isReturnJob } from '../../../shared/job/return-job.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { TopicStatus } from './status.ts';

const TOPIC_MS = 4000;

export interface LogEnds {
  /** By `<topic>/<partition>`. */
  ends: ReadonlyMap<string, number>;
  topics: TopicStatus[];
}

export async function logEnds(
  kafka: KafkaLog,
  job: string,
  plans: readonly TablePlan[],
): Promise<LogEnds> {
  const ends = new Map<string, number>();
  const topics: TopicStatus[] = [];
  await Promise.all(
    plans.map(async plan => {
      const { topic, source, table } = plan;
      try {
        const asked = within(TOPIC_MS, `topic ${topic}`, kafka.highWatermarks(topic));
        for (const [partition, end] of (await asked).entries()) {
          ends.set(`${topic}/${partition}`, end);
        }
      } catch (e) {
        const isGone = await isMissing(kafka, topic);
        topics.push({
          topic,
          source,
          table,
          state: isGone ? 'gone' : 'unknown',
          error: isGone ? goneText(job, plan, 'it has been deleted') : describeError(e),
        });
      }
    }),
  );
  return { ends, topics };
}

/**
 * Topics that end before what a target has applied of them, by ends that were asked for after that:
 * those from before are passed, under writes, while the targets are asked.
 */
export async function lostTopics(
  kafka: KafkaLog,
  job: string,
  plans: readonly TablePlan[],
  { ends }: Pick<LogEnds, 'ends'>,
  applied: readonly ReadonlyMap<string, number>[],
): Promise<TopicStatus[]> {
  const cut = (seen: LogEnds['ends']): Map<string, TopicStatus> =>
    new Map(applied.flatMap(a => cutTopics(job, plans, seen, a)).map(t => [t.topic, t]));
  const doubtful = cut(ends);
  if (doubtful.size === 0) return [];
  const again = await logEnds(
    kafka,
    job,
    plans.filter(p => doubtful.has(p.topic)),
  );
  return [...cut(again.ends).values()];
}

/** Topics that end before what a target has applied of them: made anew under their old names. */
function cutTopics(
  job: string,
  plans: readonly TablePlan[],
  ends: ReadonlyMap<string, number>,
  applied: ReadonlyMap<string, number>,
): TopicStatus[] {
  return plans.flatMap(plan => {
    const { topic, source, table } = plan;
    const cut = [...ends].find(
      ([place, end]) => place.startsWith(`${topic}/`) && (applied.get(place) ?? 0) > end,
    );
    if (cut === undefined) return [];
    const [place, end] = cut;
    const what = `a target has applied ${place} up to ${applied.get(place)}, and it ends at ${end}`;
    const error = goneText(job, plan, `${what}: it has been deleted and made anew, or cut`);
    return [{ topic, source, table, state: 'gone', error }];
  });
}

/** False when Kafka does not answer: then nothing is known. */
async function isMissing(kafka: KafkaLog, topic: string): Promise<boolean> {
  try {
    const admin = await kafka.admin();
    const listed = await within(TOPIC_MS, 'Kafka', admin.listTopics());
    return !listed.includes(topic);
  } catch {
    return false;
  }
}

function goneText(job: string, { topic, table, source }: TablePlan, what: string): string {
  const remedy = isReturnJob({ job })
    ? 'nothing begins the log of a way back anew: stop the members, `reshard drop <job file>`, empty' +
      ` the target tables, \`reshard up <job file>\`: all is copied anew (topic ${topic})`
    : `\`reshard recopy <job file> --source ${source} --tables ${table}\` makes it anew where it is` +
      ' gone, and copies the table into it; other consumers begin with it at its start';
  return (
    `the log of table ${table} of source ${source} of the job ${job}: ${what}. Changes in it ` +
    `that a target had not applied are lost with it, and nothing of the table flows any more\n  remedy: ${remedy}`
  );
}
