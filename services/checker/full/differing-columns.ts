/**
 * Which columns of a row differ. Read once more behind the verdict, for people: the row may have
 * become another one since, and the verdict does not rest on it. No value leaves the servers, only
 * hashes of values.
 */
import type { Difference } from '../../../shared/job/state/check-result.ts';
import { keyLiteralList, keyText } from '../../../shared/mysql/key-literal.ts';
import { fromByKey, keysPredicate } from '../../../shared/mysql/range-sql.ts';
import { columnHash } from '../../../shared/mysql/row-hash.ts';
import { type KeyLiterals, keyColumns } from '../../../shared/row/key-range.ts';
import { allColumns, type TableSchema } from '../../../shared/schema/table-schema.ts';
import { rowsOfKeys } from './divided-rows.ts';
import type { KeyProbe, TablePlaces } from './probe.ts';
import { literals, type Place } from './range-walk.ts';
import type { SessionSet } from './session-set.ts';

/** A row that is on the right target, with other values. */
export interface DifferentRow {
  /** Is given its `columns`. */
  difference: Difference;
  key: KeyLiterals;
  source: number;
  target: number;
}

const KEYS_PER_STATEMENT = 200;
/** A report has little room, and a longer list would push keys out of it. */
const COLUMNS_MAX = 20;

/** Where the row of a probe differs; null if it is of another kind. */
export function differentRow(
  difference: Difference,
  { key, sources, targets }: KeyProbe & { key: KeyLiterals },
): DifferentRow | null {
  if (difference.kind !== 'different') return null;
  for (const { source, shard, fingerprint } of sources) {
    const there = targets.find(t => t.target === shard);
    if (there === undefined || there.fingerprint === fingerprint) continue;
    return { difference, key, source, target: shard };
  }
  return null;
}

/** Gives each difference its columns; none where the row is equal by now, or gone. */
export async function nameColumns(
  sessionSet: SessionSet,
  places: TablePlaces,
  rows: readonly DifferentRow[],
): Promise<void> {
  const groups = Map.groupBy(rows, r => `${r.source}/${r.target}`);
  for (const group of groups.values()) {
    const [first] = group;
    const source = places.sources[first?.source ?? -1];
    const target = places.targets[first?.target ?? -1];
    if (source === undefined || target === undefined) continue;
    const keys = group.map(r => r.key);
    const [here, there] = await Promise.all([
      hashes(sessionSet, source, keys),
      hashes(sessionSet, target, keys),
    ]);
    const names = allColumns(source.schema).map(c => c.name);
    for (const { difference, key } of group) {
      const [a, b] = [here.get(keyText(key)), there.get(keyText(key))];
      if (a === undefined || b === undefined) continue;
      const columns = names.filter(name => a.get(name) !== b.get(name));
      if (columns.length > 0) difference.columns = columns.slice(0, COLUMNS_MAX);
    }
  }
}

/** By key, by column: a hash of the value; null is NULL. */
async function hashes(
  sessionSet: SessionSet,
  { server, schema }: Place,
  keys: readonly KeyLiterals[],
): Promise<Map<string, ReadonlyMap<string, string | null>>> {
  const session = await sessionSet.session(server);
  const select = (part: readonly KeyLiterals[]): string =>
    `SELECT ${keyLiteralList(schema)},${columnHashes(schema)} ` +
    `${fromByKey(schema)} WHERE ${keysPredicate(schema, part)}`;
  const found = new Map<string, ReadonlyMap<string, string | null>>();
  const keyLength = keyColumns(schema).length;
  for (let i = 0; i < keys.length; i += KEYS_PER_STATEMENT) {
    const some = keys.slice(i, i + KEYS_PER_STATEMENT);
    for (const row of await rowsOfKeys(session, some, select)) {
      const values = allColumns(schema).map(
        ({ name }, c) => [name, row[keyLength + c] ?? null] as const,
      );
      found.set(keyText(literals(row.slice(0, keyLength))), new Map(values));
    }
  }
  return found;
}

function columnHashes(schema: TableSchema): string {
  return allColumns(schema)
    .map(column => columnHash(column))
    .join(',');
}
