/**
 * The binlog service: a member that owns some of the job's sources by lease and runs a unit for
 * each. Other members stand by. The lease says who should write; that only one can is the fence of
 * the writer's transactions (ordered-writer.ts).
 */
import type { JobSource } from '../../shared/job/job.ts';
import {
  openContext,
  type ServiceContext,
  type ServiceOptions,
} from '../../shared/member/context.ts';
import { BEHIND_MAX_S } from '../../shared/member/stand-behind.ts';
import { aborted, runSupervised } from '../../shared/runtime/service.ts';
import { BinlogUnit } from './binlog.ts';
import { type BinlogMetrics, BinlogProgress, binlogMetrics, mostBehind } from './metrics.ts';
import { readinessOf } from './readiness.ts';
import { Yielding } from './yielding.ts';

interface Running {
  stop: AbortController;
  done: Promise<void>;
  state: string;
}

/** Reason of a stop: another member may have the source already. */
const LOST = new Error('the lease is lost');

export async function runBinlog(o: ServiceOptions): Promise<void> {
  await using context = await openContext('binlog', { ...o, slots: o.job.sources.length });
  await using yielding = o.mayYield ? await Yielding.open(context, o.ruledBy) : null;
  const { job, log, signal } = context;
  const metrics = binlogMetrics(context.metrics);
  const running = new Map<number, Running>();
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => {});
  const stop = async (slots: Iterable<number>, reason?: Error): Promise<void> => {
    const stopping = [...slots].map(slot => {
      const unit = running.get(slot);
      running.delete(slot);
      unit?.stop.abort(reason);
      return unit?.done;
    });
    await Promise.all(stopping);
  };
  const member = await context.join({
    groupId: `reshard.${job.job}.binlog`,
    slots: job.sources.length,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async slots => {
      for (const slot of slots) {
        const source = job.sources[slot];
        if (source === undefined || running.has(slot)) continue;
        const unit = startUnit(context, source, { metrics, yielding });
        unit.done.catch(e => ended.reject(e));
        running.set(slot, unit);
        log.info({ source: source.name }, 'source taken over');
      }
    },
    onRevoked: slots => stop(slots),
    onLost: () => {
      stop(running.keys(), LOST).catch(e => ended.reject(e));
    },
  });
  context.readiness = () => {
    const units = [...running].map(
      ([slot, { state }]) => [job.sources[slot]?.name, state] as const,
    );
    return readinessOf(units, o.guestAway?.() ?? null);
  };
  const behind = (): number | null => {
    const lags = [...metrics.live].map(p => p.lagSeconds());
    return mostBehind(lags, BEHIND_MAX_S);
  };
  try {
    const anew = yielding === null ? [] : [yielding.run(behind, signal)];
    await Promise.race([aborted(signal), ended.promise, ...anew]);
  } finally {
    await stop(running.keys());
    await member.close();
  }
}

/** Each call is a new incarnation: an older one of the source may still be about to end. */
function startUnit(
  context: ServiceContext,
  source: JobSource,
  { metrics, yielding }: { metrics: BinlogMetrics; yielding: Yielding | null },
): Running {
  const { log, signal, report, view } = context;
  const progress = new BinlogProgress(metrics, source.name);
  const stop = new AbortController();
  const running: Running = { stop, done: Promise.resolve(), state: 'starting' };
  const unit = report.unit(source.name, { progress: () => progress.report() });
  let basis = '';
  running.done = runSupervised(
    `binlog/${source.name}`,
    () => {
      basis = view.basisOf(source.name);
      return new BinlogUnit(context, source, { progress, yielding });
    },
    {
      cured: async until => {
        await view.waitFor(() => view.basisOf(source.name) !== basis, until);
      },
      log,
      signal: AbortSignal.any([signal, stop.signal]),
      onState: state => {
        running.state = state.state;
        unit.state(state);
      },
    },
  ).finally(() => {
    progress.close();
    if (stop.signal.reason === LOST) unit.forget();
    else unit.end();
  });
  return running;
}
