/** Probes all servers of a check: digests of a range, fingerprints of its rows or of keys. */

import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { MYSQL_DIALECT } from '../../../shared/mysql/identifier.ts';
import { keyText } from '../../../shared/mysql/key-literal.ts';
import { keysPredicate, rangePredicate } from '../../../shared/mysql/range-sql.ts';
import type { Shapes } from '../../../shared/mysql/row-hash.ts';
import {
  ALL_TARGETS,
  NO_TARGET,
  placedCondition,
  type Route,
  type ServerPart,
  serverPart,
} from '../../../shared/route/route.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { type Asked, among, digestSelect, fingerprintSelect } from './digest.ts';
import { rowsOfKeys, rowsOfRange } from './divided-rows.ts';
import { literals, type Place } from './range-walk.ts';
import type { TextRow } from './server-rows.ts';
import type { SessionSet } from './session-set.ts';

/** Where a table is, and how its rows are spread. */
export interface TablePlaces {
  table: string;
  sources: readonly Place[];
  targets: readonly Place[];
  /** Of each source's rows, in the order of the sources. */
  routes: readonly Route[];
  /** Rows that do not meet this are in no range; null: all are. Keys are read in any case. */
  only: string | null;
  /** What most documents look like: digests cost less by them, and are the same. */
  shapes?: Shapes;
}

export interface Digest {
  count: number;
  sum: bigint;
}

export interface RangeProbe {
  /** By source, by shard. A row that belongs to several targets is in the digest of each. */
  sources: Digest[][];
  /** By source: rows of the range, each counted once, wherever it belongs. */
  sourceRows: number[];
  /** By target; null where nobody probed. */
  targets: (Digest | null)[];
}

/** What is known of one key. */
export interface KeyProbe {
  sources: { source: number; shard: number; fingerprint: string }[];
  targets: { target: number; fingerprint: string }[];
}

/** A key of a `KEYS_PER_STATEMENT` condition is tens of bytes. */
const KEYS_PER_STATEMENT = 500;

/** How a source is asked where its rows belong, without rows that belong nowhere. */
function askedOf(places: TablePlaces, source: number): Asked & { route: ServerPart } {
  const route = places.routes[source];
  if (route === undefined) throw new ReshardError('bug', 'a source without a route');
  const part = serverPart(route, MYSQL_DIALECT);
  return { route: part, shard: part.sql, only: placedCondition(route, MYSQL_DIALECT) };
}

/** What the digest of the whole table asks of each server: sources, then targets. */
export function questionsOf(places: TablePlaces): string[] {
  const { sources, targets, only } = places;
  const all = { after: null, upTo: null };
  return [
    ...sources.map((p, i) => digestSelect(p.schema, all, only, askedOf(places, i))),
    ...targets.map(p => digestSelect(p.schema, all, only)),
  ];
}

/** Numbers of the targets that a row, or rows, are to be on. */
function shardsOf(row: TextRow, route: ServerPart, places: TablePlaces): number[] {
  const shard = row[0];
  if (shard === null || shard === undefined) {
    throw new ReshardError(
      'config',
      'rows have a value, or NULL, that the route has no target for',
      {
        context: { table: places.table, column: places.routes[0]?.columns.join(',') ?? '' },
        remedy: 'change the value at the source, or make the column NOT NULL',
      },
    );
  }
  const set = route.targetOf(shard);
  if (set === ALL_TARGETS) return places.targets.map((_, t) => t);
  return set === NO_TARGET ? [] : [set];
}

function emptyDigest(): Digest {
  return { count: 0, sum: 0n };
}

function addDigest(to: Digest | undefined, more: Digest): void {
  if (to === undefined) throw new ReshardError('bug', 'a route to a target that there is not');
  to.count += more.count;
  to.sum += more.sum;
}

/** Digests of a range on all sources and on `targets`. */
export async function probeRange(
  sessionSet: SessionSet,
  places: TablePlaces,
  range: KeyRange,
  targets: readonly number[],
): Promise<RangeProbe> {
  const { only, shapes } = places;
  const sourceRows = places.sources.map(() => 0);
  const bySource = places.sources.map(async ({ server, schema }, source) => {
    const shards = places.targets.map(emptyDigest);
    const asked = askedOf(places, source);
    const select = (part: KeyRange): string => digestSelect(schema, part, only, asked, shapes);
    const session = await sessionSet.session(server);
    for (const row of await rowsOfRange(session, schema, range, select)) {
      const digest = digestOf(row);
      sourceRows[source] = (sourceRows[source] ?? 0) + digest.count;
      // Of several parts, or where the servers do not know the targets, several groups are of one.
      for (const shard of shardsOf(row, asked.route, places)) addDigest(shards[shard], digest);
    }
    return shards;
  });
  const byTarget = places.targets.map(async ({ server, schema }, t) => {
    if (!targets.includes(t)) return null;
    const select = (part: KeyRange): string => digestSelect(schema, part, only, undefined, shapes);
    const rows = await rowsOfRange(await sessionSet.session(server), schema, range, select);
    const all = emptyDigest();
    for (const row of rows) addDigest(all, digestOf(row));
    return all;
  });
  const [sources, found] = await Promise.all([Promise.all(bySource), Promise.all(byTarget)]);
  return { sources, sourceRows, targets: found };
}

