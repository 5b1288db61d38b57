/**
 * Patience with servers that are away for a moment: does something again and again while its error
 * is one that passes by itself (policy `restart`), and says each time what it waits for. What will
 * not pass, a wrong setting or login, is thrown at once.
 */
import { Backoff } from '../runtime/backoff.ts';
import { sleep } from '../runtime/clock.ts';
import { asReshardError, describeError, type ReshardError } from '../runtime/error.ts';
import { policyOf } from '../runtime/error-policy.ts';
import type { Logger } from '../runtime/log.ts';

const PAUSE = { minMs: 250, maxMs: 4000 };

export interface PersistOptions {
  /** What is tried, for the log. */
  what: string;
  log: Logger;
  signal: AbortSignal;
  /** Called with each failure, before the pause. */
  onWait?: (error: ReshardError) => void | Promise<void>;
}

/** Rejects with an error that does not pass, or with the last one when the signal comes. */
export async function persist<T>(work: () => Promise<T>, o: PersistOptions): Promise<T> {
  for (const backoff = new Backoff(PAUSE); ; ) {
    try {
      return await work();
    } catch (e) {
      const error = asReshardError(e);
      if (policyOf(error.kind) !== 'restart' || o.signal.aborted) throw error;
      const inMs = Math.round(backoff.next());
      o.log.warn({ inMs }, `${o.what} has to wait: ${describeError(error)}`);
      await o.onWait?.(error);
      await sleep(inMs, o.signal);
      if (o.signal.aborted) throw error;
    }
  }
}
