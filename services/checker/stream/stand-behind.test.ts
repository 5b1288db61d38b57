/** A slot reads nothing while its job has more to do than it can, and not for ever. */
import { expect, test } from 'vitest';
import type { CutoverRequest } from '../../../shared/job/state/cutover.ts';
import { StandBehind } from './stand-behind.ts';
import type { Goal } from './stream-clock.ts';

const SECOND = 1000;

function slot() {
  const at = { nowMs: 1_000_000, read: 0 };
  const load = { isBehind: true };
  const cutovers = new Map<string, CutoverRequest>();
  const view = { cutoverRun: null, cutovers, applied: new Map() };
  const behind = new StandBehind({ load, view, now: () => at.nowMs });
  /** The logs end at an offset; all up to `at.read` is compared. */
  const look = (end: number): void => {
    const goal: Goal = { places: new Map(), ends: new Map([['t', [end]]]) };
    behind.look(goal, ends => (ends.get('t')?.[0] ?? 0) <= at.read);
  };
  return { at, load, cutovers, behind, look };
}

/** One that has compared all that there is. */
function caughtUp() {
  const s = slot();
  s.look(0);
  s.look(0);
  expect(s.behind.mustWait()).toBe(true);
  return s;
}

test('it waits while the job is behind, once it has compared all that there was', () => {
  const s = slot();
  expect(s.behind.mustWait()).toBe(false);
  s.look(10);
  s.look(10);
  expect(s.behind.mustWait()).toBe(false);
  s.at.read = 10;
  s.look(10);
  expect(s.behind.mustWait()).toBe(true);
  s.load.isBehind = false;
  expect(s.behind.mustWait()).toBe(false);
});

test('it does not wait for ever: after five minutes it reads until it has caught up', () => {
  const { at, behind, look } = caughtUp();
  at.nowMs += 299 * SECOND;
  look(10);
  expect(behind.mustWait()).toBe(true);
  at.nowMs += SECOND;
  expect(behind.mustWait()).toBe(false);
  // All that there was a moment ago is not yet compared, and what comes is no reason to wait.
  look(20);
  expect(behind.mustWait()).toBe(false);
  at.read = 10;
  look(20);
  at.nowMs += 11 * SECOND;
  expect(behind.mustWait()).toBe(false);
  at.read = 20;
  look(30);
  look(30);
  at.read = 30;
  look(30);
  expect(behind.mustWait()).toBe(true);
});

test('who asks for a cutover finds it reading', () => {
  const { cutovers, behind } = caughtUp();
  const words = { requestedMs: 1, by: 'ann', settings: '', release: false };
  cutovers.set('cutover-1', { id: 'cutover-1', action: 'rehearse', ...words });
  expect(behind.mustWait()).toBe(false);
});
