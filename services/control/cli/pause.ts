/**
 * `reshard pause` and `reshard resume`: reasons for the copy to stand still. They are a set, each
 * one a record of its own in the state topic, so an operator cannot lift what another has asked
 * for, and control, which writes the job's record, cannot overwrite either. They outlive us all.
 */
import { type JobView, stateKey } from '../../../shared/member/job-view.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { openJob } from './job-link.ts';

export async function pauseCommand(file: string, { reason }: { reason: string }): Promise<number> {
  await using link = await openJob(await readJob(file), 'pause');
  const { state, view } = link;
  const known = view.pauses.get(reason);
  if (known === undefined) {
    const pause = { reason, sinceMs: Date.now() };
    await state.put(stateKey.pause(reason), { pause });
    view.apply(stateKey.pause(reason), { job: null, start: null, plan: null, verify: null, pause });
  }
  tell(view);
  return EXIT.ok;
}

export async function resumeCommand(
  file: string,
  { reason, all }: { reason: string; all?: boolean },
): Promise<number> {
  await using link = await openJob(await readJob(file), 'resume');
  const { state, view } = link;
  const lifted = all ? [...view.pauses.keys()] : [reason];
  if (!all && !view.pauses.has(reason)) {
    process.stderr.write(`reshard: the copy is not paused for the reason "${reason}"\n`);
    tell(view);
    return EXIT.failed;
  }
  for (const each of lifted) {
    await state.remove(stateKey.pause(each));
    view.apply(stateKey.pause(each), null);
  }
  tell(view);
  return EXIT.ok;
}

function tell(view: JobView): void {
  const { paused } = view;
  const text = paused.length === 0 ? 'the copy runs' : `the copy is paused: ${paused.join(', ')}`;
  process.stdout.write(`${text}\n`);
}
