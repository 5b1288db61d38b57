/**
 * Columns that a source has renamed, taken up where its reader stands (growth.ts): rows are what
 * they were, and the log goes on with the new names. The targets get them when all sources of the
 * table have them (target-rename.ts); until then the sink writes to the columns by their old ones.
 *
 * Invariant: no two columns of a table have ever had one name, on sources and targets together: who
 * has not heard of a change writes to the right column, or to none.
 */
import { fieldNames } from '../../../shared/codec/avro-schema.ts';
import type { Job } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import type { JobView, TablePlan } from '../../../shared/job/state/job-view.ts';
import { type OlderSchema, olderTable } from '../../../shared/job/state/older-schema.ts';
import {
  namesThere,
  openRenames,
  type RenamedColumn,
  renameOf,
} from '../../../shared/job/state/renamed-column.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { type ColumnRename, composed, withRenames } from '../../../shared/schema/column-rename.ts';
import { fixedColumns } from '../../../shared/schema/column-widening.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';

/** The plan behind a statement that renames columns. */
export interface RenamedFrom {
  schema: TableSchema;
  renames: readonly ColumnRename[];
  against: string[];
}

/** Pure. */
export function underNewNames(
  job: Job,
  view: JobView,
  plan: TablePlan,
  renames: readonly ColumnRename[],
): RenamedFrom {
  if (renames.length === 0) return { schema: plan.schema, renames, against: [] };
  const against = renames.flatMap(rename => againstRename(job, view, plan, rename));
  if (job.options.streamingCheck) {
    against.push(
      'options.streamingCheck compares a log that has the new name with one that has not',
    );
  }
  if (against.length > 0) return { schema: plan.schema, renames: [], against };
  return { schema: withAliases(plan.schema, renames), renames, against };
}

function againstRename(
  job: Job,
  view: JobView,
  plan: TablePlan,
  { from, to }: ColumnRename,
): string[] {
  const { schema } = plan;
  const is = schema.columns.find(c => c.name === from);
  const of = `column ${from}`;
  if (is === undefined) return [`${of} is not planned`];
  const found: string[] = [];
  const fixed = fixedColumns(schema, routeOf(job, schema).columns);
  if (fixed.has(from.toLowerCase())) {
    found.push(`${of} is part of the row key, or decides the target of a row`);
  }
  if (is.generated !== 'no') found.push(`${of} is generated`);
  if (isTaken(view, plan, from, to)) {
    found.push(`${to} is, or was, the name of another column than ${from}`);
  }
  return found;
}

const lower = (name: string): string => name.toLowerCase();

/** Whether another column of the table has, or had, the name: at this source, or another. */
function isTaken(view: JobView, { table }: TablePlan, from: string, to: string): boolean {
  const all = [...view.plans.values()].filter(p => p.table === table);
  const names = all.flatMap(p => namesOf(p, calledAt(view, p, from)));
  return names.some(name => lower(name) === lower(to));
}

/** What the source of the plan calls the column; empty: it does not have it. */
function calledAt(view: JobView, plan: TablePlan, from: string): string {
  const has = plan.schema.columns.map(c => c.name);
  if (has.includes(from)) return from;
  const were = (plan.older ?? []).flatMap(o => o.renamed ?? []);
  const by = were.find(r => r.from === from && has.includes(r.to))?.to;
  return by ?? renameOf(view, plan.table, from)?.names.find(n => has.includes(n)) ?? '';
}

/** Names that columns have, and had, as far as records may be of that; but for one column's. */
function namesOf({ schema, older = [], dropped = [] }: TablePlan, but: string): string[] {
  const were = older.flatMap(o => {
    const had: TableSchema = JSON.parse(o.schemaJson);
    const is = olderTable(o);
    return had.columns.flatMap((c, i) => (is.columns[i]?.name === but ? [] : [c.name]));
  });
  const has = allColumns(schema).flatMap(c => (c.name === but ? [] : [c.name]));
  return [...has, ...were, ...dropped.map(d => d.column)];
}

