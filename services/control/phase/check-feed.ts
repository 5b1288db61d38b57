/** The newest finished check, as the checker reported it, if it was asked for after a recopy. */

import { tailTable } from '../../../shared/kafka/table.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import { reportCodec, type ServiceContext } from '../../../shared/member/context.ts';
import type { Report } from '../../../shared/member/reporter.ts';

export interface CheckFeed extends AsyncDisposable {
  /** Whether the newest finished check found all equal; null while there is none. */
  verdict(): boolean | null;
}

const CHECK_KEY = /^checker\/(verify-.+)$/;

/** Follows the report topic; `onReport` is told of every record in it. */
export async function latestCheck(
  c: ServiceContext,
  onReport: (key: string, report: Report | null) => void,
): Promise<CheckFeed> {
  const codec = await reportCodec(c.registry, c.job);
  let newest = '';
  let verdict: boolean | null = null;
  const tail = await tailTable(c.kafka, reportTopic(c.job.job), (key, value) => {
    const name = key.toString();
    const found = value === null ? null : codec.decode(value);
    // A verdict over an earlier job of the same name says nothing.
    const report = found?.jobId === c.view.jobId ? found : null;
    onReport(name, report);
    const id = CHECK_KEY.exec(name)?.[1];
    if (id === undefined || report === null || id < newest) return;
    if (report.state !== 'finished') return;
    newest = id;
    if (report.counters.differences !== 0) verdict = false;
    else if (report.counters.unsettled === 0) verdict = true;
  });
  await tail.caughtUp;
  const isCurrent = (): boolean =>
    (c.view.verifies.get(newest)?.requestedMs ?? 0) >= (c.view.job?.recopiedMs ?? 0);
  return {
    verdict: () => (isCurrent() ? verdict : null),
    [Symbol.asyncDispose]: () => tail.close(),
  };
}
