/**
 * What the documents of a table look like, by its first and its last rows on one server. They
 * decide what digests cost, and nothing else: each server proves of each document that it is of the
 * shape, or makes the list of its kinds (shared/type/json-shape.ts).
 */
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { fromByKey } from '../../../shared/mysql/range-sql.ts';
import type { Shapes } from '../../../shared/mysql/row-hash.ts';
import { keyColumns } from '../../../shared/row/key-range.ts';
import { allColumns } from '../../../shared/schema/table-schema.ts';
import { kindsSelect } from '../../../shared/type/json-asking.ts';
import { JsonShape } from '../../../shared/type/json-shape.ts';
import type { Place } from './range-walk.ts';
import { type TextRow, textRows } from './server-rows.ts';
import type { SessionSet } from './session-set.ts';

/** Of each end of the table. */
const ROWS = 50;
/** Larger ones have more values than a shape. */
const DOCUMENT_BYTES_MAX = 4096;

export async function documentShapes(
  sessionSet: SessionSet,
  { server, schema }: Place,
): Promise<Shapes> {
  const columns = allColumns(schema).filter(({ type }) => type.kind === 'json');
  const rows: TextRow[] = [];
  const cells = columns.map(({ name }) => plainDocument(quoteId(name))).join(',');
  for (const order of columns.length === 0 ? [] : ['ASC', 'DESC']) {
    const by = keyColumns(schema).map(({ name }) => `${quoteId(name)} ${order}`);
    const sql = `SELECT ${cells} ${fromByKey(schema)} ORDER BY ${by.join(',')} LIMIT ${ROWS}`;
    rows.push(...(await textRows(await sessionSet.session(server), sql)));
  }
  return new Map(
    columns.flatMap(({ name }, i): [string, JsonShape][] => {
      const texts = rows.flatMap(row => row[i] ?? []);
      const shape = JsonShape.ofMost(texts.map((text): unknown => JSON.parse(text)));
      return shape === null ? [] : [[name, shape]];
    }),
  );
}

/** The document, if it may be of a shape, or else a text that is of none. */
function plainDocument(c: string): string {
  const isSmall = `JSON_STORAGE_SIZE(${c})<=${DOCUMENT_BYTES_MAX}`;
  return `IF(${c} IS NULL,NULL,IF(${isSmall} AND ${kindsSelect(c)} IS NULL,${c},'null'))`;
}
