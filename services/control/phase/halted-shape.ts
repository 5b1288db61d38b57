/**
 * A table as it was at the statement at which a source's reader stands, as far as that can be told
 * from what the table is by now and from the plan: what comes at later statements is taken away
 * again, and what goes at one is put back. Were it told wrongly, the table maps of the rows that
 * follow say so, and the source halts.
 */
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { AddedConstant } from '../../../shared/schema/column-constant.ts';
import {
  asDeclared,
  type DeclaredColumn,
  declarationTold,
  isWidened,
  type WiderColumn,
  widerThen,
  withGone,
} from '../../../shared/schema/column-widening.ts';
import { withoutColumns } from '../../../shared/schema/table-growth.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import type { ColumnFacts } from './constant-column.ts';
import { filledByServer } from './filled-column.ts';

/** A table at a change of whose columns a source has halted. */
export interface GrownTable {
  source: string;
  table: string;
  /** Names of the columns, as the source tells them. */
  added: string;
  /** Those of them that were added with a constant. */
  constants: readonly AddedConstant[];
  /** Those of them whose type the statement tells. */
  addedAs: readonly DeclaredColumn[];
  /** Columns that were made wider, as they are declared. */
  widened: readonly WiderColumn[];
  /** Names of columns that were dropped, in lower case. */
  removed: readonly string[];
  /** Since when it is known here. */
  sinceMs: number;
}

/** The statement at which a reader stands. */
export interface LookOptions {
  halt: GrownTable | null;
  /** Nothing but what that statement has brought is looked at. */
  only: boolean;
}

export interface HaltedShape {
  here: TableSchema;
  /** Columns that come at statements to come. */
  later: string[];
  /** Columns that go at statements to come. */
  gone: string[];
  /** With the types of those that this statement has made wider. */
  facts: readonly ColumnFacts[];
}

/** `plan`: without the columns that the statement drops. Who asks without one is shown what is. */
export function shapeAtHalt(
  plan: TablePlan,
  present: TableSchema,
  facts: readonly ColumnFacts[],
  at: LookOptions,
): HaltedShape {
  if (at.halt === null) return { here: present, later: [], gone: [], facts };
  const later = columnsOfLater(plan, present, facts, at);
  const bare = withoutColumns(present, later, plan.schema);
  const { table, gone, types } = withGone(plan.schema, bare, ({ name }) =>
    at.halt?.widened.find(w => w.name === name.toLowerCase()),
  );
  const told = [...types].map(([name, type]) => ({ name, type, value: null, extra: '' }));
  const then = narrowerThen(plan, table, facts, at.halt);
  const columns = table.columns.map(c => then.get(c.name)?.is ?? c);
  const ofTime = facts.map(f => ({ ...f, type: then.get(f.name)?.type ?? f.type }));
  const here = typesOfHere(plan, { ...table, columns }, at);
  return { here, later, gone, facts: [...ofTime, ...told] };
}

/** What this statement has made of columns that later ones have made wider. */
function narrowerThen(
  { schema }: TablePlan,
  now: TableSchema,
  facts: readonly ColumnFacts[],
  { addedAs, widened }: GrownTable,
): Map<string, { is: Column; type: string }> {
  const printed = (name: string): string => facts.find(f => f.name === name)?.type ?? '';
  const declared = schema.columns.flatMap(was => {
    const told = widened.find(w => w.name === was.name.toLowerCase());
    return told === undefined ? [] : [declarationTold(told, was)];
  });
  const found = widerThen(schema, now, declared, printed);
  const had = new Set(schema.columns.map(c => c.name));
  for (const later of now.columns) {
    const by = addedAs.find(d => d.name === later.name.toLowerCase());
    if (had.has(later.name) || by === undefined) continue;
    const is = asDeclared(later, by, printed(later.name));
    if (is !== null) found.set(later.name, { is, type: by.type });
  }
  return found;
}

/**
 * Pure: a column that a statement to come has made wider is still what was planned. Who asks
 * without a statement is shown what the table is.
 */
export function typesOfHere(
  { schema }: TablePlan,
  now: TableSchema,
  { halt }: Pick<LookOptions, 'halt'>,
): TableSchema {
  if (halt === null) return now;
  const here = new Set(halt.widened.map(w => w.name));
  const isHere = ({ name }: Column): boolean => here.has(name.toLowerCase());
  const columns = now.columns.map(column => {
    const was = schema.columns.find(c => c.name === column.name);
    return was !== undefined && !isHere(was) && isWidened(was, column) ? was : column;
  });
  return { ...now, columns };
}

/**
 * Columns that are not to be taken up at this statement: each is at its own. Of one that may be
 * NULL and has no default the operator's word may be enough; were it added otherwise, the reader
 * would halt at its statement.
 */
export function columnsOfLater(
  { schema }: TablePlan,
  present: TableSchema,
  facts: readonly ColumnFacts[],
  { halt, only }: LookOptions,
): string[] {
  const had = new Set(schema.columns.map(c => c.name));
  const here = (halt?.added ?? '').split(', ').map(name => name.toLowerCase());
  // A column that this statement drops may be there again.
  const isAgain = (name: string): boolean => halt?.removed.includes(name.toLowerCase()) === true;
  return present.columns.flatMap(({ name, nullable }) => {
    if (had.has(name) || here.includes(name.toLowerCase())) return [];
    const isFilled = filledByServer(facts, [name], new Map()).length > 0;
    return only || isAgain(name) || !nullable || isFilled ? [name] : [];
  });
}
