/** `reshard up`: the process tree of the job, with the live view. */

import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { readJob } from './job-file.ts';
import type { LiveOptions } from './live-view.ts';
import { onlyOne } from './only-one.ts';
import { printJson, tell } from './output.ts';
import { startTree, type Tree } from './up.ts';

export interface UpOptions {
  createTargets?: boolean;
  json?: boolean;
  logs?: string;
  quiet?: boolean;
}

export async function upCommand(file: string, o: UpOptions): Promise<number> {
  const job = await readJob(file);
  // A second tree would do no harm, and no good: twice the memory, and one log over the other.
  await using only = await onlyOne(`up ${job.job} ${job.kafka.brokers.join()}`);
  if (only.other !== null) {
    const where = `on this machine already (process ${only.other})`;
    throw new ReshardError('config', `an up of the job ${job.job} runs ${where}`, {
      remedy: `\`reshard status ${file}\` shows it; \`reshard service <name> ${file}\` adds a member`,
    });
  }
  const log = createLogger({ name: 'reshard' });
  const ended = new AbortController();
  const signal = AbortSignal.any([stopSignal(), ended.signal]);
  const terminal = process.stdout.isTTY === true;
  // A view that is redrawn and logs on the same terminal would destroy each other.
  const logDir = o.logs ?? (terminal && !o.quiet && !o.json ? `${job.job}-logs` : null);
  if (logDir !== null) log.info({ logDir }, 'logs of the services');
  const tree = startTree({
    job,
    jobFile: file,
    createTargets: o.createTargets === true,
    logDir,
    log,
    signal,
  });
  const view = o.quiet ? null : show(tree, { job, log, signal, json: o.json === true });
  const { code, said, why } = await tree.done;
  ended.abort();
  await view;
  if (said !== '') tell(`${said}\n`);
  // The status that was shown last knows nothing of it.
  if (o.json && why !== null) printJson({ error: why });
  return code;
}

/** A view that loads beside the services would make the first row late. */
async function show(tree: Tree, o: Omit<LiveOptions, 'out'>): Promise<void> {
  await tree.settled;
  const { showLive } = await import('./live-view.ts');
  if (!o.signal.aborted) await showLive({ ...o, out: process.stdout });
}
