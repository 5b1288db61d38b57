/**
 * Columns that were added to a table of a source, made wider or dropped, and what stands against
 * taking them up (take-up.ts), so that the source's log goes on from the very place of the ALTER and
 * nothing is copied.
 *
 * The command looks to show it, and control once more before it does it: nothing else of the table
 * is another one, each new column is NULL in the rows that were there (filled-column.ts) or has the
 * constant of its statement (constant-column.ts), and every target can hold what comes. The targets
 * have been altered before, by whoever asks.
 */
import { fieldNames } from '../../../shared/codec/avro-schema.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import { standsBy } from '../../../shared/job/state/cutover.ts';
import { targetsOnly } from '../../../shared/job/state/dropped-column.ts';
import type { JobView, TablePlan } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { printTable } from '../../../shared/mysql/schema-copy.ts';
import type { PrintedTable } from '../../../shared/mysql/schema-fix.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import {
  fixedColumns,
  isTold,
  isWidened,
  type WiderColumn,
} from '../../../shared/schema/column-widening.ts';
import { inPlannedOrder, sameType, tableGrowth } from '../../../shared/schema/table-growth.ts';
import {
  isServerKey,
  keyIndexName,
  rowKeyNames,
  schemaFingerprint,
  type TableSchema,
  unsupportedColumns,
} from '../../../shared/schema/table-schema.ts';
import {
  type ColumnFacts,
  columnFacts,
  constantsOf,
  type KnownConstant,
  withFills,
} from './constant-column.ts';
import { withoutDropped } from './dropped-column.ts';
import { filledByServer } from './filled-column.ts';
import { lacking, othersColumns, type Ruling, refuseTargets } from './growth-target.ts';
import { type LookOptions, shapeAtHalt } from './halted-shape.ts';
import type { LackingTarget } from './lacking-target.ts';

/** A table of a source that is not as it was planned. */
export interface GrowthLook {
  plan: TablePlan;
  now: TableSchema;
  /** As the source prints it. */
  printed: PrintedTable;
  /** Names of the columns that came. */
  added: string[];
  /** Names of those that were only made wider. */
  widened: string[];
  /** Names of those that the statement drops: `now` and the plan are without them. */
  removed: string[];
  /** What those of them that were added with a constant have in rows that were there. */
  constants: ReadonlyMap<string, KnownConstant>;
  /** Columns that came too, whose statements the source's reader has not come to. */
  later: string[];
  /** What stands against taking it up; empty: nothing does. */
  against: string[];
  /** What stands against a copy of it as it is, too. */
  unfit: string[];
  /** What the targets lack, each in words and, where it is known, as a statement. */
  targets: LackingTarget[];
}

/** Null if the table is as it was planned. */
export async function lookAtTable(
  o: { job: Job; view: JobView; ruling: Ruling; log: Logger },
  source: JobSource,
  table: string,
  at: LookOptions = { halt: null, only: false },
): Promise<GrowthLook | null> {
  const { job, view, log } = o;
  const planned = view.needPlan(source.name, source.database, table);
  const base = withoutDropped(job, planned, at.halt?.removed ?? []);
  // What cannot be taken up is copied as it is by now.
  const halt = base.against.length > 0 ? null : at.halt;
  const plan = { ...planned, schema: base.schema };
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const present = await inspectTable(session, source.database, table, {
    key: rowKeyNames(plan.schema),
  });
  const own = await columnFacts(session, present);
  const shape = shapeAtHalt(plan, present, own, { ...at, halt });
  const { here, later, gone, facts } = shape;
  const ordered = inPlannedOrder(here, plan.schema);
  const isSame =
    schemaFingerprint(ordered) === schemaFingerprint(plan.schema) && !isMoved(plan.schema, here);
  const { removed } = base;
  if (isSame && removed.length + base.against.length === 0) return null;
  const { known, against } = constantsOf(plan, here, facts, halt?.constants ?? []);
  against.push(...base.against);
  const wider = widerColumns(job, plan, here, facts, halt?.widened ?? []);
  const now = withFills(plan, here, known, wider);
  const printed = await printTable(session, source.database, table);
  const targets: LackingTarget[] = [];
  // What comes at a later statement may be there, too: the target's table was made after it.
  const others = new Set([...othersColumns(view, plan), ...later]);
  const dropped = [...removed, ...targetsOnly(view, table)];
  const isStandby = standsBy(job, o.ruling.cutoverRun);
  const how = { others, wider, dropped, removed, gone, isStandby };
  for (const target of job.targets) {
    const found = await lacking(target, now, printed, known, how);
    targets.push(...found.targets);
    against.push(...found.conflicts);
  }
  const { added, unfit, ...grown } = growthOf(plan, now, facts, known, wider);
  against.push(
    ...grown.against,
    ...renamedFields(planned.schema, now),
    ...comeAgain(planned, added, othersColumns(view, planned)),
  );
  const came = { added, widened: [...wider.keys()], removed };
  return { plan, now, printed, ...came, constants: known, against, unfit, later, targets };
}

