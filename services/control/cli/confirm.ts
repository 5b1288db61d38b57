/** The operator's word for what changes data: the job's name, typed, or --yes. */
import { createInterface } from 'node:readline';
import { ReshardError } from '../../../shared/runtime/error.ts';

/** `stop`: of a command that has waited before, and hears signals since. */
export async function confirm(
  job: string,
  what: string,
  yes: boolean,
  stop: AbortSignal | null = null,
): Promise<void> {
  if (yes) return;
  if (process.stdin.isTTY !== true) {
    throw new ReshardError('config', `${what} is done on the operator's word only`, {
      remedy: 'add --yes, or run it on a terminal',
    });
  }
  const typed = await ask(`${what}: type the job's name (${job}) to go on: `, stop);
  if (typed?.trim() !== job) throw new ReshardError('config', 'not confirmed, nothing was done');
}

/** The line that is typed; null after Ctrl-C, Ctrl-D, or the signal. */
function ask(question: string, stop: AbortSignal | null): Promise<string | null> {
  return new Promise(resolve => {
    const reader = createInterface({ input: process.stdin, output: process.stderr });
    const end = (): void => reader.close();
    reader.once('SIGINT', end);
    stop?.addEventListener('abort', end, { once: true });
    reader.once('close', () => resolve(null));
    reader.question(question, answer => {
      resolve(answer);
      reader.close();
    });
  });
}
