/**
 * `reshard pause` and `reshard resume`: reasons for the copy to stand still. They are a set, each
 * one a record of its own in the state topic, so an operator cannot lift what another has asked
 * for, and control, which writes the job's record, cannot overwrite either. They outlive us all.
 */
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { openJob } from '../command/job-handle.ts';
import { operator } from '../command/operator.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };

export interface PauseOptions {
  reason: string;
  by?: string;
  json?: boolean;
}

export async function pauseCommand(file: string, o: PauseOptions): Promise<number> {
  await using link = await openJob(await readJob(file), 'pause');
  const { requests, view } = link;
  const { reason, by = operator() } = o;
  if (!view.pauses.has(reason)) {
    const pause = { reason, sinceMs: Date.now(), by };
    await requests.pause(pause);
    view.apply(stateKey.pause(reason), { ...NONE, pause });
  }
  print(view, o);
  return EXIT.ok;
}

export async function resumeCommand(
  file: string,
  o: { reason: string; all?: boolean; json?: boolean },
): Promise<number> {
  await using link = await openJob(await readJob(file), 'resume');
  const { requests, view } = link;
  const { reason, all } = o;
  const lifted = all ? [...view.pauses.keys()] : [reason];
  if (!all && !view.pauses.has(reason)) {
    process.stderr.write(`reshard: the copy is not paused for the reason "${reason}"\n`);
    print(view, o);
    return EXIT.failed;
  }
  for (const each of lifted) {
    await requests.lift(each);
    view.apply(stateKey.pause(each), null);
  }
  print(view, o);
  return EXIT.ok;
}

function print({ pauseList }: JobView, { json }: { json?: boolean }): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ pauses: pauseList })}\n`);
    return;
  }
  const lines = pauseList.map(
    p => `the copy is paused: ${p.reason} (by ${p.by}, since ${new Date(p.sinceMs).toISOString()})`,
  );
  process.stdout.write(`${lines.join('\n') || 'the copy is not paused'}\n`);
}
