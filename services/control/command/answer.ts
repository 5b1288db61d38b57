/** Control's answer to a request of a command. */
import type { Applied } from '../../../shared/job/state/answer.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import type { JobLink } from './job-handle.ts';

const LOOK_MS = 100;

/** Waits for it: done, or refused with a reason; null when the time is up. */
export async function answerTo(
  { view }: JobLink,
  id: string,
  isOver: () => boolean,
): Promise<Applied | null> {
  while (!isOver()) {
    const answer = view.applied.get(id);
    if (answer?.error || answer?.doneMs) return answer;
    await sleep(LOOK_MS);
  }
  return null;
}
