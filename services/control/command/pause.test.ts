/** Reasons to pause are a set: nobody lifts what another has asked for. */
import { expect, test } from 'vitest';
import { JobView } from '../../../shared/job/state/job-view.ts';
import type { RequestWriter } from '../../../shared/job/state/record-writer.ts';
import type { Pause } from '../../../shared/job/state/throttle.ts';
import { pause, resume } from './pause.ts';

function link() {
  const written: string[] = [];
  const requests = {
    pause: async ({ reason }: Pause) => void written.push(`+${reason}`),
    lift: async (reason: string) => void written.push(`-${reason}`),
  };
  return { written, view: new JobView(), requests: requests as RequestWriter };
}

test('a reason that is lifted leaves the others, and one that nobody gave cannot be lifted', async () => {
  const job = link();
  await pause(job, 'backup', 'ann');
  await pause(job, 'migration', 'bob');
  expect(await resume(job, 'lunch')).toBe(false);
  expect(await resume(job, 'backup')).toBe(true);
  expect(job.view.paused).toEqual(['migration']);
  expect(job.written).toEqual(['+backup', '+migration', '-backup']);
  expect(await resume(job, null)).toBe(true);
  expect(job.view.paused).toEqual([]);
});

test('a reason that is given twice is that of who gave it first', async () => {
  const job = link();
  await pause(job, 'backup', 'ann');
  await pause(job, 'backup', 'bob');
  expect(job.view.pauseList).toMatchObject([{ reason: 'backup', by: 'ann' }]);
  expect(job.written).toEqual(['+backup']);
});
