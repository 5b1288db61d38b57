/**
 * The ALTER TABLE that makes a target's table as the source's is. The definitions are taken word
 * for word from the source's SHOW CREATE TABLE, so that collation, default and the rest come along.
 */

import type { Flavor } from '../change/gtid.ts';
import { unreachable } from '../runtime/error.ts';
import type { SchemaRemedy } from '../schema/schema-diff.ts';
import { quoteId } from './identifier.ts';

/** The definition lines of a CREATE TABLE statement, without their commas. */
function definitions(createTable: string): string[] {
  return createTable
    .split('\n')
    .filter(line => line.startsWith('  '))
    .map(line => line.trim().replace(/,$/, ''));
}

function columnDefinition(createTable: string, column: string): string | undefined {
  return definitions(createTable).find(line => line.startsWith(`${quoteId(column)} `));
}

/**
 * The column's definition with NOT NULL; undefined if the statement does not have it. Nullable
 * columns are printed with a default, be it NULL; quoted texts are passed over.
 */
export function notNullDefinition(createTable: string, column: string): string | undefined {
  const definition = columnDefinition(createTable, column);
  if (definition === undefined) return undefined;
  const parts = definition.match(/'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`|[^'`]+/g) ?? [];
  const at = parts.findIndex(p => !/^['`]/.test(p) && /(^| )DEFAULT /.test(p));
  if (at < 0) return `${definition} NOT NULL`;
  const changed = (parts[at] ?? '')
    .replace(/( NULL)? DEFAULT (?!NULL\b)/, ' NOT NULL DEFAULT ')
    .replace(/( NULL)? DEFAULT NULL\b/, ' NOT NULL');
  return [...parts.slice(0, at), changed, ...parts.slice(at + 1)].join('');
}

/** DEFAULT and what stands behind it as servers print it, if that is a constant; texts are cut. */
const PRINTED_DEFAULT = / DEFAULT (?:(b|x)?$|-?[\d.]+(?:e[+-]?\d+)?(?= |$)|NULL\b)/i;

/** The definition with this default; undefined where the one that it has is no constant. */
export function withDefault(definition: string, value: string): string | undefined {
  const parts = definition.match(/'(?:[^'\\]|''|\\.)*'|`(?:[^`]|``)*`|[^'`]+/g) ?? [];
  const at = parts.findIndex(p => !/^['`]/.test(p) && / DEFAULT /.test(p));
  const part = parts[at] ?? '';
  if (at < 0) return `${definition} DEFAULT ${value}`;
  const found = PRINTED_DEFAULT.exec(part);
  if (found === null) return undefined;
  const isText = /DEFAULT [bx]?$/i.test(found[0]);
  const start = part.slice(0, found.index);
  const rest = isText ? parts.slice(at + 2) : parts.slice(at + 1);
  const end = isText ? '' : part.slice(found.index + found[0].length);
  return [...parts.slice(0, at), start, ` DEFAULT ${value}`, end, ...rest].join('');
}

/** A text column up to the place where its character set stands, if it is not the table's own. */
const PLAIN_TEXT =
  /^`(?:[^`]|``)*` (?:(?:var)?char|(?:tiny|medium|long)?text|enum|set)(?:\((?:'(?:[^']|'')*'|[^')])*\))?(?= |$)(?! CHARACTER SET | COLLATE )/i;

/** The definition of a text column in a table whose own character set is another one. */
export function withTextOf(definition: string, text: string): string {
  return definition.replace(PLAIN_TEXT, start => `${start} ${text}`);
}

/** Types that can be made wider, as servers print them. */
const WIDENED = [
  '(?:(?:var)?char|varbinary|decimal)\\([\\d,]+\\)',
  '(?:tiny|medium|long)?(?:text|blob)',
  '(?:tiny|small|medium|big)?int(?:\\(\\d+\\))?',
  "(?:enum|set)\\((?:'(?:[^']|'')*',?)+\\)",
];
/** A column up to the end of its type. */
const WITH_TYPE = new RegExp(
  `^(\`(?:[^\`]|\`\`)*\` )(?:${WIDENED.join('|')})(?: unsigned)?(?: zerofill)?(?= |$)`,
  'i',
);

