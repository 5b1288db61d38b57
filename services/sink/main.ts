/** The sink service: a member that applies the slots (partitions) it is given to all targets. */

import type { JobView } from '../../shared/job/state/job-view.ts';
import { openProgress } from '../../shared/job/state/open.ts';
import { deadLetterTopic } from '../../shared/kafka/topic-name.ts';
import { openContext, type ServiceOptions } from '../../shared/member/context.ts';
import type { ReportedUnit } from '../../shared/member/reporter.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { deadLetterSender } from './dead-letter/dead-letter-record.ts';
import { SinkProgress } from './metrics.ts';
import { Sink } from './sink.ts';

export async function runSink(o: ServiceOptions): Promise<void> {
  await using context = await openContext('sink', { ...o, slots: o.job.options.partitions });
  const { job, log, signal, kafka, view, report } = context;
  refuseFinished(view);
  // The sink reads no progress: that the sources are ours it asks once, before it writes anything.
  for (const { name } of job.sources) {
    await using _ = await openProgress(context, name, view.jobId);
  }
  const deadLetters = deadLetterTopic(job.job);
  const from = { job: job.job, jobId: view.jobId, targets: job.targets.map(t => t.name) };
  const sendDeadLetters = deadLetterSender(
    deadLetters,
    from,
    await kafka.writer({ mayBeRemade: true }),
  );
  const sink = new Sink({ job, view, kafka, sendDeadLetters, log });
  const progress = new SinkProgress(sink, {
    parkDeadlineMs: job.options.parkDeadlineSeconds * 1000,
    deadLetters,
    metrics: context.metrics,
  });
  context.readiness = () => progress.readiness();
  const unitOf = (slot: number, target: number): string => `${sink.targets[target]?.name}/${slot}`;
  const units = new Map<number, ReportedUnit[]>();
  const begin = (slot: number): void => {
    const unit = ({ number }: { number: number }): ReportedUnit =>
      report.unit(unitOf(slot, number), { progress: () => progress.slot(slot, number) });
    units.set(slot, sink.targets.map(unit));
  };
  /** Taken out at once: while they end, the slots may be ours again, with units of their own. */
  const taken = (slots: readonly number[]): ReportedUnit[] => {
    const found = slots.flatMap(slot => units.get(slot) ?? []);
    for (const slot of slots) units.delete(slot);
    return found;
  };
  const member = await context.join({
    groupId: `reshard.${job.job}.sink`,
    slots: job.options.partitions,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async slots => {
      sink.take(slots);
      for (const slot of slots) begin(slot);
    },
    onRevoked: async slots => {
      const ending = taken(slots);
      await sink.giveUp(slots);
      for (const unit of ending) unit.end();
    },
    onLost: () => {
      for (const unit of taken([...units.keys()])) unit.forget();
      sink.lose();
    },
  });
  try {
    await sink.run(signal);
  } finally {
    await member.close();
  }
}

/** Its sources may take writes again: of those nobody must bring one to a target. */
function refuseFinished(view: JobView): void {
  if (view.job?.phase !== 'finished') return;
  throw new ReshardError('job-changed', "the job is finished: the targets are the application's", {
    remedy: 'start no sink of it: rows of the sources would come over those of the application',
  });
}
