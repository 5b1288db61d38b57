/**
 * The control leader: whoever holds the one slot of the group. Work under the lease gets a signal
 * that fires when the lease goes, so that two controls never write the state at the same time for
 * longer than a rebalance; records of the state are idempotent, so even that does no harm.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { aborted } from '../../../shared/runtime/service.ts';

export async function leadership(
  o: { kafka: KafkaLog; job: Job; log: Logger; signal: AbortSignal },
  lead: (leading: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController();
  let failure: unknown;
  let term: { stop: AbortController; ended: Promise<void> } | undefined;

  const begin = async (): Promise<void> => {
    if (term) return;
    const stop = new AbortController();
    const leading = AbortSignal.any([stop.signal, o.signal]);
    const ended = lead(leading).catch(e => {
      if (leading.aborted) return;
      failure = e;
      failed.abort();
    });
    term = { stop, ended };
  };
  const end = async (): Promise<void> => {
    const old = term;
    term = undefined;
    old?.stop.abort();
    await old?.ended;
  };
  const member = await o.kafka.member({
    groupId: `reshard.${o.job.job}.control`,
    slots: 1,
    sessionTimeoutMs: o.job.options.sessionTimeoutMs,
    onAssigned: slots => (slots.length > 0 ? begin() : end()),
    onRevoked: end,
    onLost: () => {
      o.log.warn('lost the lease of control');
      void end();
    },
  });
  await aborted(AbortSignal.any([o.signal, failed.signal]));
  await end();
  await member.close();
  if (failure !== undefined) throw failure;
}
