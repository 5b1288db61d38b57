/**
 * A row as one hash, as SQL that a server evaluates where the row is.
 *
 * Row text: injective, so two rows of one schema have the same text only if they are equal.
 *   which columns are NULL ',' values of a closed alphabet ',' lengths of the others ',' the others
 * Numbers and times never hold a comma, so the commas end them; texts and bytes are cut by their
 * lengths; a JSON document ends where its grammar says, and what it does not print of its values
 * follows it, if there is any. NULLs are left out by CONCAT_WS and told by the first field, so
 * NULL, '' and 'NULL' differ. Joining plain values with commas is the obvious way and wrong:
 * ('a,b','c') and ('a','b,c') are then the same row.
 * The text does not depend on character set, collation or ZEROFILL of a column. It is exact: -0 and
 * 0 are different floats, as they are different bytes.
 */
import { allColumns, type TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';
import type { JsonShape } from '../type/json-shape.ts';
import { familyOf } from '../type/type-families.ts';
import type { RowText } from '../type/type-family.ts';
import { quoteId } from './identifier.ts';

/** NULL flags of so many columns are one number. */
const FLAGS_PER_NUMBER = 40;

/** Of columns of documents, by their names. */
export type Shapes = ReadonlyMap<string, JsonShape>;

/** SQL of the row text, as bytes. */
function rowText(schema: TableSchema, shapes: Shapes | undefined): string {
  const closed: string[] = [];
  const lengths: string[] = [];
  const contents: string[] = [];
  const documents: string[] = [];
  for (const { name, type } of allColumns(schema)) {
    const text = familyOf(type).rowText(type, quoteId(name));
    if ('closed' in text) closed.push(text.closed);
    else if ('document' in text) {
      const isPlain = shapes?.get(name)?.isPlain(quoteId(name));
      const { kinds } = text;
      documents.push(text.document, isPlain ? `IF(${isPlain},NULL,${kinds})` : kinds);
    } else {
      lengths.push(text.length);
      contents.push(text.content);
    }
  }
  const parts = [...nullFlags(schema), ...closed, ...lengths, ...contents, ...documents];
  // The binary separator makes the result bytes, so nothing is converted on the way; by COLLATE it
  // outweighs texts of two collations, by which MariaDB would make `?` of the bytes beside them.
  return `CONCAT_WS(_binary',' COLLATE ${quoteId('binary')},${parts.join(',')})`;
}

/** Numbers whose bits say which nullable columns are NULL. */
function nullFlags(schema: TableSchema): string[] {
  const names = allColumns(schema)
    .filter(c => c.nullable)
    .map(c => quoteId(c.name));
  const numbers: string[] = [];
  for (let i = 0; i < names.length; i += FLAGS_PER_NUMBER) {
    const flags = names.slice(i, i + FLAGS_PER_NUMBER);
    numbers.push(flags.map((name, bit) => `(${name} IS NULL)*${2 ** bit}`).join('+'));
  }
  return numbers;
}

/**
 * SQL of the SHA-256 of the row, 64 hex digits; NULL and a warning over max_allowed_packet. With
 * shapes of documents, right or wrong ones, it is the same hash and costs less.
 */
export function rowHash(schema: TableSchema, shapes?: Shapes): string {
  return `SHA2(${rowText(schema, shapes)},256)`;
}

/** The same of what the log carries, all columns but the virtual ones (shared/row/row-text.ts). */
export function carriedRowHash(schema: TableSchema): string {
  return rowHash({ ...schema, virtual: [] });
}

/** SQL of a hash of the value of a column, as 32 hex digits; NULL of NULL. */
export function columnHash({ name, type }: Column): string {
  const text = familyOf(type).rowText(type, quoteId(name));
  // As bytes: a hash of a text would be one of its characters in the session's character set.
  return `LEFT(SHA2(CONCAT(_binary'',${wholeText(text)}),256),32)`;
}

function wholeText(text: RowText): string {
  if ('closed' in text) return text.closed;
  return 'document' in text ? `${text.document},IFNULL(${text.kinds},'')` : text.content;
}