/** The schema says what a field was called: a reader of the new one finds it in older records. */
function withAliases(schema: TableSchema, renames: readonly ColumnRename[]): TableSchema {
  const names = schema.columns.map(c => c.name);
  const fields = fieldNames(names);
  const renamed = withRenames(schema, renames);
  const are = fieldNames(renamed.columns.map(c => c.name));
  const columns = renamed.columns.map((column, i) => {
    if (column.name === names[i]) return column;
    const had = [...(column.formerly ?? []), fields[i] ?? ''];
    const formerly = [...new Set(had)].filter(name => !are.includes(name));
    return { ...column, formerly };
  });
  return { ...renamed, columns };
}

/** Pure: why a column that came cannot have its name; empty: it can. */
export function namesOfBefore(view: JobView, plan: TablePlan, added: readonly string[]): string[] {
  const ofTable = [...view.plans.values()].filter(p => p.table === plan.table);
  const had = ofTable.flatMap(p => (p.older ?? []).flatMap(o => o.renamed ?? []));
  return added.flatMap(name => {
    const by = had.find(r => lower(r.from) === lower(name));
    return by === undefined ? [] : [`column ${name} has the name that ${by.to} had before`];
  });
}

/**
 * Throws while targets have still to rename a column that is made wider or dropped: what is done
 * to it there is done by its name.
 */
export function refuseRenaming(view: JobView, table: string, columns: readonly string[]): void {
  const open = openRenames(view).filter(r => r.table === table);
  const column = columns.find(name => open.some(r => r.names.includes(name)));
  if (column === undefined) return;
  throw new ReshardError('target', `the targets have still to rename ${column}`, {
    context: { table, column },
    remedy: '`reshard status <job file>` says what that waits for (renaming columns)',
  });
}

/**
 * Throws while another source has the column under no name: one that it gets later would be another
 * one for it.
 */
export function refuseApart(
  view: JobView,
  plan: TablePlan,
  renames: readonly ColumnRename[],
): void {
  const others = [...view.plans.values()].filter(p => p.table === plan.table && p !== plan);
  for (const { from, to } of renames) {
    const names = [from, to, ...(renameOf(view, plan.table, from)?.names ?? [])];
    const other = others.find(p => !p.schema.columns.some(c => names.includes(c.name)));
    if (other === undefined) continue;
    throw new ReshardError('target', `${other.source} does not have ${from} yet`, {
      context: { source: plan.source, table: plan.table, column: from },
      remedy: `add it there, as it was added on ${plan.source}; it goes on by itself then`,
    });
  }
}

/** Pure: what records of before were, when columns are renamed. */
export function olderNames(
  older: readonly OlderSchema[],
  renames: readonly ColumnRename[],
): OlderSchema[] {
  if (renames.length === 0) return [...older];
  return older.map(o => {
    const { columns }: TableSchema = JSON.parse(o.schemaJson);
    const gone = new Set(o.gone);
    const is = olderTable(o).columns;
    // A column that was dropped has no other name any more.
    const left = columns.filter((_, i) => !gone.has(is[i]?.name ?? ''));
    const still = composed(
      o.renamed ?? [],
      left.map(c => c.name),
      renames,
    );
    const were = (o.renamed ?? []).filter(r => gone.has(r.to));
    return { ...o, renamed: [...were, ...still] };
  });
}

/** Pure: what the targets may have by another name, when columns are renamed once more. */
export function renamedWith(
  renamed: readonly RenamedColumn[],
  renames: readonly ColumnRename[],
): RenamedColumn[] {
  const kept = renamed.filter(r => !renames.some(({ from }) => from === r.column));
  const now = renames.map(({ from, to }) => {
    const was = renamed.find(r => r.column === from)?.was ?? [];
    return { column: to, was: [...new Set([...was, from])].filter(name => name !== to) };
  });
  return [...kept, ...now];
}

/** The table of a target with the names that the source has; what is unclear stands against it. */
export function underSourceNames(
  target: string,
  there: TableSchema,
  renamed: readonly RenamedColumn[],
): { table: TableSchema; unclear: string[] } {
  const { names, unclear } = namesThere(
    renamed,
    allColumns(there).map(c => c.name),
  );
  const renames = [...names].map(([to, from]) => ({ from, to }));
  return {
    table: withRenames(there, renames),
    unclear: unclear.map(what => `${target}: ${what}`),
  };
}
