/**
 * Columns that are not NULL by themselves in rows that nobody has written since they came. A column
 * is taken up without a copy (growth.ts), so what a table holds of it in such rows stays as it is:
 * at the source and on every target that must be the same, or they differ for ever.
 *
 * A default is in the rows that were there; where it is the constant that the column was added
 * with, it must be that one everywhere (constant-column.ts). A column that follows the clock
 * (`ON UPDATE`) is filled by writes that do not name it: on a target those are all events of
 * before the take-up, and all of the other sources until they have the column too. A target may
 * also have had the column, with values of its own; after `MODIFY` to the source's definition its
 * declaration tells no more of it.
 */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { type ColumnFacts, columnFacts, type KnownConstant, otherThan } from './constant-column.ts';

export interface FilledColumn {
  column: string;
  /** In words, behind the column's name. */
  what: string;
}

/** Columns of `names` that the server fills, by their declarations; those in `constants` may. */
export function filledByServer(
  facts: readonly ColumnFacts[],
  names: readonly string[],
  constants: ReadonlyMap<string, KnownConstant>,
): FilledColumn[] {
  return facts
    .filter(r => names.includes(r.name))
    .flatMap(({ name, value, extra }) => {
      const what = constants.has(name) ? howSet(extra) : howFilled(value, extra);
      return what === null ? [] : [{ column: name, what }];
    });
}

/** Pure; MariaDB prints the default NULL as a word. */
export function howFilled(value: string | null, extra: string): string | null {
  if ((value !== null && value !== 'NULL') || /DEFAULT_GENERATED/i.test(extra)) {
    return 'has a default';
  }
  return howSet(extra);
}

function howSet(extra: string): string | null {
  return /\bon update\b/i.test(extra) ? 'is set to the time by each update (ON UPDATE)' : null;
}

/** A column that a target has already. */
export interface ThereColumn {
  column: Column;
  /** What it must have in every row; null: NULL. */
  constant: KnownConstant | null;
  /**
   * Another source has brought it, so its rows have values there; its take-up has looked at all
   * rows.
   */
  isOthers: boolean;
}

interface FilledThere {
  there: ThereColumn;
  /** In words, behind the column's name. */
  what: string;
  /** By its declaration, not by values alone. */
  isDeclared: boolean;
}

/** What a target has in columns that it had before they are taken up. */
export async function filledOnTarget(
  session: MysqlSession,
  { db, table }: { db: string; table: string },
  columns: readonly ThereColumn[],
): Promise<FilledThere[]> {
  const names = columns.map(c => c.column.name);
  const facts = await columnFacts(session, { db, table });
  const constants = columns.flatMap(({ column: { name }, constant }): [string, KnownConstant][] =>
    constant === null ? [] : [[name, constant]],
  );
  const declared = filledByServer(facts, names, new Map(constants));
  const found: FilledThere[] = [];
  const place = qualified(db, table);
  for (const there of columns) {
    const { column, constant, isOthers } = there;
    const { name } = column;
    const byItself = declared.find(f => f.column === name);
    if (byItself !== undefined) found.push({ there, what: byItself.what, isDeclared: true });
    if (isOthers || byItself !== undefined) continue;
    const isOther =
      constant === null ? `${quoteId(name)} IS NOT NULL` : otherThan(column, constant);
    const rows = await session.query<object>(
      `SELECT 1 AS one FROM ${place} WHERE ${isOther} LIMIT 1`,
    );
    if (rows.length === 0) continue;
    const what = `has ${constant === null ? '' : 'other '}values in rows that are there`;
    found.push({ there, what, isDeclared: false });
  }
  return found;
}
