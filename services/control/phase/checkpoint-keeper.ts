/**
 * Control's hand on the checkpoints of checks (shared/job/state/checkpoint.ts): makes durable what
 * the checker of a check tells, every few seconds, and removes it when there is a verdict, or
 * nobody wants one any more. A report is no resume point: it is over with its member, and another
 * one that has the same unit writes over it.
 */
import type { CheckBasis } from '../../../shared/job/state/check-result.ts';
import type { Checkpoint } from '../../../shared/job/state/checkpoint.ts';
import { type JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { StateWriter } from './state-writer.ts';
import type { Verdicts } from './verdicts.ts';

export interface CheckpointKeeperDeps {
  view: Pick<JobView, 'verifies' | 'checkpoints'>;
  writer: Pick<StateWriter, 'put' | 'remove'>;
  /** What checkers have said. */
  verdicts: Pick<Verdicts, 'check' | 'isUnderWay'>;
}

export class CheckpointKeeper {
  readonly #d: CheckpointKeeperDeps;
  /** They are long, and looked at again and again. */
  readonly #read = new WeakSet<Report>();

  constructor(deps: CheckpointKeeperDeps) {
    this.#d = deps;
  }

  async step(): Promise<void> {
    const { view, writer, verdicts } = this.#d;
    for (const id of [...view.verifies.keys()]) {
      const told = verdicts.isUnderWay(id) ? this.#toldOf(id) : null;
      if (told === null || told.savedMs === view.checkpoints.get(id)?.savedMs) continue;
      await writer.put(stateKey.checkpoint(id), { checkpoint: told });
    }
    for (const id of [...view.checkpoints.keys()]) {
      const hasEnded = verdicts.check(id) !== undefined && !verdicts.isUnderWay(id);
      if (!hasEnded && view.verifies.has(id)) continue;
      await writer.remove(stateKey.checkpoint(id));
    }
  }

  /** Null where the report has none, or was read before. */
  #toldOf(id: string): Checkpoint | null {
    const report = this.#d.verdicts.check(id);
    if (report === undefined || this.#read.has(report)) return null;
    this.#read.add(report);
    const { checkpoint }: Partial<CheckBasis> = JSON.parse(report.detail);
    return checkpoint && checkpoint.tables.length > 0 ? checkpoint : null;
  }
}
