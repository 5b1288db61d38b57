/**
 * Columns that were only made wider: longer texts and bytes, integers of more bits, decimals of
 * more digits before the point, members at the end (`isWider` of the type's family), or NULL that
 * is allowed now. Every row keeps its value, and that is the same bytes in the log, but for what
 * says that it is not NULL; so rows of before are rows of the table as it is now, once they are
 * read from the binlog by the type that they were written with.
 *
 * Invariant: wider is more of the same and nothing else. A column that is NOT NULL by now, or has
 * another character set, may hold other values in rows that nobody has written.
 */
import type { Column, ColumnType } from '../type/column-type.ts';
import { familyOf } from '../type/type-families.ts';
import { isToldByType, plainTypeText, typeOfText } from '../type/type-text.ts';
import { sameColumn, sameType, withColumnsBack, withoutColumns } from './table-growth.ts';
import { rowKeyNames, type TableSchema } from './table-schema.ts';

/** A column as a statement declares it once more. */
export interface DeclaredColumn {
  /** In lower case. */
  name: string;
  /** `varchar(200)`: its plain text (shared/type/type-text.ts). */
  type: string;
  nullable: boolean;
}

/** A column that was made wider, as a report and the value schema tell it. */
export interface WiderColumn {
  /** In lower case. */
  name: string;
  /** The plain text of its type; `int NULL` where it was NOT NULL before. */
  type: string;
}

/** Whether `is` holds what `was` holds, and more; how texts compare is not looked at. */
export function isWider(was: ColumnType, is: ColumnType): boolean {
  return was.kind === is.kind && familyOf(was).isWider(was, is);
}

/** Whether only the number of letters or bytes is another one that a value may have. */
export function isLonger(was: ColumnType, is: ColumnType): boolean {
  const forms = [was, is].map(type => ('form' in type ? type.form : ''));
  return isWider(was, is) && /^var/.test(forms[0] ?? '') && forms[0] === forms[1];
}

/** Whether the column was made wider and nothing else. */
export function isWidened(was: Column, is: Column): boolean {
  const isPlain = was.generated === 'no' && is.generated === 'no';
  if (!isPlain || collationOf(was) !== collationOf(is)) return false;
  if (was.nullable && !is.nullable) return false;
  return isWider(was.type, is.type) || (was.nullable !== is.nullable && sameType(was, is));
}

const collationOf = ({ type }: Column): string => (type.kind === 'text' ? type.collation : '');

/** A table with the columns that it has lost since. */
export interface WithGone {
  table: TableSchema;
  gone: string[];
  /** Plain texts of the types of those that were made wider, by their names. */
  types: ReadonlyMap<string, string>;
}

/**
 * The table with the columns that later statements have dropped: as they were planned, or as wide
 * as `told` says.
 */
export function withGone(
  planned: TableSchema,
  now: TableSchema,
  told: (was: Column) => WiderColumn | undefined,
): WithGone {
  const gone = planned.columns.filter(c => !now.columns.some(is => is.name === c.name));
  const types = new Map<string, string>();
  const whole = withColumnsBack(now, planned);
  const columns = whole.columns.map(was => {
    const by = gone.includes(was) ? told(was) : undefined;
    const is = by && widerByWords(was, by);
    if (!is) return was;
    types.set(was.name, typeTold(by.type));
    return is;
  });
  return { table: { ...whole, columns }, gone: gone.map(c => c.name), types };
}

/**
 * A column as a statement has made it, by the statement's words alone; null if they do not say
 * that it was made wider. Of a text only NULL can be told: a length in bytes takes its character
 * set.
 */
function widerByWords(was: Column, told: WiderColumn): Column | null {
  const nullable = was.nullable || WITH_NULL.test(told.type);
  const type = typeOfText(typeTold(told.type));
  const isText = was.type.kind === 'text' && type.kind === 'text' && was.type.form === type.form;
  const is = { ...was, nullable, type: isText ? was.type : type };
  return isToldByType(told.type) && isWidened(was, is) ? is : null;
}

/**
 * Less what later statements have brought: columns, and what made others wider that are not
 * `declared` here.
 */
