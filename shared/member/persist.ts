/**
 * Patience with servers that are away for a moment: does something again and again while its error
 * is one that passes by itself (policy `restart`), and says each time what it waits for. What will
 * not pass, a wrong setting or login, is thrown at once.
 */
import { sleep } from '../runtime/clock.ts';
import { asReshardError, describeError, type ReshardError } from '../runtime/error.ts';
import { policyOf } from '../runtime/error-policy.ts';
import type { Logger } from '../runtime/log.ts';

const PAUSE_MIN_MS = 250;
const PAUSE_MAX_MS = 4000;

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
  for (let pauseMs = PAUSE_MIN_MS; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
    try {
      return await work();
    } catch (e) {
      const error = asReshardError(e);
      if (policyOf(error.kind) !== 'restart' || o.signal.aborted) throw error;
      o.log.warn({ inMs: pauseMs }, `${o.what} has to wait: ${describeError(error)}`);
      await o.onWait?.(error);
      await sleep(pauseMs, o.signal);
      if (o.signal.aborted) throw error;
    }
  }
}
