/**
 * One table: ranges are probed on both sides at once; a range that differs is divided until
 * few rows are left, and their keys go to the recheck, which decides. So an equal range costs one
 * statement on each server, and a single wrong row is found in about two more passes of its range.
 */

import type {
  Difference,
  TableProgress,
  TableResult,
} from '../../../shared/job/state/check-result.ts';
import type { CheckScope } from '../../../shared/job/state/check-scope.ts';
import { readableKey } from '../../../shared/mysql/key-literal.ts';
import type { Route } from '../../../shared/route/route.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { agreedSchemas } from './agreed-schema.ts';
import { type DifferentRow, differentRow, nameColumns } from './differing-columns.ts';
import { type Incarnations, incarnationsOf, refuseNew } from './incarnation.ts';
import type { PositionWaiter } from './position-waiter.ts';
import {
  type KeyProbe,
  probeRange,
  probeRows,
  type RangeProbe,
  type TablePlaces,
} from './probe.ts';
import { type OpenRange, RangeLedger } from './range-ledger.ts';
import { type Place, RangeWalk } from './range-walk.ts';
import type { RateLimit } from './rate-limit.ts';
import { Recheck } from './recheck.ts';
import type { CheckServer, SessionSet, SessionSetPool } from './session-set.ts';
import { type TableScope, tableScope, tryCondition } from './table-scope.ts';
import { differingTargets, isRight, kindOf } from './verdict.ts';

export interface TableCheckOptions {
  table: string;
  /** Columns of its row key; without them, the one that the first source has. */
  key?: readonly string[] | undefined;
  /** Columns that the sources have dropped: of the targets they are not compared. */
  dropped?: readonly string[] | undefined;
  /** Its route for the rows of a source, by name, once its columns are known. */
  routeOf: (schema: TableSchema, source: string) => Route;
  sources: readonly CheckServer[];
  targets: readonly CheckServer[];
  pool: SessionSetPool;
  waiter: PositionWaiter;
  rateLimit: RateLimit;
  /** Ranges probed at a time. */
  concurrency: number;
  /** Rows of a range of the first pass. */
  rangeRows: number;
  /** A differing range with at most so many rows is compared row by row. */
  leafRows: number;
  /** The table is given up when so many differences are proven. */
  differencesMax: number;
  /** Rows behind this key alone are compared, as readable text; null is the whole table. */
  after: Record<string, string> | null;
  /** Rows of it alone are compared; null is the whole table. */
  scope: CheckScope | null;
  signal: AbortSignal;
}

/** A differing range is divided into so many. */
const FAN_OUT = 10;
/** Ranges of big rows have fewer of them: a statement should not run for minutes. */
const RANGE_BYTES = 32 * 1024 * 1024;
const RANGE_ROWS_MIN = 50;
/** Keys that wait to be read again, mostly because changes of them are on their way. */
const PENDING_MAX = 20_000;

export class TableCheck {
  readonly #o: TableCheckOptions;
  readonly #result: TableResult;
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;
  #estimatedRows = 0;
  #rangeRows: number;
  #recheck: Recheck | undefined;
  #done = false;
  #incarnations: Incarnations = new Map();
  readonly #differentRows: DifferentRow[] = [];
  /** Of a scope: the first rows of the table may have none of it. */
  #firstFilled: KeyRange | null = null;

