/**
 * How the capture of a way back stands behind the job. Until the application has gone over for the
 * first time nobody waits for it but the streaming check, whose proof may be older for a while;
 * rows that come to the targets later cost more. So its process lets others go first, and it reads
 * nothing while rows are on their way to the targets: what it does costs brokers and servers too,
 * which no priority of ours is for.
 *
 * There is an end to that: a log of the targets that is purged before it is read is a way back that
 * is lost. A priority that was given up is not had back (shared/runtime/priority.ts): a process
 * that has to come to the front again ends, and is started anew.
 */
import type { Job } from '../../shared/job/job.ts';
import { isReturnJob } from '../../shared/job/return-job.ts';
import { type CutoverRun, isGoneOver, isHalfWay } from '../../shared/job/state/cutover.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { letOthersGoFirst } from '../../shared/runtime/priority.ts';
import type { Pipeline } from './pipeline.ts';
import { PipelineLoad } from './pipeline-load.ts';

/** On a machine that is never idle the log falls behind by so much, then it catches up. */
export const BEHIND_MAX_S = 300;
/** The log has all of the targets, or will have it in a moment. */
const CAUGHT_UP_S = 10;
const LOOK_MS = 500;
const GLANCE_MS = 100;

export interface Standing {
  /** The application is, or has been, where the log is of. */
  isGoneOver: boolean;
  /** Of the source that is most behind; null: nothing is known, or this member has none. */
  lagSeconds: number | null;
}

/** Whether a process may let others go first, and if it does already, whether it may go on so. */
export function mayYield({ isGoneOver, lagSeconds }: Standing, yields: boolean): boolean {
  if (isGoneOver) return false;
  if (lagSeconds === null) return yields;
  return lagSeconds < (yields ? BEHIND_MAX_S : CAUGHT_UP_S);
}

/** Whether somebody waits for what a job's log brings: always, but of a way back that stands by. */
export function isAwaited(job: Pick<Job, 'job'>, run: CutoverRun | null): boolean {
  return !isReturnJob(job) || isGoneOver(run) || isHalfWay(run);
}

type Dump = Pick<Pipeline, 'hold'>;

export class Yielding implements AsyncDisposable {
  readonly #context: ServiceContext;
  readonly #load: PipelineLoad;
  #yields = false;

  private constructor(context: ServiceContext, load: PipelineLoad) {
    this.#context = context;
    this.#load = load;
  }

  /** `job`: the one that it stands behind. */
  static async open(context: ServiceContext, job: Job | undefined): Promise<Yielding> {
    if (job === undefined) throw new ReshardError('bug', 'a job that stands behind none');
    return new Yielding(context, await PipelineLoad.open(context, job));
  }

  /** Lets others go first while it may; resolves when it has to begin anew, or at the signal. */
  async run(lagSeconds: () => number | null, signal: AbortSignal): Promise<void> {
    const { ruling, log } = this.#context;
    await Promise.race([this.#load.failed, this.#watch(lagSeconds, signal)]);
    if (!signal.aborted) log.info({ leg: ruling.cutoverRun?.leg?.number ?? 1 }, 'begins anew');
  }

  async #watch(lagSeconds: () => number | null, signal: AbortSignal): Promise<void> {
    const { ruling, log } = this.#context;
    while (!signal.aborted) {
      const standing = { isGoneOver: isGoneOver(ruling.cutoverRun), lagSeconds: lagSeconds() };
      const may = mayYield(standing, this.#yields);
      if (!may && this.#yields) return;
      if (may && !this.#yields) await letOthersGoFirst(log);
      this.#yields = may;
      await sleep(LOOK_MS, signal);
    }
  }

  /** Has a dump wait while rows are on their way to the targets; until the signal. */
  async holdBack(dump: Dump, signal: AbortSignal): Promise<void> {
    let held: PromiseWithResolvers<void> | null = null;
    while (!signal.aborted) {
      if (!this.#mustWait) {
        held?.resolve();
        held = null;
      } else if (held === null) {
        held = Promise.withResolvers();
        dump.hold(held.promise);
      }
      await sleep(GLANCE_MS, signal);
    }
    held?.resolve();
  }

  get #mustWait(): boolean {
    const { job, ruling } = this.#context;
    return this.#yields && !isAwaited(job, ruling.cutoverRun) && this.#load.isBehind;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#load[Symbol.asyncDispose]();
  }
}
