/** The snapshot service: a member that copies the ranges of the slots it is given. */
import type { JobSource } from '../../shared/job/job.ts';
import { SourceServer } from '../../shared/job/state/source-server.ts';
import { copyStops } from '../../shared/job/state/throttle.ts';
import {
  openContext,
  type ServiceContext,
  type ServiceOptions,
} from '../../shared/member/context.ts';
import type { UnitReport } from '../../shared/member/reporter.ts';
import { PauseReasons } from '../../shared/runtime/pause.ts';
import { aborted, runSupervised, type Unit } from '../../shared/runtime/service.ts';
import { CopyRate } from './copy-rate.ts';
import { type SnapshotMetrics, SnapshotProgress, snapshotMetrics } from './metrics.ts';
import { SLOTS } from './range-board.ts';
import { SourceRepair } from './repair.ts';
import { SourceSnapshot } from './snapshot.ts';

export async function runSnapshot(o: ServiceOptions): Promise<void> {
  await using context = await openContext('snapshot', { ...o, slots: SLOTS });
  const { job, log, signal } = context;
  const slots = new Set<number>();
  const { view } = context;
  // A repair is of a few keys, and what it cures is worse than any backlog: only a pause holds it.
  const copyPause = new PauseReasons();
  const repairPause = new PauseReasons();
  const followed = [
    followReasons(context, copyPause, () => copyStops(view)),
    followReasons(context, repairPause, () => view.paused),
  ];
  const names = job.sources.map(s => s.name);
  const rate = new CopyRate(view, names, job.options.snapshotRowsPerSecond);
  const member = await context.join({
    groupId: `reshard.${job.job}.snapshot`,
    slots: SLOTS,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async assigned => {
      for (const slot of assigned) slots.add(slot);
      log.info({ slots: [...slots] }, 'slots taken over');
    },
    onRevoked: async revoked => {
      for (const slot of revoked) slots.delete(slot);
    },
    // Another member may copy the same ranges now: that costs work, not correctness.
    onLost: () => slots.clear(),
  });
  const metrics = snapshotMetrics(context.metrics);
  context.readiness = () => ({
    ok: slots.size > 0,
    detail: { slots: [...slots], paused: copyPause.list() },
  });
  try {
    const units = job.sources.flatMap(source =>
      copySource({ context, source, slots, copyPause, repairPause, rate, metrics }),
    );
    await Promise.all([...units, aborted(signal)]);
  } finally {
    for (const end of followed) end();
    await member.close();
  }
}

interface SourceCopy {
  context: ServiceContext;
  source: JobSource;
  slots: ReadonlySet<number>;
  copyPause: PauseReasons;
  repairPause: PauseReasons;
  rate: CopyRate;
  metrics: SnapshotMetrics;
}

/** The units of one source: its copy, and the keys that repairs read again. */
function copySource({ context, source, slots, metrics, ...o }: SourceCopy): Promise<void>[] {
  const { log, signal, report, view } = context;
  const { copyPause: pause, rate } = o;
  const { name } = source;
  const progress = new SnapshotProgress(metrics, name);
  const server = new SourceServer(name);
  const supervised = (
    unit: string,
    make: () => Unit,
    reported: () => UnitReport = () => ({}),
  ): Promise<void> => {
    const shown = report.unit(unit, { shared: true, progress: reported });
    let basis = '';
    const made = (): Unit => {
      basis = view.basisOf(name);
      return make();
    };
    return runSupervised(`snapshot/${unit}`, made, {
      log,
      signal,
      onState: shown.state,
      cured: async until => {
        await view.waitFor(() => view.basisOf(name) !== basis, until);
      },
    });
  };
  return [
    supervised(
      name,
      () => new SourceSnapshot({ context, source, server, slots, pause, rate, progress }),
      () => progress.report(pause.list()),
    ),
    supervised(
      `repair/${name}`,
      () => new SourceRepair({ context, source, server, slots, pause: o.repairPause }),
    ),
  ];
}

/** The job's reasons to stand still, whoever has set them. */
function followReasons(
  context: ServiceContext,
  pause: PauseReasons,
  reasons: () => readonly string[],
): () => void {
  const follow = (): void => {
    const wanted = reasons();
    for (const reason of pause.list()) if (!wanted.includes(reason)) pause.delete(reason);
    for (const reason of wanted) pause.add(reason);
  };
  follow();
  return context.view.onChange(follow);
}