export function withoutLater(
  planned: TableSchema,
  now: TableSchema,
  declared: readonly string[] | null,
): TableSchema {
  const had = new Map(planned.columns.map(c => [c.name, c]));
  const later = now.columns.flatMap(({ name }) => (had.has(name) ? [] : [name]));
  const bare = withoutColumns(now, later, planned);
  const columns = bare.columns.map(is => {
    const was = had.get(is.name);
    const isHere = declared === null || declared.includes(is.name.toLowerCase());
    return was !== undefined && !isHere && isWidened(was, is) ? was : is;
  });
  return { ...bare, columns };
}

/**
 * What later statements have dropped is as it was, unless it is declared here (null: may be) as
 * something else.
 */
export function withoutDrops(
  planned: TableSchema,
  now: TableSchema,
  redeclared: readonly string[] | null,
  declared: readonly DeclaredColumn[],
): TableSchema {
  const { table, gone } = withGone(planned, now, () => undefined);
  if (gone.length > 0 && redeclared === null) return now;
  const isOther = planned.columns.some(was => {
    const name = was.name.toLowerCase();
    if (!gone.includes(was.name) || redeclared?.includes(name) !== true) return false;
    const here = declared.find(d => d.name === name);
    return here === undefined || !isDeclaredSo(was, here);
  });
  return isOther ? now : table;
}

/** Whether the statement says of columns what they were made when it was taken up, nothing else. */
export function isTakenUp(
  planned: TableSchema,
  redeclared: readonly string[] | null,
  declared: readonly DeclaredColumn[],
): boolean {
  const isDone = (name: string): boolean => {
    const was = planned.columns.find(c => c.name.toLowerCase() === name);
    const { type, nullable } = declared.find(d => d.name === name) ?? {};
    return (
      was?.widened !== undefined && typeTold(was.widened) === type && was.nullable === nullable
    );
  };
  return redeclared?.every(isDone) === true;
}

/** By words alone. */
function isDeclaredSo(was: Column, { type, nullable }: DeclaredColumn): boolean {
  if (nullable !== was.nullable || !isToldByType(type)) return false;
  return typeTold(was.widened ?? '') === type || sameType(was, { ...was, type: typeOfText(type) });
}

/**
 * A column as a statement declares it, if a later one has made it wider; null: it is as it was, or
 * more was done to it. `printed`: its type as the server prints it now.
 */
export function asDeclared(is: Column, by: DeclaredColumn, printed: string): Column | null {
  const { nullable, type: text } = by;
  const type = ofLetters(typeOfText(text), is.type, typeOfText(printed));
  if (type === null || !isToldByType(text)) return null;
  const was = { ...is, type, nullable };
  return isWidened(was, is) ? was : null;
}

/** The type of a text in bytes, by what those of the same column take now; null: not known. */
function ofLetters(told: ColumnType, is: ColumnType, printed: ColumnType): ColumnType | null {
  if (told.kind !== 'text') return told;
  if (is.kind !== 'text' || printed.kind !== 'text') return null;
  const { form, length } = told;
  if (/text$/.test(form)) return { ...is, form, length };
  if (/text$/.test(printed.form)) return null;
  return { ...is, form, length: length * (is.length / printed.length) };
}

/** Whether the one text of a type says a wider one than the other. */
export function isWiderText(was: string, is: string): boolean {
  return isToldByType(is) && isWider(typeOfText(was), typeOfText(is));
}

/**
 * Columns, in lower case, that are never taken up as wider: those by which rows are told apart,
 * or told to a target, and what the server takes for the key.
 */
export function fixedColumns(schema: TableSchema, routed: readonly string[]): Set<string> {
  const names = [...rowKeyNames(schema), ...(schema.keyIndex?.serverKey ?? []), ...routed];
  return new Set(names.map(name => name.toLowerCase()));
}

/** A column as its server prints it now. */
export interface PrintedColumn {
  /** COLUMN_TYPE. */
  type: string;
  /** What it is computed from, if it is; else empty. */
  expression: string;
}

export interface WideningLook {
  planned: TableSchema;
  /** The table as it is now; it has no columns but those that are planned. */
  now: TableSchema;
  /** By the column's name. */
  printed: ReadonlyMap<string, PrintedColumn>;
  /** See fixedColumns. */
  fixed: ReadonlySet<string>;
}

/**
 * Which of the declared columns a table has as wider ones than it was planned with, or will have:
 * a statement may be in the binlog before its server shows what it did. Empty, if the table has
 * more to it than that: another change, a type that the statement does not say, a column that
 * must stay, or one that others are computed from.
 */
