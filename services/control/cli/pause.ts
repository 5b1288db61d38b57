/** `reshard pause` and `reshard resume`: asks for it, and says what the copy stands still for. */
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { openJob } from '../command/job-handle.ts';
import { pause, resume } from '../command/pause.ts';
import { EXIT } from './exit-code.ts';
import { readJob } from './job-file.ts';
import { print, printJson, tell } from './output.ts';

export interface PauseOptions {
  reason: string;
  by?: string;
  json?: boolean;
}

export async function pauseCommand(file: string, o: PauseOptions): Promise<number> {
  await using link = await openJob(await readJob(file), 'pause');
  await pause(link, o.reason, o.by);
  show(link.view, o);
  return EXIT.ok;
}

export async function resumeCommand(
  file: string,
  o: { reason: string; all?: boolean; json?: boolean },
): Promise<number> {
  await using link = await openJob(await readJob(file), 'resume');
  const isLifted = await resume(link, o.all ? null : o.reason);
  if (!isLifted) tell(`reshard: the copy is not paused for the reason "${o.reason}"\n`);
  show(link.view, o);
  return isLifted ? EXIT.ok : EXIT.failed;
}

function show({ pauseList }: JobView, { json }: { json?: boolean }): void {
  if (json) {
    printJson({ pauses: pauseList });
    return;
  }
  const lines = pauseList.map(
    p => `the copy is paused: ${p.reason} (by ${p.by}, since ${new Date(p.sinceMs).toISOString()})`,
  );
  print(`${lines.join('\n') || 'the copy is not paused'}\n`);
}
