/**
 * The scope of a check (shared/job/state/check-scope.ts) as conditions for the servers.
 *
 * Ranges are walked by key, whatever the condition is: a statement that looks for so many rows that
 * meet it might read the whole table. Inside a range it goes with every statement on both sides;
 * not where a key is read again: there the whole row decides, so one that has moved in or out of
 * the condition meanwhile is no difference.
 */
import { type CheckScope, reversed } from '../../../shared/job/state/check-scope.ts';
import { quoteId } from '../../../shared/mysql/identifier.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { fromByKey, keyFromCondition } from '../../../shared/mysql/range-sql.ts';
import { rowCondition } from '../../../shared/mysql/row-condition.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import { type KeyLiterals, keyColumns } from '../../../shared/row/key-range.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';
import { agreedSchemas } from './agreed-schema.ts';
import type { Place } from './range-walk.ts';
import { textRows } from './server-rows.ts';
import { type CheckServer, type SessionSet, SessionSetPool } from './session-set.ts';

export interface TableScope {
  /** The last key; null is open. */
  upTo: KeyLiterals | null;
  /** Where ranges begin; null: anywhere. */
  from: string | null;
  /** What every row of it meets; null: all do. */
  only: string | null;
  /** The condition of the operator alone. */
  where: string | null;
}

export function tableScope(schema: TableSchema, scope: CheckScope | null): TableScope {
  if (scope === null) return { upTo: null, from: null, only: null, where: null };
  const bound = new KeyBound(schema);
  const literals = (key: Record<string, string> | null): KeyLiterals | null =>
    key === null ? null : bound.literals(keyFromText(bound, key));
  const first = literals(scope.from);
  const from = first === null ? null : keyFromCondition(schema, first);
  const names = allColumns(schema).map(c => c.name);
  const where = scope.where === null ? null : `(${rowCondition(scope.where, names)})`;
  const parts = [from, where].filter(part => part !== null);
  const only = parts.length === 0 ? null : parts.join(' AND ');
  return { upTo: literals(scope.to), from, only, where };
}

/** Throws `config` if one of the servers, or what its table is, refuses the scope. */
export async function tryScope(o: {
  servers: readonly CheckServer[];
  table: string;
  key: readonly string[] | undefined;
  scope: CheckScope;
  log: Logger;
  signal: AbortSignal;
}): Promise<void> {
  await using pool = new SessionSetPool(1, o.log, o.signal);
  await pool.use(async sessionSet => {
    const { table, key, servers: sources } = o;
    const schemas = await agreedSchemas(sessionSet, { table, sources, targets: [], key });
    const places = [...schemas].map(([server, schema]) => ({ server, schema }));
    for (const place of places) {
      await refuseReversed(sessionSet, place, o.scope);
      const { where } = tableScope(place.schema, o.scope);
      if (where !== null) await tryCondition(sessionSet, [place], where);
    }
  });
}

/**
 * Whether the first key is behind the last is for the server to say, which knows the order of
 * texts. They take the collation of their column by standing in one with it.
 */
async function refuseReversed(
  sessionSet: SessionSet,
  { server, schema }: Place,
  scope: CheckScope,
): Promise<void> {
  if (scope.from === null || scope.to === null) return;
  const bound = new KeyBound(schema);
  // Of an address the literal is a text that is in another order.
  if (bound.columns.some(c => c.type.kind === 'address')) return;
  const [first, last] = [scope.from, scope.to].map(k => bound.literals(keyFromText(bound, k)));
  if (first === undefined || last === undefined) return;
  const columns = bound.columns.map(({ name, type }) =>
    type.kind === 'text' ? quoteId(name) : `NULL AS ${quoteId(name)}`,
  );
  const values = bound.columns.map(({ type }, i) =>
    type.kind === 'time' ? `CAST(${last[i]} AS TIME(6))` : last[i],
  );
  const typed = `SELECT ${columns.join()} ${fromByKey(schema)} WHERE FALSE`;
  const given = `${typed} UNION ALL SELECT ${values.join()}`;
  const sql = `SELECT ${keyFromCondition(schema, first)} FROM (${given}) AS given`;
  const [row] = await textRows(await sessionSet.session(server), sql);
  if (row?.[0] === '0') throw reversed(schema.table, scope);
}

/** First rows of each server that a condition is tried on. */
const TRIED_ROWS = 1000;

/**
 * Has each server read the condition, and evaluate it over some rows. What it warns of is an answer
 * that no one may trust: a text that is compared as a number is 0.
 */
export async function tryCondition(
  sessionSet: SessionSet,
  places: readonly Place[],
  where: string,
): Promise<void> {
  for (const place of places) {
    await tryOn(sessionSet, place, where, 0);
    await tryOn(sessionSet, place, where, TRIED_ROWS);
  }
}

async function tryOn(
  sessionSet: SessionSet,
  { server, schema }: Place,
  where: string,
  rows: number,
): Promise<void> {
  const session = await sessionSet.session(server);
  const order = keyColumns(schema).map(c => quoteId(c.name));
  const tried =
    `SELECT IF(${where},1,0) AS met ${fromByKey(schema)} ` +
    `ORDER BY ${order.join(',')} LIMIT ${rows}`;
  const refused = (why: string, cause?: unknown): ReshardError =>
    new ReshardError('config', `${server.name} refuses the condition of the scope: ${why}`, {
      cause,
      remedy: 'compare columns with values of their own type',
    });
  try {
    const { warnings } = await session.rawQuery(`SELECT SUM(met) FROM (${tried}) AS tried`);
    if (warnings > 0) throw refused(`${warnings} warnings, as a value does not fit`);
  } catch (e) {
    if (!(e instanceof ReshardError) || policyOf(e.kind) === 'restart') throw e;
    if (e.kind === 'config') throw e;
    // Without rows the words can only be those of the condition; else they may be values.
    throw refused(rows === 0 ? e.message : `error ${errnoOf(e) ?? 'unknown'} on some row`, e);
  }
}