  constructor(o: TableCheckOptions) {
    this.#o = o;
    this.#rangeRows = o.rangeRows;
    this.#signal = AbortSignal.any([o.signal, this.#stop.signal]);
    this.#result = {
      table: o.table,
      rows: 0,
      targetRows: 0,
      ranges: 0,
      sourceBytes: 0,
      targetBytes: 0,
      rangesDifferent: 0,
      rechecked: 0,
      differences: [],
      unsettled: [],
      blocked: 0,
      truncated: false,
      after: o.after,
      ...(o.scope === null ? {} : { scope: o.scope }),
      settledTo: null,
    };
  }

  progress(): TableProgress {
    const { table, rows, ranges, rangesDifferent, differences } = this.#result;
    return {
      table,
      rows,
      estimatedRows: this.#estimatedRows,
      ranges,
      rangesDifferent,
      pending: this.#recheck?.pending ?? 0,
      differences: differences.length,
      done: this.#done,
    };
  }

  async run(): Promise<TableResult> {
    const places = await this.#o.pool.use(sessionSet => this.#places(sessionSet));
    const recheck = this.#newRecheck(places);
    this.#recheck = recheck;
    const scope = tableScope(schemaOf(places), this.#o.scope);
    const open: KeyRange = { after: this.#after(places), upTo: scope.upTo };
    const walk = new RangeWalk(places.sources, open, this.#rangeRows, scope.from);
    const ledger = new RangeLedger(open.after);
    const workers = Array.from({ length: this.#o.concurrency }, () =>
      this.#work({ walk, ledger }, places, recheck),
    );
    const ranges = Promise.all(workers)
      .then(() => this.#probeFirstAgain(places, recheck, open, scope))
      .finally(() => recheck.close());
    const rechecking = recheck.run();
    try {
      await Promise.all([ranges, rechecking]);
    } catch (e) {
      // The others stop at their next step; nothing of them may run on after we have returned.
      this.#stop.abort();
      recheck.abandon();
      await Promise.allSettled([...workers, rechecking]);
      if (!this.#result.truncated) throw e;
    }
    this.#o.signal.throwIfAborted();
    await this.#o.pool.use(sessionSet => nameColumns(sessionSet, places, this.#differentRows));
    await this.#o.pool.use(sessionSet => this.#checkSchemas(sessionSet, places));
    this.#result.rechecked = recheck.total;
    const { settledTo } = ledger;
    // Nobody has compared what is in front of a scope.
    if (this.#result.truncated && settledTo !== null && this.#o.scope === null) {
      this.#result.settledTo = readableKey(schemaOf(places), settledTo);
    }
    this.#done = true;
    return this.#result;
  }

  /** The key behind which the table is compared, as the servers have it. */
  #after(places: TablePlaces): KeyLiterals | null {
    const { after } = this.#o;
    if (after === null) return null;
    const bound = new KeyBound(schemaOf(places));
    return bound.literals(keyFromText(bound, after));
  }

  #newRecheck(places: TablePlaces): Recheck {
    const { pool, waiter, after, differencesMax } = this.#o;
    const schema = schemaOf(places);
    return new Recheck({
      pool,
      places,
      waiter,
      signal: this.#signal,
      // Where a table was given up before, most keys that differ do so: more could not be listed.
      pendingMax: after === null ? PENDING_MAX : differencesMax,
      onDifferent: probe => this.#different(places, probe),
      onUnsettled: key =>
        this.#result.unsettled.push({ table: this.#o.table, key: readableKey(schema, key) }),
    });
  }

  async #work(
    { walk, ledger }: { walk: RangeWalk; ledger: RangeLedger },
    places: TablePlaces,
    recheck: Recheck,
  ): Promise<void> {
    const all = places.targets.map((_, t) => t);
    while (!this.#signal.aborted) {
      while (recheck.isFull && !this.#signal.aborted) await sleep(50, this.#signal);
      await this.#o.rateLimit.go(this.#signal);
      const range = await this.#o.pool.use(sessionSet => walk.next(sessionSet));
      if (range === null) return;
      const open = ledger.begin(range);
      const probe = await this.#o.pool.use(async sessionSet => {
        const first = await probeRange(sessionSet, places, range, all);
        const differing = differingTargets(first);
        if (differing.length > 0) {
          this.#result.rangesDifferent += 1;
          await this.#divide(sessionSet, places, recheck, {
            range,
            targets: differing,
            probe: first,
            open,
          });
        }
        return first;
      });
      open.compared();
      const rows = sourceRows(probe);
      if (places.only !== null && rows > 0) this.#firstFilled ??= range;
      this.#result.rows += rows;
      this.#result.targetRows += targetRows(probe);
      this.#result.ranges += 1;
      await this.#o.rateLimit.spent(rows, this.#signal);
    }
  }

  /**
   * The first rows once more, after all others. A table that was emptied meanwhile is not what its
   * ranges were found to be, and TRUNCATE leaves no mark that every account may read.
   */
  async #probeFirstAgain(
    places: TablePlaces,
    recheck: Recheck,
    open: KeyRange,
    { from }: TableScope,
  ): Promise<void> {
    if (this.#signal.aborted) return;
    const all = places.targets.map((_, t) => t);
    await this.#o.pool.use(async sessionSet => {
      const first = new RangeWalk(places.sources, open, this.#o.leafRows, from);
      const range = this.#firstFilled ?? (await first.next(sessionSet));
      if (range === null) return;
      const probe = await probeRange(sessionSet, places, range, all);
      const targets = differingTargets(probe);
      if (targets.length === 0) return;
      await this.#divide(sessionSet, places, recheck, { range, targets, probe });
    });
  }

  /** Finds the differing keys of a range that differs on `targets`. */
  async #divide(
    sessionSet: SessionSet,
    places: TablePlaces,
    recheck: Recheck,
    part: { range: KeyRange; targets: readonly number[]; probe: RangeProbe; open?: OpenRange },
  ): Promise<void> {
    const { range, targets, probe, open } = part;
    const biggest = biggestPlace(places, probe);
    if (biggest.rows <= this.#o.leafRows) {
      const rows = await probeRows(sessionSet, places, range, targets);
      for (const row of rows.all()) {
        if (!isRight(row.sources, row.targets, targets)) recheck.add(row.key, open);
      }
      return;
    }
    const step = Math.max(this.#o.leafRows, Math.ceil(biggest.rows / FAN_OUT));
    const walk = new RangeWalk([biggest.place], range, step, places.only);
    for (;;) {
      this.#signal.throwIfAborted();
      const next = await walk.next(sessionSet);
      if (next === null) return;
      const inside = await probeRange(sessionSet, places, next, targets);
      const differing = differingTargets(inside);
      if (differing.length === 0) continue;
      await this.#divide(sessionSet, places, recheck, {
        ...part,
        range: next,
        targets: differing,
        probe: inside,
      });
    }
  }

  /** Answers whether it is listed. */
  #different(places: TablePlaces, probe: KeyProbe & { key: readonly string[] }): boolean {
    const nameOf = (list: readonly Place[], i: number): string => list[i]?.server.name ?? '';
    const expected = probe.sources.map(s => nameOf(places.targets, s.shard));
    const difference: Difference = {
      table: this.#o.table,
      kind: kindOf(probe),
      key: readableKey(schemaOf(places), probe.key),
      sources: [...new Set(probe.sources.map(s => nameOf(places.sources, s.source)))],
      expected: expected.length === 0 ? null : [...new Set(expected)].join(', '),
      targets: probe.targets.map(t => nameOf(places.targets, t.target)),
    };
    if (this.#result.differences.length < this.#o.differencesMax) {
      this.#result.differences.push(difference);
      const row = differentRow(difference, probe);
      if (row !== null) this.#differentRows.push(row);
      return true;
    }
    this.#result.truncated = true;
    this.#recheck?.abandon();
    this.#stop.abort();
    return false;
  }

  async #places(sessionSet: SessionSet): Promise<TablePlaces> {
    const { sources, targets, table, routeOf } = this.#o;
    this.#incarnations = await incarnationsOf(sessionSet, [...sources, ...targets], table);
    const schemas = await agreedSchemas(sessionSet, this.#o);
    const placed = (servers: readonly CheckServer[]): Place[] =>
      servers.flatMap(server => {
        const schema = schemas.get(server);
        return schema === undefined ? [] : [{ server, schema }];
      });
    const result = this.#result;
    [result.sourceBytes, result.targetBytes] = [0, 0];
    for (const server of targets) {
      result.targetBytes += (await estimate(sessionSet, server, table)).bytes;
    }
    for (const server of sources) {
      const { rows, rowBytes, bytes } = await estimate(sessionSet, server, table);
      result.sourceBytes += bytes;
      // Of a scope nobody knows it.
      if (this.#o.scope === null) this.#estimatedRows += rows;
      const fitting = Math.ceil(RANGE_BYTES / Math.max(1, rowBytes));
      this.#rangeRows = Math.min(this.#rangeRows, Math.max(fitting, RANGE_ROWS_MIN));
    }
    const placedSources = placed(sources);
    const [first] = placedSources;
    if (first === undefined) throw new ReshardError('bug', `no source has ${table}`);
    const routes = placedSources.map(({ server }) => routeOf(first.schema, server.name));
    const scope = tableScope(first.schema, this.#o.scope);
    const placedTargets = placed(targets);
    if (scope.where !== null) {
      await tryCondition(sessionSet, [...placedSources, ...placedTargets], scope.where);
    }
    return { table, routes, sources: placedSources, targets: placedTargets, only: scope.only };
  }

  /**
   * A table that was altered meanwhile was compared by texts of the old columns; one that was made
   * anew or truncated is not the one whose first ranges were compared.
   */
  async #checkSchemas(sessionSet: SessionSet, places: TablePlaces): Promise<void> {
    const { sources, targets, table } = this.#o;
    const incarnations = await incarnationsOf(sessionSet, [...sources, ...targets], table);
    refuseNew(table, this.#incarnations, incarnations);
    const now = await agreedSchemas(sessionSet, this.#o);
    for (const { server, schema } of [...places.sources, ...places.targets]) {
      if (JSON.stringify(now.get(server)) === JSON.stringify(schema)) continue;
      throw new ReshardError('schema-changed', `${table} was altered during the check`, {
        context: { server: server.name },
        remedy: 'run the check again',
      });
    }
  }
}

function schemaOf(places: TablePlaces): Place['schema'] {
  const [first] = places.sources;
  if (first === undefined) throw new ReshardError('bug', 'a check without sources');
  return first.schema;
}

async function estimate(
  sessionSet: SessionSet,
  server: CheckServer,
  table: string,
): Promise<{ rows: number; rowBytes: number; bytes: number }> {
  const session = await sessionSet.session(server);
  const [row] = await session.query<
    Record<'row_count' | 'row_bytes' | 'bytes', number | string | null>
  >(
    `SELECT TABLE_ROWS AS row_count, AVG_ROW_LENGTH AS row_bytes, DATA_LENGTH AS bytes
      FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [server.database, table],
  );
  const number = (value: number | string | null | undefined): number => Number(value ?? 0);
  return {
    rows: number(row?.row_count),
    rowBytes: number(row?.row_bytes),
    bytes: number(row?.bytes),
  };
}

function sourceRows(probe: RangeProbe): number {
  return probe.sourceRows.reduce((a, b) => a + b, 0);
}

function targetRows(probe: RangeProbe): number {
  return probe.targets.reduce((n, digest) => n + (digest?.count ?? 0), 0);
}

/** The server with the most rows of the range: dividing by its keys makes every part smaller. */
function biggestPlace(places: TablePlaces, probe: RangeProbe): { place: Place; rows: number } {
  const counted = [
    ...places.sources.map((place, i) => ({ place, rows: probe.sourceRows[i] ?? 0 })),
    ...places.targets.map((place, t) => ({ place, rows: probe.targets[t]?.count ?? 0 })),
  ];
  return counted.reduce((a, b) => (b.rows > a.rows ? b : a));
}
