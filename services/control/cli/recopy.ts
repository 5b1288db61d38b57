/**
 * `reshard recopy`: copies tables of a source anew through the same topics, after the binlog was
 * lost or something in it could not be replayed. Rows overwrite; what was deleted meanwhile is
 * found and deleted by the check and the repair with which control ends it.
 */

import type { RecopyRequest } from '../../../shared/job/state/job-view.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { openJob, pausedText, tablesOf, timeoutMsOf } from '../command/job-handle.ts';
import { notCopied, recopy, recopyRequest } from '../command/recopy.ts';
import { checkResult } from '../command/repair.ts';
import { confirm } from './confirm.ts';
import { EXIT } from './exit-code.ts';
import { checkExit, follow, gaveUp, runLine, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson, tell } from './output.ts';
import { repairedOf, repairedText } from './repair.ts';
import { renderCheck } from './verify-text.ts';

export interface RecopyCommandOptions {
  source: string;
  tables?: string;
  yes?: boolean;
  json?: boolean;
  timeout: string;
}

export async function recopyCommand(file: string, o: RecopyCommandOptions): Promise<number> {
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  const quiet = o.json === true;
  await using link = await openJob(job, 'recopy');
  const request = await recopyRequest(link, o.source, tablesOf(link.job, o.tables));
  const others = notCopied(job, request);
  const say = (text: string): void => {
    if (!quiet) tell(`${text}\n`);
  };
  say(meaning(request));
  if (others.length > 0) {
    say(
      `NOT copied and unproven until a check (\`reshard verify <job file>\`): ${others.join(', ')}`,
    );
  }
  const what = `recopy of ${request.tables.join(', ')} from ${request.source}`;
  await confirm(job.job, what, o.yes === true);
  const paused = pausedText(link);
  if (paused !== null) tell(`reshard: ${paused}\n`);
  const wait = waitOf(timeoutMs, stopSignal(), quiet);
  const outcome = await follow(link, recopy(link, request), wait, runLine, {
    source: request.source,
    tables: request.tables,
  });
  if (outcome === null) {
    return gaveUp(
      wait,
      'the copy, its check and its repair go on by themselves; `reshard status <job file>` tells how far',
    );
  }
  const { run, report } = outcome;
  const repaired = repairedOf(run);
  if (quiet) {
    const check = report?.state === 'finished' ? checkResult(report) : null;
    printJson({ request, repaired, unproven: others, check });
  } else {
    const verdict = report === null ? 'there is no verdict' : renderCheck(report);
    print(`${repairedText(repaired)}\n${verdict}\n`);
    if (others.length > 0)
      say(`still unproven: ${others.join(', ')} (\`reshard verify <job file>\`)`);
  }
  return report === null ? EXIT.failed : checkExit(report);
}

function meaning({ source, tables, jump, skip }: RecopyRequest): string {
  const how = jump
    ? 'The binlog in between is not read: the log goes on from now.'
    : skip
      ? 'Changes of these tables up to now are passed over in the binlog; other tables miss nothing.'
      : 'The binlog is read on as before.';
  return `${tables.join(', ')} of ${source} will be copied anew. ${how}`;
}
