/**
 * How the capture of a way back stands behind the job (shared/member/stand-behind.ts). A priority
 * that was given up is not had back (shared/runtime/priority.ts): a process that has to come to the
 * front again ends, and is started anew.
 */
import type { Job } from '../../shared/job/job.ts';
import { isGoneOver } from '../../shared/job/state/cutover.ts';
import type { ServiceContext } from '../../shared/member/context.ts';
import { PipelineLoad } from '../../shared/member/pipeline-load.ts';
import { isAwaited, mayYield } from '../../shared/member/stand-behind.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { letOthersGoFirst } from '../../shared/runtime/priority.ts';
import type { Pipeline } from './pipeline.ts';

const LOOK_MS = 500;
const GLANCE_MS = 100;

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

  /** Has a dump wait while the job has more to do than it can; until the signal. */
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
    return this.#yields && !isAwaited(job, ruling) && this.#load.isBehind;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#load[Symbol.asyncDispose]();
  }
}
