/** The checker service: one member of the group checks, the others stand by. */
import { openContext, type ServiceOptions } from '../../shared/member/context.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { runSupervised } from '../../shared/runtime/service.ts';
import { Checker } from './checker.ts';
import { CheckMetrics } from './metrics.ts';

const LOOK_MS = 100;
/** How this member is told of, beside its checks. */
const UNIT = 'full-check';

export async function runChecker(o: ServiceOptions): Promise<void> {
  await using context = await openContext('checker', o);
  const { job, log, signal, kafka, report } = context;
  const figures = new CheckMetrics(context.metrics);
  let lease: AbortController | null = null;
  const end = (): void => {
    lease?.abort();
    lease = null;
    report.forget(UNIT);
  };
  const member = await kafka.member({
    groupId: `reshard.${job.job}.checker`,
    slots: 1,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async slots => {
      if (slots.length > 0) lease = new AbortController();
    },
    onRevoked: async slots => {
      if (slots.length > 0) end();
    },
    // Two checks at a time only cost reads.
    onLost: end,
  });
  context.readiness = () => ({ ok: true, detail: { checks: lease !== null } });
  const current = (): AbortController | null => lease;
  try {
    while (!signal.aborted) {
      const held = current();
      if (held === null) {
        await sleep(LOOK_MS, signal);
        continue;
      }
      await runSupervised('checker', () => new Checker(context, figures), {
        log,
        signal: AbortSignal.any([signal, held.signal]),
        onState: state => {
          if (!held.signal.aborted) report.unitState(UNIT, state);
        },
      });
    }
  } finally {
    await member.close();
  }
}
