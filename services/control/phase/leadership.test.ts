/** What a leader hears of its lease. That one without it cannot write is paused.live.test.ts. */
import { expect, test } from 'vitest';
import type { Job } from '../../../shared/job/job.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import type { MemberOptions } from '../../../shared/kafka/member.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { leadership } from './leadership.ts';

type Handlers = Pick<MemberOptions, 'onAssigned' | 'onRevoked' | 'onLost'>;

/** A leader whose group is the test; `terms` are those that it has had. */
async function lead(): Promise<{
  group: Handlers;
  terms: AbortSignal[];
  stop: () => Promise<void>;
}> {
  const signal = new AbortController();
  const terms: AbortSignal[] = [];
  const joined = Promise.withResolvers<Handlers>();
  const kafka = {
    member: async (o: MemberOptions) => {
      joined.resolve(o);
      return { close: async () => undefined };
    },
  } as unknown as KafkaLog;
  const job = { job: 'j', options: { sessionTimeoutMs: 6000 } } as Job;
  const log = createLogger({ name: 'test', level: 'silent' });
  const ended = leadership({ kafka, job, log, signal: signal.signal }, async leading => {
    terms.push(leading);
    const { promise, resolve } = Promise.withResolvers<void>();
    leading.addEventListener('abort', () => resolve());
    await promise;
  });
  const stop = (): Promise<void> => {
    signal.abort();
    return ended;
  };
  return { group: await joined.promise, terms, stop };
}

test.each(['lost', 'taken away'] as const)('work ends when the lease is %s', async how => {
  const { group, terms, stop } = await lead();
  await group.onAssigned([0]);
  expect(terms.map(t => t.aborted)).toEqual([false]);
  if (how === 'lost') group.onLost();
  else await group.onRevoked([0]);
  expect(terms.map(t => t.aborted)).toEqual([true]);
  await group.onAssigned([0]);
  expect(terms.map(t => t.aborted)).toEqual([true, false]);
  await stop();
});
