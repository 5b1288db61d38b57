/**
 * Watches the sources from the journal on, beside control's loop. A status asks them when somebody
 * looks at it; control asks them all the time, and what it finds is in its log, once for each
 * change.
 */
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { cutoverStatus } from '../status/cutover-status.ts';
import { Measurement } from '../status/measurement.ts';
import type { ServerProbe } from '../status/server-probe.ts';

export interface FenceWatchDeps {
  view: Pick<JobView, 'cutoverRun'>;
  log: Pick<Logger, 'error' | 'info'>;
  probe: Pick<ServerProbe, 'fence'>;
  /** Monotonic, in ms. */
  now?: () => number;
}

const EVERY_MS = 5000;

export class FenceWatch {
  readonly #d: FenceWatchDeps;
  readonly #asking: Measurement<void>;
  #lost = '';

  constructor(deps: FenceWatchDeps) {
    this.#d = deps;
    this.#asking = new Measurement(() => this.#ask(), { everyMs: EVERY_MS, now: deps.now });
  }

  /** Never waits for a source. */
  step(): void {
    this.#asking.follow(true);
  }

  async #ask(): Promise<void> {
    const { view, probe, log } = this.#d;
    let isSilent = false;
    const fence: ServerProbe['fence'] = async frozen => {
      const seen = await probe.fence(frozen);
      if (seen === null) isSilent = true;
      return seen;
    };
    const status = await cutoverStatus(view, { fence });
    const lost = status?.lost.join('; ') ?? '';
    // One that gives no answer is not frozen again.
    if (lost === this.#lost || (isSilent && lost === '')) return;
    this.#lost = lost;
    if (lost === '') log.info('every source is frozen again');
    else log.error({ cutover: status?.id }, `fence lost: ${lost}`);
  }
}
