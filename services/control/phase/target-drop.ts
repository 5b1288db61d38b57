/**
 * Drops columns on the targets when no source of their table has them any more (dropped-column.ts):
 * once, behind the last source. What waits for a source is told, as the operator has the way out:
 * another word (`reshard ddl apply --keep`).
 */
import type { JobTarget } from '../../../shared/job/job.ts';
import {
  DROPPING,
  dropId,
  type LeftColumn,
  leftColumns,
} from '../../../shared/job/state/dropped-column.ts';
import { type JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import { alterTarget } from './alter-target.ts';
import { columnFacts } from './constant-column.ts';
import {
  type ChangeKind,
  type OpenChange,
  TargetChanges,
  type TargetChangesDeps,
} from './target-change.ts';

type Place = Pick<LeftColumn, 'table' | 'column'>;

export class TargetDrops {
  readonly #changes: TargetChanges<LeftColumn>;

  constructor(deps: TargetChangesDeps, drop: typeof dropOnTargets = dropOnTargets) {
    const kind: ChangeKind<LeftColumn> = {
      stage: DROPPING,
      words: {
        done: 'a dropped column is off the targets',
        left: 'a dropped column stays on the targets',
      },
      open: openDrops,
      told,
      alter: drop,
      forget,
    };
    this.#changes = new TargetChanges(deps, kind);
  }

  /** Brings each drop on as far as it can go now, without waiting for a target. */
  step(nowMs?: number): Promise<void> {
    return this.#changes.step(nowMs);
  }

  /** Whether targets are losing it just now. */
  isUnderWay(table: string, column: string): boolean {
    return this.#changes.isUnderWay(dropId({ table, column }));
  }

  /** What each waits for. */
  get waiting(): RunNote[] {
    return this.#changes.waiting;
  }
}

function openDrops(view: JobView): LeftColumn[] {
  return leftColumns(view).filter(c => !c.keep);
}

function told({ table, column, holders }: LeftColumn): OpenChange {
  const has = holders.length === 1 ? 'has' : 'have';
  const isReady = holders.length === 0;
  const what = isReady
    ? `${column}: the targets`
    : `${column}: ${holders.join(', ')} ${has} it still; \`reshard ddl show <job file>\` says the ways on`;
  return { id: dropId({ table, column }), table, column, isReady, what };
}

async function forget(
  { view, writer }: Pick<TargetChangesDeps, 'view' | 'writer'>,
  { table, column }: LeftColumn,
): Promise<void> {
  for (const { schema: _, ...plan } of [...view.plans.values()]) {
    const dropped = (plan.dropped ?? []).filter(d => d.column !== column);
    if (plan.table !== table || dropped.length === plan.dropped?.length) continue;
    await writer.put(stateKey.plan(plan.source, plan.db, table), { plan: { ...plan, dropped } });
  }
}

async function dropOnTargets(
  { job, log }: Pick<TargetChangesDeps, 'job' | 'log'>,
  left: LeftColumn,
): Promise<void> {
  for (const target of job.targets) await dropOnTarget({ log }, target, left);
}

async function dropOnTarget(
  { log }: Pick<TargetChangesDeps, 'log'>,
  target: JobTarget,
  left: LeftColumn,
): Promise<void> {
  const { table, column } = left;
  const sql = `ALTER TABLE ${qualified(target.database, table)} DROP COLUMN ${quoteId(column)};`;
  const look = async (): Promise<string[]> => ((await has({ log }, target, left)) ? [sql] : []);
  await alterTarget({ log }, target, table, look);
}

/** Throws `target` while the table is being altered there. */
export async function lacksColumn(
  { log }: Pick<TargetChangesDeps, 'log'>,
  target: JobTarget,
  place: Place,
): Promise<boolean> {
  let lacks = false;
  await alterTarget({ log }, target, place.table, async () => {
    lacks = !(await has({ log }, target, place));
    return [];
  });
  return lacks;
}

async function has(
  deps: Pick<TargetChangesDeps, 'log'>,
  target: JobTarget,
  { table, column }: Place,
): Promise<boolean> {
  return (await columnsThere(deps, target, table)).includes(column);
}

/** Names of the columns that the target's table has now. */
export async function columnsThere(
  { log }: Pick<TargetChangesDeps, 'log'>,
  target: JobTarget,
  table: string,
): Promise<string[]> {
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target', log });
  return (await columnFacts(session, { db: target.database, table })).map(f => f.name);
}
