/**
 * What the targets lack for columns that came to a table (growth.ts), each in words and, where it
 * is known, as a statement; and what they have in columns of theirs that would stay there, as
 * nothing is copied.
 */
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { standsBy } from '../../../shared/job/state/cutover.ts';
import type { JobView, TablePlan } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { collationOf, createTableSql } from '../../../shared/mysql/schema-copy.ts';
import {
  alterTable,
  type PrintedTable,
  type Widening,
  widened,
} from '../../../shared/mysql/schema-fix.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { isWider, typeTold } from '../../../shared/schema/column-widening.ts';
import {
  type SchemaDifference,
  type SchemaRemedy,
  schemaDifferences,
} from '../../../shared/schema/schema-diff.ts';
import { withoutColumns } from '../../../shared/schema/table-growth.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { columnFacts, isFilledSo, type KnownConstant, otherThan } from './constant-column.ts';
import { refusingAbsence } from './dropped-column.ts';
import { filledOnTarget, type ThereColumn } from './filled-column.ts';
import type { LackingTarget } from './lacking-target.ts';

/** Says which way rows are carried: the job itself, or the one whose way back it is. */
export type Ruling = Pick<JobView, 'cutoverRun'>;

/** What is looked at of a table that has grown (growth.ts). */
export interface LookedAt {
  plan: TablePlan;
  now: TableSchema;
  printed: PrintedTable;
  added: string[];
  constants: ReadonlyMap<string, KnownConstant>;
  targets: LackingTarget[];
}

/**
 * What the targets have by themselves in the columns that came, where they have them already: it
 * would stay there, as nothing is copied. Reads such a column of a large table to its end.
 */
export async function filledTargets(
  { job, view, ruling }: { job: Job; view: JobView; ruling: Ruling },
  { plan, now, added, targets, printed, constants }: LookedAt,
): Promise<LackingTarget[]> {
  // What is there now is what the application has written: nothing of before comes over it.
  if (standsBy(job, ruling.cutoverRun)) return [];
  const others = othersColumns(view, plan);
  const found = job.targets.map(async target => {
    const lacks = targets.filter(t => t.target === target.name).map(t => t.column);
    const there = now.columns.filter(({ name }) => added.includes(name) && !lacks.includes(name));
    const columns = there.map(column => {
      const { name } = column;
      return { column, constant: constants.get(name) ?? null, isOthers: others.has(name) };
    });
    const place = qualified(target.database, now.table);
    if (columns.length === 0) return [];
    await using session = await MysqlSession.open(target, { role: 'admin', side: 'target' });
    const own = { db: target.database, table: now.table };
    const collation = await collationOf(session, own.db, own.table);
    return (await filledOnTarget(session, own, columns)).map(({ there, what, isDeclared }) => {
      const column = there.column.name;
      const sql = isDeclared
        ? alterTable(place, { kind: 'modify', column }, printed, collation, defaultsOf(constants))
        : updateSql(place, there);
      const words = { what: `${column} ${what}`, sql: sql ?? null, isAddition: false };
      return { target: target.name, column, ...words };
    });
  });
  return (await Promise.all(found)).flat();
}

function updateSql(place: string, { column, constant }: ThereColumn): string {
  const name = quoteId(column.name);
  if (constant === null) return `UPDATE ${place} SET ${name} = NULL WHERE ${name} IS NOT NULL;`;
  return `UPDATE ${place} SET ${name} = ${constant.sql} WHERE ${otherThan(column, constant)};`;
}

function defaultsOf(constants: ReadonlyMap<string, KnownConstant>): Map<string, string> {
  return new Map([...constants].map(([name, { sql }]) => [name, sql]));
}

/** Columns that other sources have brought already; not those that this one had and has lost. */
export function othersColumns(view: JobView, plan: TablePlan): Set<string> {
  const others = [...view.plans.values()].filter(p => p.table === plan.table && p !== plan);
  const had = plan.schema.columns.map(c => c.name);
  const names = others.flatMap(p => p.schema.columns.map(c => c.name));
  return new Set(names.filter(name => !had.includes(name)));
}

export interface Lacking {
  targets: LackingTarget[];
  /** What no statement mends: rows of this source have what another source's statement has put there. */
  conflicts: string[];
}

interface LackingOptions {
  /** Columns that other sources have brought. */
  others: ReadonlySet<string>;
  /** Columns that were made wider, as they are declared. */
  wider: ReadonlyMap<string, string>;
  /** Columns that were dropped at sources: the target may have them still. */
  dropped: readonly string[];
  /** Of these the statement that is looked at drops. */
  removed: readonly string[];
  /** Columns that the source has lost since. */
  gone: readonly string[];
  /** Rows are carried the other way: no row of before is written without what came. */
  isStandby: boolean;
}

