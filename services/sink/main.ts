/** The sink service: a member that applies the slots (partitions) it is given to all targets. */

import { deadLetterTopic } from '../../shared/kafka/topic-name.ts';
import { openContext, type ServiceOptions } from '../../shared/member/context.ts';
import { deadLetterSender } from './dead-letter/dead-letter-record.ts';
import { SinkProgress } from './metrics.ts';
import { Sink } from './sink.ts';

export async function runSink(o: ServiceOptions): Promise<void> {
  await using context = await openContext('sink', o);
  const { job, log, signal, kafka, view, report } = context;
  const deadLetters = deadLetterTopic(job.job);
  const from = { job: job.job, targets: job.targets.map(t => t.name) };
  const sendDeadLetters = deadLetterSender(deadLetters, from, await kafka.writer());
  const sink = new Sink({ job, view, kafka, sendDeadLetters, log });
  const figures = new SinkProgress(sink, {
    parkDeadlineMs: job.options.parkDeadlineSeconds * 1000,
    deadLetters,
    metrics: context.metrics,
  });
  context.readiness = () => figures.readiness();
  const unitOf = (slot: number, target: number): string => `${sink.targets[target]?.name}/${slot}`;
  const tell = (slots: readonly number[], isOurs: boolean): void => {
    for (const slot of slots) {
      for (const { number } of sink.targets) {
        const unit = unitOf(slot, number);
        if (isOurs) report.provide(unit, () => figures.slot(slot, number));
        else report.forget(unit);
      }
    }
  };
  const member = await kafka.member({
    groupId: `reshard.${job.job}.sink`,
    slots: job.options.partitions,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async slots => {
      sink.take(slots);
      tell(slots, true);
    },
    onRevoked: async slots => {
      tell(slots, false);
      await sink.giveUp(slots);
    },
    onLost: () => {
      tell([...sink.slots], false);
      sink.lose();
    },
  });
  try {
    await sink.run(signal);
  } finally {
    await member.close();
  }
}
