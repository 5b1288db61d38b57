/**
 * Which keys to read again at which source, so that the targets become right. Nothing is taken from
 * the check but the keys: what is true of a key is asked of the sources anew.
 *
 * A tombstone takes the row of its own source, and a row that came from nobody; never a row of
 * another source. So with several sources each one that does not have the key must say so: the row
 * that is in the way may be of any of them. The second round, when the first is applied everywhere,
 * asks them; the row of the key's own source waits on the target for that, if it has to.
 */
import type { Difference } from '../../../shared/job/state/check-result.ts';
import type { Clear, RepairRequest, TablePlan } from '../../../shared/job/state/job-view.ts';
import type { WantedKey } from '../../../shared/job/state/repair-run.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';

/** Keys of one request: it is one record of the state topic. */
const KEYS_MAX = 500;

export type RepairDraft = Omit<RepairRequest, 'id' | 'requestedMs'>;

export interface RepairPlan {
  keys: WantedKey[];
  rounds: RepairDraft[][];
  /** Several sources bring the key: no reading again can tell which one is right. */
  refused: Difference[];
}

/**
 * `sources`: names of all sources of the job; `plans` in any order; `isPartial`: sources have rows
 * that belong to no target, so one that is there says nothing of the target's.
 */
export function planRepair(
  differences: readonly Difference[],
  sources: readonly string[],
  plans: readonly TablePlan[],
  isPartial = false,
): RepairPlan {
  const [first = ''] = sources;
  const refused = differences.filter(d => d.sources.length > 1);
  const wanted = differences
    .filter(d => d.sources.length <= 1)
    .map(({ table, kind, key, sources: owners, targets, expected }): WantedKey => {
      const [owner] = owners;
      const strays = owner !== undefined && targets.some(t => t !== expected);
      const isAlien = isPartial && owner === undefined;
      const isAnew = strays || isAlien || (kind === 'different' && hasDocuments(table, plans));
      return { table, key, source: owner ?? first, clear: isAnew ? 'always' : 'absent' };
    });
  return { keys: wanted, rounds: roundsOf(wanted, sources, plans), refused };
}

/** MySQL writes no JSON document over one that it holds equal: such a row has to go first. */
function hasDocuments(table: string, plans: readonly TablePlan[]): boolean {
  const plan = plans.find(p => p.table === table);
  return plan?.schema.columns.some(c => c.type.kind === 'json') ?? false;
}

export function roundsOf(
  wanted: readonly WantedKey[],
  sources: readonly string[],
  plans: readonly TablePlan[],
): RepairDraft[][] {
  const first = new Drafts(plans);
  const second = new Drafts(plans);
  for (const { table, key, source, clear } of wanted) {
    first.add(source, table, clear, key);
    for (const other of sources) if (other !== source) second.add(other, table, 'absent', key);
  }
  return [first.list(), second.list()].filter(round => round.length > 0);
}

class Drafts {
  readonly #plans: readonly TablePlan[];
  readonly #open = new Map<string, { bound: KeyBound; draft: RepairDraft }>();
  readonly #full: RepairDraft[] = [];

  constructor(plans: readonly TablePlan[]) {
    this.#plans = plans;
  }

  add(source: string, table: string, clear: Clear, key: Readonly<Record<string, string>>): void {
    const name = `${source}/${table}/${clear}`;
    const known = this.#open.get(name) ?? this.#new(source, table, clear);
    this.#open.set(name, known);
    known.draft.keys.push(keyFromText(known.bound, key));
    if (known.draft.keys.length < KEYS_MAX) return;
    this.#full.push(known.draft);
    this.#open.delete(name);
  }

  list(): RepairDraft[] {
    return [...this.#full, ...[...this.#open.values()].map(o => o.draft)];
  }

  #new(source: string, table: string, clear: Clear): { bound: KeyBound; draft: RepairDraft } {
    const plan = this.#plans.find(p => p.source === source && p.table === table);
    if (plan === undefined) {
      throw new ReshardError('config', `the job has no table ${table} of ${source}`);
    }
    const bound = new KeyBound(plan.schema);
    return { bound, draft: { source, db: plan.db, table, clear, keys: [] } };
  }
}
