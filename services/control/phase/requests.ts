/**
 * Requests of the operator that need the sources: recopies, and tables that a job takes up. Each is
 * one question (inquiry.ts) and then one stretch of writing. Of one source the oldest goes first,
 * and one whose source is away keeps no other waiting; what each waits for is in control's report.
 */
import type { ApplyRequest, TablePlanRecord } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import type { Applied } from '../status/server-probe.ts';
import { type ApplyDeps, carryOutApply, draftApply, openApply } from './apply.ts';
import { carryOutGrowth, openGrowth } from './growth.ts';
import { Inquiries } from './inquiry.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import { draftRecopy, openRecopies, planRecopy, type RecopyDraft } from './recopy.ts';

export interface RequestsDeps extends ApplyDeps {
  /** By source. */
  progress: ReadonlyMap<string, ProgressView>;
  proofs: Pick<ProofKeeper, 'doubt'>;
  /** What a target has applied; null if it does not answer. */
  applied: (target: string) => Promise<Applied | null>;
}

export class Requests {
  readonly #d: RequestsDeps;
  readonly #recopies: Inquiries<RecopyDraft>;
  readonly #applies: Inquiries<TablePlanRecord[]>;

  constructor(deps: RequestsDeps) {
    this.#d = deps;
    this.#recopies = new Inquiries(deps.log);
    this.#applies = new Inquiries(deps.log);
  }

  /** Brings every open request on as far as it can go now, without waiting for a source. */
  async step(): Promise<void> {
    const { view, progress, kafka } = this.#d;
    const ends = (topic: string) => kafka.logEnds(topic);
    for (const recopy of openRecopies(view)) {
      const answer = this.#recopies.ask(recopy.id, () => {
        return draftRecopy({ ...this.#d, ends }, recopy);
      });
      if (answer === null) continue;
      await planRecopy({ ...this.#d, ends }, recopy, answer);
      this.#recopies.forget(recopy.id);
    }
    const apply = openApply(view, progress);
    if (apply !== undefined) await this.#apply(apply);
    // Refused at once where a server is away, and bounded by the time that a login may take.
    const growth = openGrowth(view);
    if (growth !== undefined) await carryOutGrowth(this.#d, growth);
  }

  async #apply(apply: ApplyRequest): Promise<void> {
    const answer = this.#applies.ask(apply.id, () => draftApply(this.#d, apply));
    if (answer === null) return;
    await carryOutApply(this.#d, apply, answer);
    this.#applies.forget(apply.id);
  }

  /** What the open requests wait for. */
  get waiting(): RunNote[] {
    return [...this.#recopies.open(), ...this.#applies.open()].map(({ id, sinceMs, why }) => ({
      id,
      stage: 'planning',
      what: why === null ? 'the answer of its sources' : `its sources: ${firstLine(why)}`,
      sinceMs,
      error: null,
    }));
  }
}

function firstLine(text: string): string {
  return text.split('\n')[0] ?? '';
}