/** Pure: what has come to the table, and what stands against taking that up. */
function growthOf(
  { schema }: TablePlan,
  now: TableSchema,
  facts: readonly ColumnFacts[],
  known: ReadonlyMap<string, KnownConstant>,
  wider: ReadonlyMap<string, string>,
): Pick<GrowthLook, 'added' | 'against' | 'unfit'> {
  const growth = tableGrowth(schema, now, was => wider.has(was.name));
  const added = growth.added.map(c => c.name);
  const unfit = [
    ...(isSameKey(schema, now) ? [] : ['its row key is another one']),
    ...unsupportedColumns(now).map(u => `column ${u.column}: ${u.reason}`),
  ];
  const filled = filledByServer(facts, added, known);
  const against = [...growth.other, ...filled.map(f => `column ${f.column} ${f.what}`), ...unfit];
  return { added, against, unfit };
}

/** Pure: columns that the statement has made wider, and nothing else; what they are now. */
export function widerColumns(
  job: Job,
  { schema }: TablePlan,
  now: TableSchema,
  facts: readonly ColumnFacts[],
  declared: readonly WiderColumn[],
): Map<string, string> {
  if (declared.length === 0) return new Map();
  const fixed = fixedColumns(schema, routeOf(job, schema).columns);
  const types = new Map(facts.map(f => [f.name, f.type]));
  const found = schema.columns.flatMap((was): [string, string][] => {
    const { name } = was;
    const is = now.columns.find(c => c.name === name);
    const by = declared.find(d => d.name === name.toLowerCase());
    if (by === undefined || is === undefined || fixed.has(by.name)) return [];
    return isWidened(was, is) && isTold(by, was, is, types.get(name) ?? '')
      ? [[name, by.type]]
      : [];
  });
  return new Map(found);
}

/** Statements that take the index of such a key away are told by its name. */
function isMoved(planned: TableSchema, now: TableSchema): boolean {
  return !isServerKey(planned) && keyIndexName(planned) !== keyIndexName(now);
}

/** A topic lives with one key: other bytes of a key would be a second history of its row. */
function isSameKey(planned: TableSchema, now: TableSchema): boolean {
  if (planned.primaryKey.length !== now.primaryKey.length) return false;
  return planned.primaryKey.every((at, i) => {
    const was = planned.columns[at];
    const is = now.columns[now.primaryKey[i] ?? -1];
    return was !== undefined && is !== undefined && was.name === is.name && sameType(was, is);
  });
}

/**
 * Columns that would have another field in the topic's schema, because a new one takes its name.
 * Where both may be NULL the registry sees nothing wrong, and a consumer takes the values of one
 * for those of the other.
 */
function renamedFields(planned: TableSchema, now: TableSchema): string[] {
  const fieldsOf = ({ columns }: TableSchema): Map<string, string> => {
    const fields = fieldNames(columns.map(c => c.name));
    return new Map(columns.map(({ name }, i) => [name, fields[i] ?? '']));
  };
  const are = fieldsOf(now);
  return [...fieldsOf(planned)].flatMap(([name, was]) => {
    const is = are.get(name) ?? was;
    return is === was ? [] : [`column ${name} would be the field ${is} of the topic, not ${was}`];
  });
}

/**
 * Pure: columns that the source has dropped and has again, while the targets have them still, for
 * rows of other sources: in its own rows is what was there before.
 */
export function comeAgain(
  { dropped = [] }: TablePlan,
  added: readonly string[],
  others: ReadonlySet<string>,
): string[] {
  const again = added.filter(name => others.has(name) && dropped.some(d => d.column === name));
  return again.map(name => `column ${name} was dropped, and its old values are on the targets`);
}

/** Throws if the columns cannot be taken up as things stand. */
export function refuse(look: GrowthLook): void {
  const { plan, against } = look;
  if (against.length > 0) {
    throw new ReshardError('schema-changed', `the table has not only grown: ${against[0]}`, {
      context: { source: plan.source, table: plan.table },
      remedy: '`reshard ddl show <job file>` says what can be done instead',
    });
  }
  refuseTargets(look);
}