/** Of the range, on all sources. */
export function sourceRows(probe: RangeProbe): number {
  return probe.sourceRows.reduce((a, b) => a + b, 0);
}

/** Of the range, on the targets that were probed. */
export function targetRows(probe: RangeProbe): number {
  return probe.targets.reduce((n, digest) => n + (digest?.count ?? 0), 0);
}

function digestOf(row: TextRow): Digest {
  return { count: Number(row[1]), sum: BigInt(row[2] ?? 0) };
}

/** Fingerprints of all rows of a range, on all sources and on `targets`, by key. */
export function probeRows(
  sessionSet: SessionSet,
  places: TablePlaces,
  range: KeyRange,
  targets: readonly number[],
): Promise<KeyProbes> {
  const whereOf = (schema: TableSchema, part: KeyRange): string =>
    among(rangePredicate(schema, part), places.only);
  const read: Read = (session, schema, select) =>
    rowsOfRange(session, schema, range, part => select(whereOf(schema, part)));
  return probeWith(sessionSet, places, read, read, targets);
}

/** Fingerprints of keys on all sources, or on all targets. */
export function probeKeys(
  sessionSet: SessionSet,
  places: TablePlaces,
  keys: readonly KeyLiterals[],
  side: 'sources' | 'targets',
): Promise<KeyProbes> {
  const read: Read = async (session, schema, select) => {
    const rows: TextRow[] = [];
    for (let i = 0; i < keys.length; i += KEYS_PER_STATEMENT) {
      const some = keys.slice(i, i + KEYS_PER_STATEMENT);
      const found = rowsOfKeys(session, some, part => select(keysPredicate(schema, part)));
      rows.push(...(await found));
    }
    return rows;
  };
  const nothing: Read = async () => [];
  const all = places.targets.map((_, t) => t);
  return side === 'sources'
    ? probeWith(sessionSet, places, read, nothing, all)
    : probeWith(sessionSet, places, nothing, read, all);
}

class KeyProbes {
  readonly #probes = new Map<string, KeyProbe & { key: KeyLiterals }>();

  of(key: KeyLiterals): KeyProbe & { key: KeyLiterals } {
    const name = keyText(key);
    let probe = this.#probes.get(name);
    if (probe === undefined) {
      probe = { key, sources: [], targets: [] };
      this.#probes.set(name, probe);
    }
    return probe;
  }

  all(): Iterable<KeyProbe & { key: KeyLiterals }> {
    return this.#probes.values();
  }
}

/** Reads rows on one server; `select` makes the statement of a condition. */
type Read = (
  session: MysqlSession,
  schema: TableSchema,
  select: (where: string) => string,
) => Promise<TextRow[]>;

async function probeWith(
  sessionSet: SessionSet,
  places: TablePlaces,
  fromSource: Read,
  fromTarget: Read,
  targets: readonly number[],
): Promise<KeyProbes> {
  const found = new KeyProbes();
  const bySource = places.sources.map(async ({ server, schema }, source) => {
    const session = await sessionSet.session(server);
    const asked = askedOf(places, source);
    const select = (where: string): string => fingerprintSelect(schema, where, asked);
    for (const row of await fromSource(session, schema, select)) {
      const probe = found.of(literals(row.slice(2)));
      for (const shard of shardsOf(row, asked.route, places)) {
        probe.sources.push({ source, shard, fingerprint: row[1] ?? '' });
      }
    }
  });
  const byTarget = targets.map(async target => {
    const place = places.targets[target];
    if (place === undefined) return;
    const { server, schema } = place;
    const select = (where: string): string => fingerprintSelect(schema, where);
    for (const row of await fromTarget(await sessionSet.session(server), schema, select)) {
      found.of(literals(row.slice(2))).targets.push({ target, fingerprint: row[1] ?? '' });
    }
  });
  await Promise.all([...bySource, ...byTarget]);
  // Servers answer in any order; a probe is compared with another one as text.
  for (const probe of found.all()) {
    probe.sources.sort((a, b) => a.source - b.source || a.shard - b.shard);
    probe.targets.sort((a, b) => a.target - b.target);
  }
  return found;
}