/** A default that may be another one: servers print these for what they cannot print. */
const DOUBTFUL = /\ufffd| DEFAULT '(?:[^']|'')*\?/i;

/**
 * The ALTER TABLE that makes a column of the table wider and leaves all else of it as the table's
 * own CREATE TABLE says; undefined if that has no such column, or may not be true to its default.
 */
export function widened(
  table: string,
  createTable: string,
  column: string,
  by: Widening,
): string | undefined {
  const definition = columnDefinition(createTable, column);
  if (definition === undefined || DOUBTFUL.test(definition)) return undefined;
  const { type, nullable } = by;
  if (type !== undefined && !WITH_TYPE.test(definition)) return undefined;
  const wider =
    type === undefined
      ? definition
      : definition.replace(WITH_TYPE, (_, name: string) => `${name}${type}`);
  const whole = nullable ? nullDefinition(wider) : wider;
  return `ALTER TABLE ${table} MODIFY COLUMN ${whole};`;
}

/** The definition without its NOT NULL, which stands before all texts and expressions. */
function nullDefinition(definition: string): string {
  const [, name = '', rest = ''] = /^(`(?:[^`]|``)*`)(.*)$/s.exec(definition) ?? [];
  const type = /^ (?:enum|set)\((?:'(?:[^']|'')*',?)+\)/i.exec(rest)?.[0] ?? '';
  return `${name}${type}${rest.slice(type.length).replace(/ NOT NULL(?= |$)/, ' NULL')}`;
}

/** How a column is to be wider than it is. */
export interface Widening {
  /** `varchar(200)`; undefined: its type is wide enough. */
  type?: string;
  /** NULL is to be allowed. */
  nullable?: true;
}

/** A table's own collation, which is not printed with the columns that have it. */
export interface TableCollation {
  flavor: Flavor;
  name: string;
}

/**
 * Pure: what text columns need to be as on the source, where they have its table's own character
 * set and the target's table has another one. The other flavor may not know the collation.
 */
export function textClause(source: TableCollation, target: TableCollation): string {
  if (source.name === target.name || source.name === '') return '';
  const [charset, targetCharset] = [source, target].map(t => t.name.replace(/_.*/, ''));
  if (source.flavor === target.flavor) return `CHARACTER SET ${charset} COLLATE ${source.name}`;
  return charset === targetCharset ? '' : `CHARACTER SET ${charset}`;
}

/** A table as its server prints it. */
export interface PrintedTable {
  /** SHOW CREATE TABLE. */
  statement: string;
  collation: TableCollation;
}

/**
 * Undefined if the source's statement does not say how. `there`: the target's table as it is.
 * `defaults`: what columns are to have instead of what is printed.
 */
export function alterTable(
  target: string,
  remedy: SchemaRemedy,
  { statement, collation }: PrintedTable,
  there: TableCollation,
  defaults: ReadonlyMap<string, string> = new Map(),
): string | undefined {
  const alter = (change: string): string => `ALTER TABLE ${target} ${change};`;
  switch (remedy.kind) {
    case 'drop':
      return alter(`DROP COLUMN ${quoteId(remedy.column)}`);
    case 'drop-index':
      return alter(`DROP INDEX ${quoteId(remedy.index)}`);
    case 'primary-key': {
      const key = definitions(statement).find(line => line.startsWith('PRIMARY KEY '));
      const drop = remedy.replaces ? 'DROP PRIMARY KEY, ' : '';
      return key === undefined ? undefined : alter(`${drop}ADD ${key}`);
    }
    case 'add-index': {
      const start = `UNIQUE KEY ${quoteId(remedy.index)} `;
      const key = definitions(statement).find(line => line.startsWith(start));
      return key === undefined ? undefined : alter(`ADD ${key}`);
    }
    case 'add':
    case 'modify': {
      const definition = columnDefinition(statement, remedy.column);
      if (definition === undefined) return undefined;
      const value = defaults.get(remedy.column);
      const own = value === undefined ? definition : withDefault(definition, value);
      if (own === undefined) return undefined;
      const text = textClause(collation, there);
      const whole = text === '' ? own : withTextOf(own, text);
      return alter(`${remedy.kind === 'add' ? 'ADD' : 'MODIFY'} COLUMN ${whole}`);
    }
    default:
      return unreachable(remedy);
  }
}
