/**
 * Renames columns on the targets when all sources of their table call them so (renamed-column.ts):
 * once, behind the last source. Whether a target has done it is told by its columns, as it has one
 * name of each.
 */
import type { JobTarget } from '../../../shared/job/job.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import {
  type OpenRename,
  openRenames,
  RENAMING,
  type RenamedColumn,
  renameId,
} from '../../../shared/job/state/renamed-column.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import { alterTarget } from './alter-target.ts';
import {
  type ChangeKind,
  type OpenChange,
  TargetChanges,
  type TargetChangesDeps,
} from './target-change.ts';
import { columnsThere } from './target-drop.ts';

export class TargetRenames {
  readonly #changes: TargetChanges<OpenRename>;

  constructor(deps: TargetChangesDeps, rename: typeof renameOnTargets = renameOnTargets) {
    const kind: ChangeKind<OpenRename> = {
      stage: RENAMING,
      words: {
        done: 'a renamed column has its name on the targets',
        left: 'a renamed column has its old name on the targets',
      },
      open: openRenames,
      told,
      alter: rename,
      forget,
    };
    this.#changes = new TargetChanges(deps, kind);
  }

  /** Brings each rename on as far as it can go now, without waiting for a target. */
  step(nowMs?: number): Promise<void> {
    return this.#changes.step(nowMs);
  }

  /** What each waits for. */
  get waiting(): RunNote[] {
    return this.#changes.waiting;
  }
}

function told({ table, names, at, to }: OpenRename): OpenChange {
  const column = to ?? names[0] ?? '';
  const isReady = to !== null;
  const each = at.map(a => `${a.column} at ${a.source}`).join(', ');
  const what = isReady
    ? `${column}: the targets`
    : `${each}: the same \`RENAME COLUMN\` on the other sources ends that`;
  return { id: renameId({ table, names }), table, column, isReady, what };
}

/** Unless a source has renamed it once more meanwhile. */
async function forget(
  { view, writer }: Pick<TargetChangesDeps, 'view' | 'writer'>,
  { table, names, to }: OpenRename,
): Promise<void> {
  const now = openRenames(view).find(r => r.table === table && r.names.includes(to ?? ''));
  if (to === null || now?.to !== to) return;
  const isDone = (r: RenamedColumn): boolean => names.includes(r.column);
  for (const { schema: _, ...plan } of [...view.plans.values()]) {
    const renamed = (plan.renamed ?? []).filter(r => !isDone(r));
    if (plan.table !== table || renamed.length === plan.renamed?.length) continue;
    await writer.put(stateKey.plan(plan.source, plan.db, table), { plan: { ...plan, renamed } });
  }
}

async function renameOnTargets(
  { job, log }: Pick<TargetChangesDeps, 'job' | 'log'>,
  rename: OpenRename,
): Promise<void> {
  for (const target of job.targets) {
    const look = async (): Promise<string[]> => {
      const there = await columnsThere({ log }, target, rename.table);
      return statements(target, rename, there);
    };
    await alterTarget({ log }, target, rename.table, look);
  }
}

/** What the target's table still needs. Throws where it has the column twice, or not at all. */
export function statements(
  { name, database }: Pick<JobTarget, 'name' | 'database'>,
  { table, names, to }: OpenRename,
  there: readonly string[],
): string[] {
  const found = names.filter(n => there.includes(n));
  const [from] = found;
  if (from === undefined || to === null || found.length > 1) {
    const what =
      found.length > 1 ? `has ${found.join(' and ')}` : `has none of ${names.join(', ')}`;
    throw new ReshardError('schema-changed', `${name}: ${table} ${what}`, {
      context: { target: name, table },
      remedy: 'leave the column there under one of its names, with what is in it',
    });
  }
  if (from === to) return [];
  const place = qualified(database, table);
  return [`ALTER TABLE ${place} RENAME COLUMN ${quoteId(from)} TO ${quoteId(to)};`];
}
