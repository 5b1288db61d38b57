/** `reshard throttle`: brakes copy and checks live, and says what brakes it, since when, what lifts it. */
import { ReshardError } from '../../../shared/runtime/error.ts';
import { stopSignal } from '../../../shared/runtime/service.ts';
import { openJob, timeoutMsOf } from '../command/job-handle.ts';
import { pause, resume } from '../command/pause.ts';
import { limitChange, refuseUnmeasured, retune } from '../command/throttle.ts';
import { throttleStatus } from '../status/throttle-status.ts';
import { EXIT } from './exit-code.ts';
import { gaveUp, isOver, waitOf } from './follow.ts';
import { readJob } from './job-file.ts';
import { print, printJson, tell } from './output.ts';
import { throttleText } from './throttle-text.ts';

export interface ThrottleOptions {
  set?: string;
  clear?: string;
  pause?: boolean;
  resume?: boolean;
  by?: string;
  json?: boolean;
  timeout: string;
}

/** The reason of `--pause`, as of `reshard pause` without one. */
const BY_HAND = 'operator';

export async function throttleCommand(file: string, o: ThrottleOptions): Promise<number> {
  const job = await readJob(file);
  const timeoutMs = timeoutMsOf(o.timeout);
  const change = limitChange(o.set, o.clear);
  if (change !== null) refuseUnmeasured(job, change);
  if (o.pause && o.resume) {
    throw new ReshardError('config', '--pause and --resume at once', { remedy: 'one of them' });
  }
  await using link = await openJob(job, 'throttle');
  if (o.pause) await pause(link, BY_HAND, o.by);
  const isLifted = !o.resume || (await resume(link, BY_HAND));
  if (!isLifted) tell(`reshard: the copy is not paused for the reason "${BY_HAND}"\n`);
  if (change !== null) {
    const wait = waitOf(timeoutMs, stopSignal(), o.json === true);
    if (!(await retune(link, change, () => isOver(wait), o.by))) {
      return gaveUp(
        wait,
        'control has not answered, and will do it when one leads (`reshard status <job file>` ' +
          'tells why none does); `reshard pause <job file>` needs none',
      );
    }
  }
  const status = throttleStatus(link.view);
  const { pauseList: pauses } = link.view;
  if (o.json) printJson({ ...status, pauses });
  else print(`${throttleText(status, pauses, job).join('\n')}\n`);
  return isLifted ? EXIT.ok : EXIT.failed;
}
