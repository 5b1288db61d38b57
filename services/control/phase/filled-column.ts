/**
 * Columns that are not NULL by themselves in rows that nobody has written since they came. A column
 * is taken up without a copy (growth.ts), so what a table holds of it in such rows stays as it is:
 * at the source and on every target that must be NULL, or they differ for ever.
 *
 * A default is in the rows that were there. A column that follows the clock (`ON UPDATE`) is filled
 * by writes that do not name it: on a target those are all events of before the take-up, and all of
 * the other sources until they have the column too. A target may also have had the column, with
 * values of its own; after `MODIFY` to the source's definition its declaration tells no more of it.
 */
import type { JobTarget } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';

export interface FilledColumn {
  column: string;
  /** In words, behind the column's name. */
  what: string;
}

/** Columns of `names` that the server fills, by their declarations. */
export async function filledByServer(
  session: MysqlSession,
  { db, table }: { db: string; table: string },
  names: readonly string[],
): Promise<FilledColumn[]> {
  const rows = await session.query<{ name: string; value: string | null; extra: string }>(
    `SELECT COLUMN_NAME AS name, COLUMN_DEFAULT AS value, EXTRA AS extra
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [db, table],
  );
  return rows
    .filter(r => names.includes(r.name))
    .flatMap(({ name, value, extra }) => {
      const what = howFilled(value, extra);
      return what === null ? [] : [{ column: name, what }];
    });
}

/** Pure; MariaDB prints the default NULL as a word. */
export function howFilled(value: string | null, extra: string): string | null {
  if ((value !== null && value !== 'NULL') || /DEFAULT_GENERATED/i.test(extra)) {
    return 'has a default';
  }
  return /\bon update\b/i.test(extra) ? 'is set to the time by each update (ON UPDATE)' : null;
}

/**
 * What a target has in columns that it had before they are taken up. `isOthers`: another source has
 * brought the column, so its rows have values there; its take-up has looked at all rows.
 */
export async function filledOnTarget(
  target: JobTarget,
  table: string,
  columns: readonly { name: string; isOthers: boolean }[],
): Promise<(FilledColumn & { isDeclared: boolean })[]> {
  if (columns.length === 0) return [];
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target' });
  const names = columns.map(c => c.name);
  const at = { db: target.database, table };
  const declared = await filledByServer(session, at, names);
  const found = declared.map(f => ({ ...f, isDeclared: true }));
  const place = qualified(target.database, table);
  for (const { name, isOthers } of columns) {
    if (isOthers || declared.some(f => f.column === name)) continue;
    const rows = await session.query<object>(
      `SELECT 1 AS one FROM ${place} WHERE ${quoteId(name)} IS NOT NULL LIMIT 1`,
    );
    if (rows.length === 0) continue;
    found.push({ column: name, what: 'has values in rows that are there', isDeclared: false });
  }
  return found;
}
