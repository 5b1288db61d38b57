/** `reshard up`: the process tree of the job, with the live view. */

import { ReshardError } from '../../../shared/runtime/error.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { readJob } from './job-file.ts';
import { onlyOne } from './only-one.ts';
import { tell } from './output.ts';
import { startTree } from './up.ts';

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
    jobFile: file,
    createTargets: o.createTargets === true,
    logDir,
    log,
    signal,
  });
  // The services load their code while we load that of the view.
  const { showLive } = await import('./live-view.ts');
  const view = o.quiet
    ? Promise.resolve()
    : showLive({ job, log, signal, json: o.json === true, out: process.stdout });
  const { code, said } = await tree.done;
  ended.abort();
  await view;
  if (said !== '') tell(`${said}\n`);
  return code;
}
