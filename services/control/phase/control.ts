/**
 * Control: one leader (a lease) prepares the job and moves its phase. It touches no row: it reads
 * the progress of the sources and the results of checks, and writes the state topic.
 */

import { stateKey, type TablePlan } from '../../../shared/job/state/job-view.ts';
import { openProgress } from '../../../shared/job/state/open.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import type { ReportedUnit } from '../../../shared/member/reporter.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Unit } from '../../../shared/runtime/service.ts';
import { carryOutApply, openApply } from './apply.ts';
import { latestCheck } from './check-feed.ts';
import { untilFenced } from './leadership.ts';
import { MemberSweep } from './member-sweep.ts';
import { nextPhase, type PhaseEvent } from './phase.ts';
import { openRecopy, planRecopy } from './recopy.ts';
import { leadingWriter, type StateWriter } from './state-writer.ts';

const LOOK_MS = 250;
const SWEEP_MS = 60_000;

export class Control implements Unit {
  readonly #context: ServiceContext;
  readonly #unit: ReportedUnit;

  constructor(context: ServiceContext, unit: ReportedUnit) {
    this.#context = context;
    this.#unit = unit;
  }

  run(signal: AbortSignal): Promise<void> {
    const { job, log } = this.#context;
    return untilFenced(() => this.#lead(signal), { job, log, signal });
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { job, kafka, log, view } = this.#context;
    await using stack = new AsyncDisposableStack();
    const progress = new Map<string, ProgressView>();
    for (const source of job.sources) {
      const opened = stack.use(await openProgress(this.#context, source.name, view.jobId));
      progress.set(source.name, opened.view);
    }
    const sweep = new MemberSweep();
    const checks = stack.use(await latestCheck(this.#context, (key, r) => sweep.note(key, r)));
    const writer = stack.use(await leadingWriter(this.#context, signal));
    let sweptAt = performance.now();
    while (!signal.aborted) {
      if (performance.now() - sweptAt > SWEEP_MS) {
        sweptAt = performance.now();
        await this.#clear(sweep.gone(Date.now()));
      }
      const recopy = openRecopy(view);
      const ends = (topic: string): Promise<number[]> => kafka.highWatermarks(topic);
      if (recopy !== undefined) await planRecopy({ job, view, writer, log, ends }, recopy);
      const apply = openApply(view, progress);
      if (apply !== undefined) {
        await carryOutApply({ ...this.#context, writer, view }, apply);
      }
      await this.#step(writer, this.#event(progress, checks.verdict()));
      this.#report(progress);
      await sleep(LOOK_MS, signal);
    }
    log.info({ phase: view.job?.phase }, 'control stops');
  }

  #event(progress: Map<string, ProgressView>, verdict: boolean | null): PhaseEvent | null {
    const { view } = this.#context;
    if (view.job?.phase === 'copying') {
      return isCopied(this.#context, progress) ? 'copied' : null;
    }
    if (verdict === null) return null;
    return verdict ? 'found-equal' : 'found-different';
  }

  async #step(writer: StateWriter, event: PhaseEvent | null): Promise<void> {
    const { view, log } = this.#context;
    if (view.job === null || event === null) return;
    const phase = nextPhase(view.job.phase, event);
    if (phase === view.job.phase) return;
    log.info({ from: view.job.phase, to: phase, event }, 'phase changes');
    const job = { ...view.job, phase, sinceMs: Date.now() };
    failpoint(FAILPOINTS.controlBeforePhase);
    await writer.put(stateKey.job, { job });
    failpoint(FAILPOINTS.controlAfterPhase);
  }

  /** Takes records of members that are long gone out of the report topic. */
  async #clear(keys: readonly string[]): Promise<void> {
    const { kafka, job } = this.#context;
    if (keys.length === 0) return;
    const writer = await kafka.writer({ mayBeRemade: true });
    const records = keys.map(key => ({ key: Buffer.from(key), value: null }));
    await writer.send(reportTopic(job.job), 0, records);
    writer.close();
  }

  #report(progress: Map<string, ProgressView>): void {
    const { view } = this.#context;
    this.#unit.set({
      state: 'running',
      counters: {
        ranges_total: countRanges(view.plans.values()),
        ranges_done: done(view.plans.values(), progress),
      },
      detail: { phase: view.job?.phase ?? null },
    });
  }
}

/** Every planned range of every table of every source is complete in its generation. */
function isCopied(
  { job, view }: Pick<ServiceContext, 'job' | 'view'>,
  progress: Map<string, ProgressView>,
): boolean {
  const plans = [...view.plans.values()];
  if (plans.length < job.sources.length * job.tables.length) return false;
  return plans.every(plan => progress.get(plan.source)?.isCopied(plan));
}

function countRanges(plans: Iterable<TablePlan>): number {
  let n = 0;
  for (const plan of plans) n += plan.ranges.length;
  return n;
}

function done(plans: Iterable<TablePlan>, progress: Map<string, ProgressView>): number {
  let n = 0;
  for (const plan of plans) {
    const view = progress.get(plan.source);
    n += plan.ranges.filter(({ id }) => {
      const range = view?.range(plan.db, plan.table, id);
      return range?.complete === true && range.generation === plan.generation;
    }).length;
  }
  return n;
}
