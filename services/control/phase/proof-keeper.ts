/**
 * Control's hand on the records of proofs (shared/job/state/proof.ts): writes what checks have
 * said, and takes the word back where there is a reason to doubt. A record that is put is in the
 * view when the put returns: the next verdict is judged by it.
 */
import { isGoneOver } from '../../../shared/job/state/cutover.ts';
import { doneSkips } from '../../../shared/job/state/ddl-request.ts';
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import {
  doubted,
  findingOf,
  judged,
  type Proof,
  standings,
  type TableVerdict,
  unproven,
} from '../../../shared/job/state/proof.ts';
import { doubtText, type StreamDoubt } from '../../../shared/job/state/stream-report.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { WantedCheck } from './stream-reports.ts';
import type { TargetHalt } from './target-halts.ts';
import type { Stuck } from './verdicts.ts';

export interface ProofKeeperDeps {
  view: Pick<JobView, 'plans' | 'proofs' | 'cutoverRun'>;
  log: Logger;
  put(key: string, record: Partial<StateRecord>): Promise<void>;
}

export class ProofKeeper {
  readonly #d: ProofKeeperDeps;
  /** Statements of the way back that this control has heard of. */
  readonly #passedOver = new Set<string>();
  /** By target, transaction and table: halts of the targets' logs that were looked at. */
  readonly #stands = new Set<string>();

  constructor(deps: ProofKeeperDeps) {
    this.#d = deps;
  }

  /** Whether each of the tables is proven, and nothing has been doubted since. */
  proves(tables: readonly string[]): boolean {
    return standings(this.#d.view, tables).every(s => s.isProven);
  }

  async judge(verdicts: readonly TableVerdict[]): Promise<void> {
    for (const verdict of verdicts) {
      const proof = judged(this.#d.view, verdict, Date.now());
      if (proof === null) continue;
      await this.#put(proof);
      const { table, check, result } = verdict;
      this.#d.log.info({ table, check, result }, `proof: ${findingOf(verdict)}`);
    }
  }

  /** Takes the word back, whether or not the table has it: a check under way must not give it. */
  async doubt(tables: readonly string[], why: string): Promise<void> {
    for (const table of tables) {
      const proof = this.#d.view.proofs.get(table) ?? unproven(table);
      await this.#put(doubted(proof, why, Date.now()));
      this.#d.log.info({ table, why }, 'proof: in doubt');
    }
  }

  /** A proven table has keys that a target cannot apply, or has lost: it is known to differ. */
  async stuck(list: readonly Stuck[]): Promise<void> {
    for (const { table, why, tsMs } of list) {
      const [standing] = standings(this.#d.view, [table]);
      if (!standing?.isProven || tsMs <= (standing.proof?.provenMs ?? 0)) continue;
      await this.doubt([table], why);
    }
  }

  /** Both logs say that a table differs from what its proof has found equal. */
  async streamed(doubts: readonly StreamDoubt[]): Promise<void> {
    // What the application writes to the targets from the journal on is no difference.
    if (isGoneOver(this.#d.view.cutoverRun)) return;
    for (const found of doubts) {
      const [standing] = standings(this.#d.view, [found.table]);
      if (!standing?.isProven || standing.proof?.check !== found.base) continue;
      await this.doubt([found.table], doubtText(found));
    }
  }

  /**
   * A statement in the log of the way back was passed over on somebody's word: on the targets it
   * may have done what no row of any log tells. Which table it was about that log alone knows.
   */
  async passedOver(
    wayBack: Pick<JobView, 'skips' | 'applied'>,
    tables: readonly string[],
  ): Promise<void> {
    for (const { id, source, by, doneMs } of doneSkips(wayBack)) {
      if (this.#passedOver.has(id)) continue;
      this.#passedOver.add(id);
      // By the control before us.
      const open = tables.filter(t => (this.#d.view.proofs.get(t)?.doubtMs ?? 0) < doneMs);
      await this.doubt(open, `a statement at ${source} was passed over on the word of ${by}`);
    }
  }

  /**
   * The log of a target stands at a statement: of the tables that it may be about nothing that was
   * proven before says anything any more, nor does a check that is under way, whatever was known
   * before it. One that has begun behind it does.
   */
  async halted(halts: readonly TargetHalt[], tables: readonly string[]): Promise<void> {
    if (isGoneOver(this.#d.view.cutoverRun)) return;
    for (const { target, gtid, table, why, atMs } of halts) {
      // One that is spelled otherwise, or has a dot in its name, may be any of them, too.
      const about = table !== null && tables.includes(table) ? [table] : tables;
      for (const name of about) {
        const id = `${target} ${gtid} ${name}`;
        if (this.#stands.has(id)) continue;
        this.#stands.add(id);
        const { doubt = null, startedMs = 0 } = this.#d.view.proofs.get(name) ?? {};
        if (doubt !== why && startedMs < atMs) await this.doubt([name], why);
      }
    }
  }

  /** Tables that are in doubt by the halts alone, since when: a check settles that. */
  wantedBehind(halts: readonly TargetHalt[], tables: readonly string[]): WantedCheck[] {
    const reasons = new Set(halts.map(h => h.why));
    return tables.flatMap(table => {
      const [standing] = standings(this.#d.view, [table]);
      const { doubt = null, doubtMs = 0 } = standing?.proof ?? {};
      const isOpen = standing?.isProven === false && doubt !== null && reasons.has(doubt);
      return isOpen ? [{ table, sinceMs: doubtMs }] : [];
    });
  }

  #put(proof: Proof): Promise<void> {
    return this.#d.put(stateKey.proof(proof.table), { proof });
  }
}
