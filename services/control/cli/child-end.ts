/** The end of a service that another process has started. */
import type { ChildProcess } from 'node:child_process';
import { EXIT } from './exit-code.ts';

/** A child that has not drained by then is killed: nothing can be lost by it. */
export const DRAIN_MS = 20_000;

/** Exit code of the child; at the signal it is asked to drain, and killed if it does not. */
export function ended(child: ChildProcess, signal: AbortSignal): Promise<number> {
  return new Promise(resolve => {
    let killer: NodeJS.Timeout | undefined;
    const drain = (): void => {
      child.kill('SIGTERM');
      killer = setTimeout(() => child.kill('SIGKILL'), DRAIN_MS);
    };
    if (signal.aborted) drain();
    else signal.addEventListener('abort', drain, { once: true });
    child.once('error', () => resolve(EXIT.failed));
    child.once('exit', (exit, killedBy) => {
      signal.removeEventListener('abort', drain);
      clearTimeout(killer);
      resolve(exit ?? (killedBy === null ? EXIT.failed : 128));
    });
  });
}
