/** Waiting inside a cutover: with a budget, and ended by whoever wants the cutover to end. */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { StepWatcher } from './step-clock.ts';

export interface WaitDeps extends StepWatcher {
  limits: Pick<CutoverLimits, 'drainSeconds'>;
  /** Why it must not go on: somebody has cancelled it, or the lease is gone. */
  stopped(): string | null;
  sleep(ms: number): Promise<void>;
}

/** No failure of anything: it is not wanted any more. */
class Stopped extends Error {
  override readonly name = 'stopped';
}

const POLL_MS = 25;

export function refuseStopped(d: Pick<WaitDeps, 'stopped'>): void {
  const why = d.stopped();
  if (why !== null) throw new Stopped(why);
}

/** Until `lacks` says that nothing is missing any more. */
export async function drain(d: WaitDeps, lacks: () => Promise<string | null>): Promise<void> {
  const { drainSeconds } = d.limits;
  const end = performance.now() + drainSeconds * 1000;
  for (;;) {
    refuseStopped(d);
    const missing = await lacks();
    if (missing === null) return;
    if (performance.now() > end) {
      throw new ReshardError('target', `not drained within ${drainSeconds} s: ${missing}`);
    }
    d.note(`drain: ${missing}`);
    await d.sleep(POLL_MS);
  }
}
