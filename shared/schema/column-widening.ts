/**
 * Columns that were only made longer: VARCHAR(n) and VARBINARY(n) to a larger n, with the same
 * character set and collation. Every row keeps its value, and that is the same bytes in the log
 * (a string, or bytes, without a length of its own); so rows of before are rows of the table as it
 * is now, once they are read from the binlog by the length that they were written with.
 *
 * Invariant: wider is more of the same and nothing else. A column that may be NULL by now, has
 * another character set, or is a TEXT may hold other values in rows that nobody has written.
 */
import type { Column, ColumnType } from '../type/column-type.ts';
import { sameColumn } from './table-growth.ts';
import { rowKeyNames, type TableSchema } from './table-schema.ts';

/** A column as a statement declares it once more. */
export interface DeclaredLength {
  /** In lower case. */
  name: string;
  /** `varchar(200)`, as servers print it. */
  type: string;
}

/** Whether `is` holds what `was` holds, and more; how texts compare is not looked at. */
export function isLonger(was: ColumnType, is: ColumnType): boolean {
  if (was.kind === 'text' && is.kind === 'text') {
    const isVar = was.form === 'varchar' && is.form === 'varchar';
    return isVar && was.charset === is.charset && was.length < is.length;
  }
  if (was.kind !== 'binary' || is.kind !== 'binary') return false;
  return was.form === 'varbinary' && is.form === 'varbinary' && was.length < is.length;
}

/** Whether the column was made longer and nothing else. */
export function isWidened(was: Column, is: Column): boolean {
  const isSame = was.nullable === is.nullable && collationOf(was) === collationOf(is);
  const isPlain = was.generated === 'no' && is.generated === 'no';
  return isSame && isPlain && isLonger(was.type, is.type);
}

const collationOf = ({ type }: Column): string => (type.kind === 'text' ? type.collation : '');

const DECLARED = /^(varchar|varbinary)\((\d+)\)$/;

/** Whether the one declaration says a longer column of the same kind than the other. */
export function isLongerText(was: string, is: string): boolean {
  const [, form, length] = DECLARED.exec(was) ?? [];
  const [, other, more] = DECLARED.exec(is) ?? [];
  return form !== undefined && form === other && Number(length) < Number(more);
}

/**
 * Columns, in lower case, that are never taken up as wider: those by which rows are told apart,
 * or told to a target, and what the server takes for the key.
 */
export function fixedColumns(schema: TableSchema, routed: readonly string[]): Set<string> {
  const names = [...rowKeyNames(schema), ...(schema.keyIndex?.serverKey ?? []), ...routed];
  return new Set(names.map(name => name.toLowerCase()));
}

/**
 * Which of the declared columns a table has as wider ones than it was planned with, or will have:
 * a statement may be in the binlog before its server shows what it did. Empty, if the table has
 * more to it than that: another change, a length that the statement does not say, a column that
 * must stay. `types`: by the column's name, as the server prints them; `now` has no other columns.
 */
export function widenedBy(
  declared: readonly DeclaredLength[],
  planned: TableSchema,
  now: TableSchema,
  types: ReadonlyMap<string, string>,
  fixed: ReadonlySet<string>,
): DeclaredLength[] {
  const found: DeclaredLength[] = [];
  const are = new Map(now.columns.map(c => [c.name, c]));
  for (const was of planned.columns) {
    const is = are.get(was.name);
    const declaration = declared.find(d => d.name === was.name.toLowerCase());
    if (is === undefined || declaration === undefined) continue;
    const type = types.get(was.name) ?? '';
    const isShown = isWidened(was, is) && type === declaration.type;
    const isLate = sameColumn(was, is) && isLongerText(type, declaration.type);
    if (!isShown && !isLate) continue;
    if (fixed.has(declaration.name)) return [];
    found.push(declaration);
  }
  const isKept = planned.columns.every(was => {
    const is = are.get(was.name);
    const isFound = found.some(f => f.name === was.name.toLowerCase());
    return is !== undefined && (sameColumn(was, is) || (isFound && isWidened(was, is)));
  });
  return isKept ? found : [];
}
