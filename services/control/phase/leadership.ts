/**
 * The control leader: whoever holds the one slot of the group. Work under the lease gets a signal
 * that fires when the lease goes. One that was stopped for longer than its session wakes up with
 * the lease in its hands, as far as it knows: what keeps it from writing is the fence of the state's
 * transactional id (record-writer.ts), which the control after it has taken over.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
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

/** As long as this a leader that was fenced may not have noticed that its lease is gone. */
const NOTICE_SESSIONS = 2;

/**
 * Runs a leader's work. A leader that is fenced has lost its lease and is about to notice: starting
 * again at once would fence the one that leads now. Only if it still leads after that does it fail.
 */
export async function untilFenced<T>(
  work: () => Promise<T>,
  o: { job: Job; log: Logger; signal: AbortSignal },
): Promise<T> {
  try {
    return await work();
  } catch (e) {
    if (!(e instanceof ReshardError) || e.kind !== 'fenced') throw e;
    o.log.warn(`another control leads: ${e.message}`);
    await sleep(NOTICE_SESSIONS * o.job.options.sessionTimeoutMs, o.signal);
    throw e;
  }
}
