/** The checker service: one member of the group checks, the others stand by. */
import { openContext, type ServiceOptions } from '../../shared/member/context.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { letOthersGoFirst } from '../../shared/runtime/priority.ts';
import { runSupervised } from '../../shared/runtime/service.ts';
import { CheckLease } from './check-lease.ts';
import { Checker } from './checker.ts';
import { CheckMetrics } from './metrics.ts';
import { runStreamCheck } from './stream/stream-check.ts';

const POLL_MS = 100;
/** The unit that this member reports beside its checks. */
const UNIT = 'full-check';

export async function runChecker(o: ServiceOptions): Promise<void> {
  await using context = await openContext('checker', { ...o, slots: 1 });
  const { job, log, signal, report } = context;
  // It reads both logs all the time: a proof that is older for a while costs less than rows that
  // come later. A check of every row is the servers' work.
  if (job.options.streamingCheck) await letOthersGoFirst(log);
  const metrics = new CheckMetrics(context.metrics);
  const lease = new CheckLease(() => report.unit(UNIT));
  const member = await context.join({
    groupId: `reshard.${job.job}.checker`,
    slots: 1,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: slots => lease.assigned(slots),
    onRevoked: slots => lease.revoked(slots),
    onLost: () => lease.lost(),
  });
  context.readiness = () => ({ ok: true, detail: { checks: lease.held !== null } });
  const ended = new AbortController();
  const streaming = runStreamCheck(context, AbortSignal.any([signal, ended.signal]));
  // What this process must not go on with ends all of it.
  streaming.catch(() => ended.abort());
  try {
    while (!signal.aborted && !ended.signal.aborted) {
      const { held } = lease;
      if (held === null) {
        await sleep(POLL_MS, signal);
        continue;
      }
      await runSupervised('checker', () => new Checker(context, metrics), {
        log,
        signal: AbortSignal.any([signal, held.stop.signal, ended.signal]),
        onState: held.unit.state,
      });
    }
  } finally {
    ended.abort();
    await member.close();
    await streaming;
  }
}
