/** The operator's word for what changes data: the job's name, typed, or --yes. */
import { createInterface } from 'node:readline/promises';
import { ReshardError } from '../../../shared/runtime/error.ts';

export async function confirm(job: string, what: string, yes: boolean): Promise<void> {
  if (yes) return;
  if (process.stdin.isTTY !== true) {
    throw new ReshardError('config', `${what} is done on the operator's word only`, {
      remedy: 'add --yes, or run it on a terminal',
    });
  }
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const typed = await reader.question(`${what}: type the job's name (${job}) to go on: `);
  reader.close();
  if (typed.trim() !== job) throw new ReshardError('config', 'not confirmed, nothing was done');
}
