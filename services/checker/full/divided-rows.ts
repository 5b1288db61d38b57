/**
 * Rows of a range, or of keys, by as many statements as it takes for each to have no more warnings
 * than its server keeps. An account without a privilege of its own has a thousand of them (MySQL),
 * and a virtual column that warns of each row makes some for every row: one statement for a range,
 * the obvious way, would have no answer that can be trusted, and the table no check that ends.
 *
 * Parts of a range are read one after the other, each as of its own moment, as ranges are.
 */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { fromByKey, rangePredicate } from '../../../shared/mysql/range-sql.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { keyAtSelect, literals } from './range-walk.ts';
import { type TextRow, textRows, UnseenWarnings } from './server-rows.ts';

/** Parts of a part, about so many; none of what cannot be divided. */
type Divide<P> = (part: P, into: number) => AsyncGenerator<P>;

export function rowsOfRange(
  session: MysqlSession,
  schema: TableSchema,
  range: KeyRange,
  select: (range: KeyRange) => string,
): Promise<TextRow[]> {
  return divided(session, range, select, async function* (part, into) {
    const where = rangePredicate(schema, part);
    const [row] = await textRows(session, `SELECT COUNT(*) ${fromByKey(schema)} WHERE ${where}`);
    const rows = Number(row?.[0] ?? 0);
    if (rows < 2) return;
    const step = Math.max(1, Math.floor(rows / into));
    for (let { after } = part; ; ) {
      const [key] = await textRows(session, keyAtSelect(schema, { after, upTo: part.upTo }, step));
      const upTo = key === undefined ? part.upTo : literals(key);
      yield { after, upTo };
      if (key === undefined) return;
      after = upTo;
    }
  });
}

export function rowsOfKeys(
  session: MysqlSession,
  keys: readonly KeyLiterals[],
  select: (keys: readonly KeyLiterals[]) => string,
): Promise<TextRow[]> {
  return divided(session, keys, select, async function* (part, into) {
    if (part.length < 2) return;
    const step = Math.max(1, Math.floor(part.length / into));
    for (let i = 0; i < part.length; i += step) yield part.slice(i, i + step);
  });
}

async function divided<P>(
  session: MysqlSession,
  part: P,
  select: (part: P) => string,
  divide: Divide<P>,
): Promise<TextRow[]> {
  let many: UnseenWarnings;
  try {
    return await textRows(session, select(part));
  } catch (e) {
    if (!(e instanceof UnseenWarnings)) throw e;
    many = e;
  }
  if (many.statements === 0) throw many;
  let isDivided = false;
  const rows: TextRow[] = [];
  for await (const p of divide(part, many.statements)) {
    isDivided = true;
    for (const row of await divided(session, p, select, divide)) rows.push(row);
  }
  if (!isDivided) throw many;
  return rows;
}