/** What a target lacks to hold the rows of the table. */
export async function lacking(
  target: JobTarget,
  now: TableSchema,
  printed: PrintedTable,
  constants: ReadonlyMap<string, KnownConstant>,
  { others, wider, dropped, removed, gone, isStandby }: LackingOptions,
): Promise<Lacking> {
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target' });
  const whole = await inspectTable(session, target.database, now.table, { like: now });
  const left = dropped.filter(column => !now.columns.some(c => c.name === column));
  const there = withoutColumns(whole, left, whole);
  const name = qualified(target.database, now.table);
  const collation = await collationOf(session, target.database, now.table);
  const defaults = defaultsOf(constants);
  const sqlOf = (remedy: SchemaRemedy): string | null =>
    alterTable(name, remedy, printed, collation, defaults) ?? null;
  // Of what the target has alone: it was brought by another source, or goes there the other way.
  const isTheirs = ({ remedy, column }: SchemaDifference): boolean =>
    remedy.kind === 'drop' && (isStandby || others.has(column));
  // Rows that will go that way are of a time when nobody has it.
  const isOver = ({ column }: SchemaDifference): boolean => isStandby && gone.includes(column);
  const differences = schemaDifferences(now, there).filter(d => d.blocks && !isTheirs(d));
  const found = differences.filter(d => !isOver(d));
  const own = wider.size === 0 ? '' : await createTableSql(session, target.database, now.table);
  const targets = found.flatMap(({ column, what, remedy }, i): LackingTarget[] => {
    const words = { target: target.name, column, what: `${column} ${what}`.trim() };
    const ofColumn = found.filter(d => d.column === column);
    const by = narrowness(there, now, column, wider.get(column));
    if (ofColumn.length !== Object.keys(by).length || remedy.kind !== 'modify') {
      const more = remedy.kind === 'drop' ? { isExtra: true } : {};
      return [{ ...words, sql: sqlOf(remedy), isAddition: remedy.kind === 'add', ...more }];
    }
    // One statement does for all that it lacks.
    if (found.findIndex(d => d.column === column) !== i) return [];
    const all = ofColumn.map(d => d.what).join(', ');
    const sql = widened(name, own, column, by) ?? null;
    return [{ ...words, what: `${column} ${all}`, sql, isAddition: false, isWidening: true }];
  });
  if (!isStandby) targets.push(...(await refusingAbsence(session, target, whole, left)));
  // Rows that come back from there would have the column.
  const conflicts = whole.columns.flatMap(c =>
    isStandby && removed.includes(c.name) ? [`${target.name} has column ${c.name} still`] : [],
  );
  const isAsked = constants.size > 0 && !isStandby;
  const facts = isAsked ? await columnFacts(session, there) : [];
  for (const column of facts) {
    const constant = constants.get(column.name);
    if (constant === undefined || isFilledSo(session.flavor, now, column, constant)) continue;
    const what = `${column.name} has another default than rows of the source have in it`;
    // Rows of this source that were written without it have the other one.
    if (others.has(column.name)) conflicts.push(`${what} (${target.name}, by another source)`);
    else {
      const sql = sqlOf({ kind: 'modify', column: column.name });
      targets.push({ target: target.name, column: column.name, what, sql, isAddition: false });
    }
  }
  return { targets, conflicts };
}

/** What the target's column lacks to hold what it is to hold. */
function narrowness(
  there: TableSchema,
  now: TableSchema,
  name: string,
  told: string | undefined,
): Widening {
  const [has, needs] = [there, now].map(t => t.columns.find(c => c.name === name));
  if (told === undefined || has === undefined || needs === undefined) return {};
  return {
    ...(isWider(has.type, needs.type) && { type: typeTold(told) }),
    ...(needs.nullable && !has.nullable && { nullable: true }),
  };
}

/** Throws if a target cannot hold what would come. */
export function refuseTargets({ plan, targets }: Pick<LookedAt, 'plan' | 'targets'>): void {
  const [first] = targets;
  if (first === undefined) return;
  throw new ReshardError('schema-changed', `${first.target}: ${first.what}`, {
    context: { source: plan.source, table: plan.table, target: first.target },
    remedy: `alter the targets first: ${targets.map(t => `${t.target}: ${t.sql ?? t.what}`).join(' ')}`,
  });
}
