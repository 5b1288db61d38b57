/** Waiting inside a cutover: with a budget, and ended by whoever wants the cutover to end. */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { StepName } from './step.ts';
import type { StepWatcher } from './step-clock.ts';

export interface Waiter extends StepWatcher {
  /** Why it must not go on: somebody has cancelled it, or the lease is gone. */
  stopped(): string | null;
  sleep(ms: number): Promise<void>;
}

export interface WaitDeps extends Waiter {
  limits: Pick<CutoverLimits, 'drainSeconds'>;
}

/** No failure of anything: it is not wanted any more. */
class Stopped extends Error {
  override readonly name = 'stopped';
}

const POLL_MS = 25;
const LOOK_MS = 50;

export function refuseStopped(d: Pick<Waiter, 'stopped'>): void {
  const why = d.stopped();
  if (why !== null) throw new Stopped(why);
}

/** Until `lacks` says that nothing is missing any more. */
export function drain(d: WaitDeps, lacks: () => Promise<string | null>): Promise<void> {
  const { drainSeconds: seconds } = d.limits;
  return waitFor(d, { step: 'drain', done: 'drained', seconds }, lacks);
}

/**
 * A question that hangs, as one to a broker that has died does, is given up at `end`, or when it is
 * stopped: clients have time limits of their own, and a write stop does not wait for those.
 */
export async function answered<T>(
  d: Pick<Waiter, 'stopped'>,
  question: Promise<T>,
  end: number,
  late: () => ReshardError,
): Promise<T> {
  const given = Promise.withResolvers<never>();
  const timer = setInterval(() => {
    try {
      refuseStopped(d);
      if (performance.now() > end) throw late();
    } catch (e) {
      given.reject(e);
    }
  }, LOOK_MS);
  question.catch(() => {});
  try {
    return await Promise.race([question, given.promise]);
  } finally {
    clearInterval(timer);
  }
}

/** The same of a step with a budget of its own, which began at `from`. */
export async function waitFor(
  d: Waiter,
  o: { step: StepName; done: string; seconds: number; from?: number },
  lacks: () => Promise<string | null>,
): Promise<void> {
  const { step, done, seconds, from = performance.now() } = o;
  const end = from + seconds * 1000;
  for (;;) {
    refuseStopped(d);
    const late = (why: string): ReshardError =>
      new ReshardError('target', `not ${done} within ${seconds} s: ${why}`);
    const missing = await answered(d, lacks(), end, () => late('a question has no answer'));
    if (missing === null) return;
    if (performance.now() > end) throw late(missing);
    d.note(`${step}: ${missing}`);
    await d.sleep(POLL_MS);
  }
}
