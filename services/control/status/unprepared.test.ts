/** A job without a log: not prepared yet, or being dropped. */
import { expect, test } from 'vitest';
import { JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { standingOf } from './headline.ts';
import { statusWithoutLog } from './unprepared.ts';

const NONE: StateRecord = { job: null, start: null, plan: null, verify: null };
const JOB = { job: 'shop' };

test('a job that control prepares waits for what control says', () => {
  const view = new JobView();
  const prepare = { sinceMs: 5, waiting: 'unreachable: source s1' };
  view.apply(stateKey.prepare, { ...NONE, prepare });
  const { headline } = statusWithoutLog(JOB, view);
  expect([headline.text, standingOf(headline)]).toEqual([
    'waiting: unreachable: source s1',
    'waiting',
  ]);
});

test('a job that is being dropped is not one that is being prepared', () => {
  const view = new JobView();
  view.apply(stateKey.drop, { ...NONE, drop: { sinceMs: 5, by: 'ann@host' } });
  const { headline, sinceMs } = statusWithoutLog(JOB, view);
  expect(headline.text).toMatch(/the job shop is being dropped/);
  expect([standingOf(headline), sinceMs]).toEqual(['wrong', 5]);
});
