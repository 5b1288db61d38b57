/** `reshard up`: the process tree of the job, with the live view. */
import { createLogger } from '../../../shared/runtime/log.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { showLive } from '../status/live.ts';
import { readJob } from './job-file.ts';
import { startTree } from './up.ts';

export async function upCommand(
  file: string,
  o: { createTargets?: boolean; json?: boolean; logs?: string; quiet?: boolean },
): Promise<number> {
  const job = await readJob(file);
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
  const view = o.quiet
    ? Promise.resolve()
    : showLive({ job, log, signal, json: o.json === true, out: process.stdout });
  const code = await tree.done;
  ended.abort();
  await view;
  return code;
}
