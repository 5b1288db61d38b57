/** Names and texts inside SQL that we build: always quoted, never trusted. */
import { ReshardError } from '../runtime/error.ts';

/** A quoted identifier; works whatever the sql_mode is. */
export function quoteId(name: string): string {
  if (name.length === 0 || name.includes('\0')) {
    throw new ReshardError('config', `not an identifier: ${JSON.stringify(name)}`);
  }
  return `\`${name.replaceAll('`', '``')}\``;
}

export function qualified(db: string, table: string): string {
  return `${quoteId(db)}.${quoteId(table)}`;
}

/** A quoted text literal for statements of ours; needs a session without NO_BACKSLASH_ESCAPES. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

/** How both flavors write names, for what is pushed down to a server. */
export const MYSQL_DIALECT = { quote: quoteId };
