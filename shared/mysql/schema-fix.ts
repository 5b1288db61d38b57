/**
 * The ALTER TABLE that makes a target's table as the source's is. The definitions are taken word
 * for word from the source's SHOW CREATE TABLE, so that collation, default and the rest come along.
 */

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

/** A text column up to the place where its character set stands, if it is not the table's own. */
const PLAIN_TEXT =
  /^`(?:[^`]|``)*` (?:(?:var)?char|(?:tiny|medium|long)?text|enum|set)(?:\((?:'(?:[^']|'')*'|[^')])*\))?(?= |$)(?! CHARACTER SET | COLLATE )/i;

/** The definition of a text column in a table whose own character set is another one. */
export function withTextOf(definition: string, text: string): string {
  return definition.replace(PLAIN_TEXT, start => `${start} ${text}`);
}

/**
 * Undefined if the source's statement does not say how. `text`: the character set of the source's
 * table, as a clause, if the target's table has another one; the server does not print it with
 * the columns that have it.
 */
export function alterTable(
  target: string,
  remedy: SchemaRemedy,
  createTable: string,
  text = '',
): string | undefined {
  const alter = (change: string): string => `ALTER TABLE ${target} ${change};`;
  switch (remedy.kind) {
    case 'drop':
      return alter(`DROP COLUMN ${quoteId(remedy.column)}`);
    case 'drop-index':
      return alter(`DROP INDEX ${quoteId(remedy.index)}`);
    case 'primary-key': {
      const key = definitions(createTable).find(line => line.startsWith('PRIMARY KEY '));
      const drop = remedy.replaces ? 'DROP PRIMARY KEY, ' : '';
      return key === undefined ? undefined : alter(`${drop}ADD ${key}`);
    }
    case 'add-index': {
      const start = `UNIQUE KEY ${quoteId(remedy.index)} `;
      const key = definitions(createTable).find(line => line.startsWith(start));
      return key === undefined ? undefined : alter(`ADD ${key}`);
    }
    case 'add':
    case 'modify': {
      const definition = columnDefinition(createTable, remedy.column);
      if (definition === undefined) return undefined;
      const whole = text === '' ? definition : withTextOf(definition, text);
      return alter(`${remedy.kind === 'add' ? 'ADD' : 'MODIFY'} COLUMN ${whole}`);
    }
    default:
      return unreachable(remedy);
  }
}