export function widenedBy(
  declared: readonly DeclaredColumn[],
  { planned, now, printed, fixed }: WideningLook,
): WiderColumn[] {
  const found: WiderColumn[] = [];
  const are = new Map(now.columns.map(c => [c.name, c]));
  for (const was of planned.columns) {
    const is = are.get(was.name);
    const declaration = declared.find(d => d.name === was.name.toLowerCase());
    if (is === undefined || declaration === undefined) continue;
    const change = changeBy(declaration, was, is, printed.get(was.name)?.type ?? '');
    if (change === null) continue;
    if (fixed.has(declaration.name)) {
      // NULL of a key is a word without an effect.
      if (sameColumn(was, is) && !change.isOther) continue;
      return [];
    }
    // A value of another type may make another one, in rows that nobody has written.
    if (change.isOther && isMentioned(was.name, printed)) return [];
    found.push({ name: declaration.name, type: change.told });
  }
  const isKept = planned.columns.every(was => {
    const is = are.get(was.name);
    const isFound = found.some(f => f.name === was.name.toLowerCase());
    return is !== undefined && (sameColumn(was, is) || (isFound && isWidened(was, is)));
  });
  return isKept ? found : [];
}

/** How the declaration makes a column wider, or will; null: not at all, or that cannot be seen. */
function changeBy(
  { type: declared, nullable }: DeclaredColumn,
  was: Column,
  is: Column,
  type: string,
): { told: string; isOther: boolean } | null {
  const told = toldAs(declared, was.nullable, nullable);
  if (isWidened(was, is)) {
    const isThis =
      nullable === is.nullable && isTold({ name: was.name, type: told }, was, is, type);
    return isThis ? { told, isOther: isOtherType(was.type, is.type) } : null;
  }
  const isMore = isWiderText(type, declared);
  const isLifted = plainTypeText(type) === declared && told !== declared;
  if (!sameColumn(was, is) || (!isMore && !isLifted)) return null;
  return { told, isOther: isOtherType(typeOfText(type), typeOfText(declared)) };
}

const isOtherType = (was: ColumnType, is: ColumnType): boolean =>
  isWider(was, is) && !isLonger(was, is);

/** Whether the column is now the very one that was told of: `type` as the server prints it. */
export function isTold(told: WiderColumn, was: Column, is: Column, type: string): boolean {
  const now = toldAs(plainTypeText(type), was.nullable, is.nullable);
  return isToldByType(type) && now === told.type;
}

const WITH_NULL = / NULL$/;

/**
 * The columns that were made wider by a statement, and wider still by later ones, as the statement
 * has them: with plain texts of their types, by their names.
 */
export function widerThen(
  planned: TableSchema,
  now: TableSchema,
  declared: readonly DeclaredColumn[],
  printed: (name: string) => string,
): Map<string, { is: Column; type: string }> {
  const found = new Map<string, { is: Column; type: string }>();
  for (const was of planned.columns) {
    const later = now.columns.find(c => c.name === was.name);
    const by = declared.find(d => d.name === was.name.toLowerCase());
    if (later === undefined || by === undefined) continue;
    const is = asDeclared(later, by, printed(was.name));
    if (is !== null && isWidened(was, is)) found.set(was.name, { is, type: by.type });
  }
  return found;
}

/** What was told of a column, as its declaration. */
export function declarationTold({ name, type }: WiderColumn, was: Column): DeclaredColumn {
  return { name, type: typeTold(type), nullable: was.nullable || WITH_NULL.test(type) };
}

/** What is told of a column by a declaration of it. */
export function declaredAs({ name, type, nullable }: DeclaredColumn, was: Column): WiderColumn {
  return { name, type: toldAs(type, was.nullable, nullable) };
}

const toldAs = (type: string, wasNullable: boolean, isNullable: boolean): string =>
  isNullable && !wasNullable ? `${type} NULL` : type;

/** The type of a column that was told of. */
export function typeTold(told: string): string {
  return told.replace(WITH_NULL, '');
}

/** A name that only happens to be in an expression counts, too: that is the safe side. */
function isMentioned(name: string, printed: ReadonlyMap<string, PrintedColumn>): boolean {
  const wanted = name.toLowerCase();
  return [...printed.values()].some(c => c.expression.toLowerCase().includes(wanted));
}
