/**
 * How a table of a target differs from the source's. Equal means: every row that the source can
 * hold goes in unchanged and comes out unchanged. Column order may differ, since columns are always
 * named; defaults and comments may differ, since every value is written.
 */
import type { Column, ColumnType } from '../type/column-type.ts';
import { isByteExact } from '../type/text.ts';
import { familyOf } from '../type/type-families.ts';
import { isLonger, isWider } from './column-widening.ts';
import type { TableSchema, UniqueKey } from './table-schema.ts';

/** What would make the target's table equal, to be worded by whoever has the source's CREATE. */
export type SchemaRemedy =
  | { kind: 'add' | 'modify' | 'drop'; column: string }
  /** `replaces`: the target has another one. */
  | { kind: 'primary-key'; replaces: boolean }
  | { kind: 'add-index' | 'drop-index'; index: string };

export interface SchemaDifference {
  column: string;
  what: string;
  remedy: SchemaRemedy;
  /** false: rows still fit, but something behaves differently. */
  blocks: boolean;
  /** Where the target's column holds more values, or fewer, and is the same otherwise. */
  width?: 'wider' | 'narrower';
}

/** Type parts that decide what fits, without those that decide how texts compare. */
function carried(type: ColumnType): string {
  const { collation: _, ...rest } = { collation: '', ...type };
  return JSON.stringify(Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const collationOf = (type: ColumnType): string => (type.kind === 'text' ? type.collation : '');

const wordsOf = (type: ColumnType): string => familyOf(type).words(type);

function compareColumn(source: Column, target: Column, isKey: boolean): SchemaDifference[] {
  const column = source.name;
  const found: SchemaDifference[] = [];
  const differs = (what: string, blocks: boolean, width?: SchemaDifference['width']): void => {
    const more = width === undefined ? {} : { width };
    found.push({ column, what, blocks, remedy: { kind: 'modify', column }, ...more });
  };
  const words = `is ${wordsOf(target.type)}, on the source ${wordsOf(source.type)}`;
  const isSameText = collationOf(source.type) === collationOf(target.type);
  // Keys that are two on the source must not be one here: the second would take the first's row.
  // Nor may they be in another order: the check asks both servers for the rows of a range.
  const isExact = isByteExact(source.type) && isByteExact(target.type);
  const isOtherKey = isKey && !isSameText && !isExact;
  // Of a key, more than its length decides in which order the servers have it.
  const isMore = isKey ? isLonger : isWider;
  if (isMore(source.type, target.type)) {
    const what = `is ${wordsOf(target.type)}, wider than ${wordsOf(source.type)} on the source`;
    differs(what, isOtherKey, isSameText ? 'wider' : undefined);
  } else if (carried(source.type) !== carried(target.type)) {
    const isNarrower = isSameText && isMore(target.type, source.type);
    differs(words, true, isNarrower ? 'narrower' : undefined);
  } else if (JSON.stringify(source.type) !== JSON.stringify(target.type)) {
    const what = `compares as ${wordsOf(target.type)}, on the source ${wordsOf(source.type)}`;
    differs(what, isKey && !isExact);
  }
  if (source.nullable !== target.nullable) {
    const words = target.nullable
      ? 'may be NULL, not so on the source'
      : 'is NOT NULL, unlike the source';
    differs(words, !target.nullable, isKey || target.nullable ? undefined : 'narrower');
  }
  if (source.generated !== target.generated) {
    differs(`generated: ${target.generated}, on the source: ${source.generated}`, true);
  }
  if (source.autoIncrement !== target.autoIncrement) {
    differs(
      `AUTO_INCREMENT is ${target.autoIncrement ? 'set' : 'not set'}, unlike the source`,
      false,
    );
  }
  return found;
}

const namesOf = (schema: TableSchema, indexes: readonly number[]): string[] =>
  indexes.map(i => schema.columns[i]?.name ?? '?');

export function schemaDifferences(source: TableSchema, target: TableSchema): SchemaDifference[] {
  const found: SchemaDifference[] = [];
  const onTarget = new Map(target.columns.map(c => [c.name, c]));
  for (const [i, column] of source.columns.entries()) {
    const other = onTarget.get(column.name);
    if (other === undefined) {
      const remedy = { kind: 'add', column: column.name } as const;
      found.push({ column: column.name, what: 'is not on the target', blocks: true, remedy });
    } else {
      found.push(...compareColumn(column, other, source.primaryKey.includes(i)));
    }
  }
  const onSource = new Set(source.columns.map(c => c.name));
  for (const column of target.columns) {
    if (!onSource.has(column.name)) {
      const remedy = { kind: 'drop', column: column.name } as const;
      found.push({ column: column.name, what: 'is on the target only', blocks: true, remedy });
    }
  }
  found.push(...virtualDifferences(source, target));
  const keys = [source, target].map(s => namesOf(s, s.primaryKey).join(', '));
  if (keys[0] !== keys[1]) {
    const what = `the row key is (${keys[1]}), on the source (${keys[0]})`;
    found.push({ column: '', what, blocks: true, remedy: keyRemedy(source, target) });
  }
  return [...found, ...uniqueDifferences(source, target)];
}

function keyRemedy(source: TableSchema, target: TableSchema): SchemaRemedy {
  const key = namesOf(source, source.primaryKey);
  // The index may be there, and be none because it takes NULL.
  const isThere = target.uniqueKeys.some(k => uniqueParts(target, k) === key.join(', '));
  const column = target.columns.find(c => c.nullable && key.includes(c.name))?.name;
  if (isThere && column !== undefined) return { kind: 'modify', column };
  if (source.keyIndex !== undefined) return { kind: 'add-index', index: source.keyIndex.name };
  const hasNone = target.primaryKey.length === 0 || target.keyIndex !== undefined;
  return { kind: 'primary-key', replaces: !hasNone };
}

/** What a virtual column says follows from the row, so rows fit; but the two tables must agree. */
function virtualDifferences(source: TableSchema, target: TableSchema): SchemaDifference[] {
  const found: SchemaDifference[] = [];
  const [wanted, there] = [source.virtual ?? [], target.virtual ?? []];
  for (const { column, expression } of wanted) {
    const { name } = column;
    const other = there.find(v => v.column.name === name);
    if (other === undefined) {
      const what = 'is no virtual column on the target';
      found.push({ column: name, what, blocks: true, remedy: { kind: 'add', column: name } });
      continue;
    }
    found.push(...compareColumn(column, other.column, false));
    if (expression !== other.expression) {
      const what = `is computed as ${other.expression}, on the source as ${expression}`;
      found.push({ column: name, what, blocks: false, remedy: { kind: 'modify', column: name } });
    }
  }
  for (const { column } of there) {
    if (wanted.some(v => v.column.name === column.name)) continue;
    const remedy = { kind: 'drop', column: column.name } as const;
    const what = 'is a virtual column on the target only';
    found.push({ column: column.name, what, blocks: true, remedy });
  }
  return found;
}

/** A key of a part of a column refuses more rows than one of all of it: they are not the same. */
function uniqueParts(schema: TableSchema, { columns, parts }: UniqueKey): string {
  return (parts ?? namesOf(schema, columns)).join(', ');
}

/** A unique key of the target alone refuses rows; one that it lacks refuses too little. */
function uniqueDifferences(source: TableSchema, target: TableSchema): SchemaDifference[] {
  const mapOf = (s: TableSchema): Map<string, string> =>
    new Map(s.uniqueKeys.map(k => [uniqueParts(s, k), k.name]));
  const [onSource, onTarget] = [mapOf(source), mapOf(target)];
  const found: SchemaDifference[] = [];
  // Once more what tells rows apart: it refuses nothing that the row key takes.
  const rowKey = namesOf(source, source.primaryKey).join(', ');
  for (const [key, index] of onTarget) {
    if (onSource.has(key) || key === rowKey) continue;
    const what = `unique key (${key}) is on the target only`;
    found.push({ column: '', what, blocks: true, remedy: { kind: 'drop-index', index } });
  }
  for (const [key, index] of onSource) {
    if (onTarget.has(key)) continue;
    const what = `unique key (${key}) is not on the target`;
    found.push({ column: '', what, blocks: false, remedy: { kind: 'add-index', index } });
  }
  return found;
}
