/**
 * The sink service: a member that applies the slots (partitions) it is given to all targets, as
 * long as rows are carried its way. A cutover of a job with a way back turns that: the sinks of the
 * one way end, and those of the other begin where the journal says.
 */

import { type Leg, legOf, type Way } from '../../shared/job/state/cutover.ts';
import { isHandedOver } from '../../shared/job/state/handover.ts';
import type { JobView } from '../../shared/job/state/job-view.ts';
import { openProgress } from '../../shared/job/state/open.ts';
import { deadLetterTopic } from '../../shared/kafka/topic-name.ts';
import {
  openContext,
  type ServiceContext,
  type ServiceOptions,
} from '../../shared/member/context.ts';
import type { ReportedUnit } from '../../shared/member/reporter.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { aborted } from '../../shared/runtime/service.ts';
import type { SendDeadLetters } from './dead-letter/dead-letter-publisher.ts';
import { deadLetterSender } from './dead-letter/dead-letter-record.ts';
import { SinkProgress } from './metrics.ts';
import { Sink } from './sink.ts';
import { standBy } from './standby.ts';

export async function runSink(o: ServiceOptions): Promise<void> {
  const way: Way = o.ruledBy === undefined ? 'over' : 'back';
  const slots = o.job.options.partitions;
  await using context = await openContext('sink', way === 'over' ? { ...o, slots } : o);
  const { job, log, signal, kafka, view, ruling } = context;
  refuseFinished(ruling);
  // The sink reads no progress: that the sources are ours it asks once, before it writes anything.
  for (const { name } of job.sources) {
    await using _ = await openProgress(context, name, view.jobId);
  }
  const from = { job: job.job, jobId: view.jobId, targets: job.targets.map(t => t.name) };
  const writer = await kafka.writer({ mayBeRemade: true });
  const sendDeadLetters = deadLetterSender(deadLetterTopic(job.job), from, writer);
  while (!signal.aborted) {
    const leg = await nextLeg(context, way);
    if (leg === null) return;
    if (leg.number > 1) log.info({ leg: leg.number, way }, 'rows are carried this way now');
    await carry(context, { leg, way, sendDeadLetters });
  }
}

/** Stands by until rows are carried its way; null: it is to end. */
async function nextLeg(context: ServiceContext, way: Way): Promise<Leg | null> {
  const { ruling, signal } = context;
  const now = legNow(ruling, way);
  if (now !== null) return now;
  // Nothing is written there any more, nor tried.
  if (isHandedOver(ruling.handoverRun)) return await ended(signal);
  const done = new AbortController();
  const standing = standBy(context, AbortSignal.any([signal, done.signal]));
  try {
    return await ruling.waitFor(() => legNow(ruling, way), signal).catch(() => null);
  } finally {
    done.abort();
    await standing;
  }
}

/** Null: nothing is carried this way. */
function legNow(ruling: JobView, way: Way): Leg | null {
  return isHandedOver(ruling.handoverRun) ? null : legOf(ruling.cutoverRun, way);
}

async function ended(signal: AbortSignal): Promise<null> {
  await aborted(signal).catch(() => {});
  return null;
}

interface Carried {
  leg: Leg;
  way: Way;
  sendDeadLetters: SendDeadLetters;
}

/** Until the signal, or the end of the leg. */
async function carry(
  context: ServiceContext,
  { leg, way, sendDeadLetters }: Carried,
): Promise<void> {
  const { job, log, kafka, view, ruling, report } = context;
  const turned = new AbortController();
  const unfollow = ruling.onChange(() => {
    if (legNow(ruling, way)?.number !== leg.number) turned.abort();
  });
  const signal = AbortSignal.any([context.signal, turned.signal]);
  const sink = new Sink({ job, view, kafka, sendDeadLetters, log, leg });
  const progress = new SinkProgress(sink, {
    parkDeadlineMs: job.options.parkDeadlineSeconds * 1000,
    deadLetters: deadLetterTopic(job.job),
    metrics: context.metrics,
  });
  context.readiness = () => progress.readiness();
  const units = new Units(sink, (slot, target, name) =>
    report.unit(name, { progress: () => progress.slot(slot, target) }),
  );
  const member = await context.join({
    groupId: `reshard.${job.job}.sink`,
    slots: job.options.partitions,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async slots => {
      sink.take(slots);
      units.begin(slots);
    },
    onRevoked: async slots => {
      const ending = units.taken(slots);
      await sink.giveUp(slots);
      for (const unit of ending) unit.end();
    },
    onLost: () => {
      for (const unit of units.taken()) unit.forget();
      sink.lose();
    },
  });
  try {
    await sink.run(signal);
  } finally {
    unfollow();
    await member.close();
    progress.close();
    context.readiness = () => ({ ok: true, detail: { waiting: 'rows to be carried this way' } });
  }
}

/** What is reported: a unit for each slot on each target. */
class Units {
  readonly #sink: Sink;
  readonly #make: (slot: number, target: number, name: string) => ReportedUnit;
  readonly #units = new Map<number, ReportedUnit[]>();

  constructor(sink: Sink, make: (slot: number, target: number, name: string) => ReportedUnit) {
    this.#sink = sink;
    this.#make = make;
  }

  begin(slots: readonly number[]): void {
    const { targets } = this.#sink;
    for (const slot of slots) {
      const units = targets.map(t => this.#make(slot, t.number, `${t.name}/${slot}`));
      this.#units.set(slot, units);
    }
  }

  /** Taken out at once: while they end, the slots may be ours again, with units of their own. */
  taken(slots: readonly number[] = [...this.#units.keys()]): ReportedUnit[] {
    const found = slots.flatMap(slot => this.#units.get(slot) ?? []);
    for (const slot of slots) this.#units.delete(slot);
    return found;
  }
}

/** Servers that take writes again: of those nobody must bring one to the other side. */
function refuseFinished(view: JobView): void {
  if (view.job?.phase !== 'finished') return;
  throw new ReshardError('job-changed', 'the job is finished: nothing is carried any more', {
    remedy: 'start no sink of it: rows of one side would come over those of the application',
  });
}
