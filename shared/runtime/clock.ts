/** Waiting, always with an end: a signal or a deadline. */
import { setTimeout as delay } from 'node:timers/promises';
import { ReshardError } from './error.ts';

/** Waits `ms` milliseconds or until the signal; never rejects for the signal. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  try {
    await delay(ms, undefined, signal ? { signal } : {});
  } catch (e) {
    if (!signal?.aborted) throw e;
  }
}

export interface Deadline {
  timeoutMs: number;
  everyMs?: number;
  /** What is waited for, for the error message. */
  what: string;
  signal?: AbortSignal;
}

/** Polls until `probe` gives something other than false or undefined, and returns that. */
export async function until<T>(
  probe: () => Promise<T | false | undefined> | T | false | undefined,
  { timeoutMs, everyMs = 50, what, signal }: Deadline,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const got = await probe();
    if (got !== false && got !== undefined) return got;
    if (signal?.aborted) throw new ReshardError('bug', `stopped while waiting for ${what}`);
    if (performance.now() > end) {
      throw new ReshardError('bug', `waited ${timeoutMs} ms in vain for ${what}`);
    }
    await sleep(everyMs, signal);
  }
}

/** The result of `work`, or an error of kind `unreachable` when that takes longer than `ms`. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const limit = new AbortController();
  const late = sleep(ms, limit.signal).then((): never => {
    throw new ReshardError('unreachable', `${what} did not answer within ${ms} ms`);
  });
  late.catch(() => {});
  work.catch(() => {});
  try {
    return await Promise.race([work, late]);
  } finally {
    limit.abort();
  }
}
