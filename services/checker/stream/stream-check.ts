/**
 * The streaming check on this member: the slots that it holds, each a unit of its own. Slots are
 * shared by a lease; the fence is that of each slot's store.
 */
import { returnJob } from '../../../shared/job/return-job.ts';
import { isGoneOver } from '../../../shared/job/state/cutover.ts';
import { openState } from '../../../shared/job/state/open.ts';
import { streamTopic } from '../../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import { PipelineLoad } from '../../../shared/member/pipeline-load.ts';
import type { ReportedUnit } from '../../../shared/member/reporter.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { runSupervised } from '../../../shared/runtime/service.ts';
import { StreamClock } from './stream-clock.ts';
import { StreamMetrics } from './stream-metrics.ts';
import { type StreamDeps, StreamUnit } from './stream-unit.ts';

const POLL_MS = 500;

/** Runs until the signal; returns at once for a job without it. */
export async function runStreamCheck(context: ServiceContext, signal: AbortSignal): Promise<void> {
  const { job, log } = context;
  if (!job.options.streamingCheck) return;
  const metrics = new StreamMetrics(context.metrics);
  const unit = { run: (stop: AbortSignal) => serve(context, metrics, stop) };
  await runSupervised('streaming check', () => unit, { log, signal });
}

async function serve(
  context: ServiceContext,
  metrics: StreamMetrics,
  signal: AbortSignal,
): Promise<void> {
  const { job, kafka, registry, log, view } = context;
  const back = returnJob(job);
  if (back === null) throw new ReshardError('bug', 'a streaming check without a way back');
  await topicIsThere(context, signal);
  await using stack = new AsyncDisposableStack();
  const state = stack.use(await openState({ job: back, kafka, registry, log }));
  const ids = { jobId: view.jobId, backId: state.view.jobId };
  const clock = stack.use(await StreamClock.open({ ...context, ...ids, job }));
  const failure = new AbortController();
  const load = stack.use(await PipelineLoad.open(context, job));
  for (const followed of [state, clock, load]) followed.failed.catch(e => failure.abort(e));
  const stop = AbortSignal.any([signal, failure.signal]);
  const deps = { job, kafka, registry, log, view, clock, load, metrics, backView: state.view };
  const running = clock.run(stop);
  const slots = new StreamSlots(context, deps, stop);
  const member = await kafka.member({
    groupId: `reshard.${job.job}.stream`,
    slots: job.options.partitions,
    sessionTimeoutMs: job.options.sessionTimeoutMs,
    onAssigned: async taken => slots.take(taken),
    onRevoked: given => slots.giveUp(given),
    onLost: () => slots.lose(),
  });
  // From the journal on the targets are the application's, and others than the sources.
  while (!stop.aborted && !isOver(context)) await sleep(POLL_MS, stop);
  await member.close();
  failure.abort();
  await running;
  if (isOver(context)) await sleep(2 ** 30, signal);
  else if (!signal.aborted) throw failure.signal.reason;
}

function isOver({ view }: ServiceContext): boolean {
  return isGoneOver(view.cutoverRun);
}

/** A control of before the option was set has not made it. */
async function topicIsThere({ kafka, job }: ServiceContext, signal: AbortSignal): Promise<void> {
  const admin = await kafka.admin();
  while (!signal.aborted && (await admin.partitions(streamTopic(job.job))) === 0) {
    await sleep(POLL_MS, signal);
  }
  signal.throwIfAborted();
}

interface RunningSlot {
  stop: AbortController;
  unit: ReportedUnit;
  done: Promise<void>;
}

class StreamSlots {
  readonly #context: ServiceContext;
  readonly #deps: StreamDeps;
  readonly #signal: AbortSignal;
  readonly #running = new Map<number, RunningSlot>();

  constructor(context: ServiceContext, deps: StreamDeps, signal: AbortSignal) {
    this.#context = context;
    this.#deps = deps;
    this.#signal = signal;
  }

  take(slots: readonly number[]): void {
    const { log, report } = this.#context;
    for (const slot of slots) {
      const stop = new AbortController();
      const name = `stream/${slot}`;
      const unit = report.unit(name);
      const done = runSupervised(name, () => new StreamUnit(this.#deps, slot, unit), {
        log: log.child({ slot }),
        signal: AbortSignal.any([this.#signal, stop.signal]),
        onState: unit.state,
      });
      this.#running.set(slot, { stop, unit, done });
    }
  }

  async giveUp(slots: readonly number[]): Promise<void> {
    await Promise.all(slots.map(slot => this.#end(slot, 'end')));
  }

  /** Another member may have them already: what we still write is refused. */
  lose(): void {
    for (const slot of [...this.#running.keys()]) void this.#end(slot, 'forget');
  }

  async #end(slot: number, how: 'end' | 'forget'): Promise<void> {
    const running = this.#running.get(slot);
    this.#running.delete(slot);
    running?.stop.abort();
    await running?.done;
    running?.unit[how]();
  }
}
