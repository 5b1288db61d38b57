/**
 * Columns that a source has dropped, taken up where its reader stands (growth.ts): the log goes on
 * without them, and so do rows on their way to the targets. What is in the targets' columns is lost
 * only on the operator's word, and not before the last source has dropped them as well
 * (target-drop.ts); until then, or for good, new rows have there what the target gives them.
 */
import type { Job } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import { isReturnJob } from '../../../shared/job/return-job.ts';
import type { DroppedWord } from '../../../shared/job/state/ddl-request.ts';
import { leftColumns } from '../../../shared/job/state/dropped-column.ts';
import type { JobView, OlderSchema, TablePlan } from '../../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import { createTableSql } from '../../../shared/mysql/schema-copy.ts';
import { widened } from '../../../shared/mysql/schema-fix.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { fixedColumns } from '../../../shared/schema/column-widening.ts';
import { withoutColumns } from '../../../shared/schema/table-growth.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';
import { type ColumnFacts, columnFacts } from './constant-column.ts';
import type { LackingTarget } from './lacking-target.ts';

/** The plan behind a statement that drops columns. */
export interface DroppedFrom {
  schema: TableSchema;
  /** As the plan spells them. */
  removed: string[];
  against: string[];
}

/** Pure. `names` are in lower case. */
export function withoutDropped(
  job: Job,
  { schema }: TablePlan,
  names: readonly string[],
): DroppedFrom {
  const all = allColumns(schema).map(c => c.name);
  const removed = all.filter(name => names.includes(name.toLowerCase()));
  if (removed.length === 0) return { schema, removed, against: [] };
  const fixed = fixedColumns(schema, routeOf(job, schema).columns);
  const against = removed.flatMap(name => {
    return fixed.has(name.toLowerCase())
      ? [`column ${name} is part of the row key, or decides the target of a row`]
      : [];
  });
  // It is copied as it is then: the targets have to drop it first.
  if (against.length > 0) return { schema, removed: [], against };
  return { schema: withoutColumns(schema, removed, schema), removed, against };
}

/**
 * What becomes of the columns on the targets without anybody's word; null: the source waits for it.
 * `isStandby`: rows are carried the other way, and the targets have dropped them before.
 */
export function standingWord(
  { options: { droppedColumns } }: Job,
  isStandby: boolean,
): DroppedWord | null {
  if (isStandby) return 'drop';
  return droppedColumns === 'stop' ? null : droppedColumns;
}

/** Pure: whether no rows come the other way. */
export function isKeepable(job: Job): boolean {
  return job.cutover.back === undefined && !isReturnJob(job);
}

/** Throws where columns are dropped and what becomes of them was not said, or cannot be. */
export function refuseWord(job: Job, removed: readonly string[], word: DroppedWord | ''): void {
  if (removed.length === 0) return;
  if (word === '') {
    throw new ReshardError('schema-changed', `it drops ${removed.join(', ')}`, {
      remedy: 'say what becomes of that on the targets: `--drop` or `--keep`',
    });
  }
  if (word === 'drop' || isKeepable(job)) return;
  throw new ReshardError(
    'schema-changed',
    'rows that come the other way would bring a kept column',
    {
      remedy: '`--drop`, or take `cutover.back` out of the job file',
    },
  );
}

/**
 * Throws while the targets have still to lose a column that has the name of one that came: it is
 * another one, and would be dropped with what is in it.
 */
export function refusePending(view: JobView, table: string, added: readonly string[]): void {
  const open = leftColumns(view).filter(c => !c.keep && c.holders.length === 0);
  const pending = open.find(c => c.table === table && added.includes(c.column));
  if (pending === undefined) return;
  const { column } = pending;
  throw new ReshardError('target', `the targets have still to lose the ${column} of before`, {
    context: { table, column },
    remedy: '`reshard status <job file>` says what that waits for (dropping columns)',
  });
}

/** Pure: what records of before were, when columns have gone since. */
export function olderShapes(plan: TablePlan, removed: readonly string[]): OlderSchema[] {
  const { schemaJson, valueSchemaId, older = [] } = plan;
  return [...older, { schemaJson, valueSchemaId }].map(o =>
    removed.length === 0 ? o : { ...o, gone: [...new Set([...(o.gone ?? []), ...removed])] },
  );
}

/** Where a target stands against rows that come without the columns. */
export async function refusingAbsence(
  session: MysqlSession,
  target: { name: string; database: string },
  there: TableSchema,
  columns: readonly string[],
): Promise<LackingTarget[]> {
  const left = there.columns.filter(c => columns.includes(c.name));
  if (left.length === 0) return [];
  const facts = new Map((await columnFacts(session, there)).map(f => [f.name, f]));
  const own = await createTableSql(session, target.database, there.table);
  return left.flatMap(({ name: column }): LackingTarget[] => {
    const why = whyNotAbsent(there, column, facts.get(column));
    if (why === null) return [];
    const what = `${column} ${why.what}, and rows will come without it`;
    const place = qualified(target.database, there.table);
    const sql = why.isCured ? (widened(place, own, column, { nullable: true }) ?? null) : null;
    return [{ target: target.name, column, what, sql, isAddition: false, isWidening: true }];
  });
}

/** Pure: why rows cannot come without the column; null: they can. `isCured`: by NULL. */
export function whyNotAbsent(
  there: TableSchema,
  name: string,
  facts: ColumnFacts | undefined,
): { what: string; isCured: boolean } | null {
  const at = there.columns.findIndex(c => c.name === name);
  const column = there.columns[at];
  if (column === undefined || column.generated !== 'no') return null;
  const { value = null, extra = '' } = facts ?? {};
  if (/auto_increment/i.test(extra)) return { what: 'is AUTO_INCREMENT', isCured: false };
  const hasDefault = (value !== null && value !== 'NULL') || /DEFAULT_GENERATED/i.test(extra);
  const isUnique = there.uniqueKeys.some(k => k.columns.includes(at) || k.parts !== undefined);
  if (hasDefault) {
    const what = 'is in a unique index with a default';
    return isUnique ? { what, isCured: false } : null;
  }
  return column.nullable ? null : { what: 'is NOT NULL without a default', isCured: true };
}
