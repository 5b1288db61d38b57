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
import type { Resumption, TableCheckpoint } from '../../../shared/job/state/checkpoint.ts';
import { readableKey } from '../../../shared/mysql/key-literal.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import type { KeyLiterals, KeyRange } from '../../../shared/row/key-range.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { CheckpointRoom } from './checkpoint-room.ts';
import { type DifferentRow, differentRow, nameColumns } from './differing-columns.ts';
import { FirstRows, keptKeys } from './first-rows.ts';
import type { PositionWaiter } from './position-waiter.ts';
import {
  type KeyProbe,
  probeRange,
  probeRows,
  type RangeProbe,
  sourceRows,
  type TablePlaces,
  targetRows,
} from './probe.ts';
import { NO_TALLY, type OpenRange, RangeLedger } from './range-ledger.ts';
import { type Place, RangeWalk } from './range-walk.ts';
import type { RateLimit } from './rate-limit.ts';
import { Recheck } from './recheck.ts';
import type { SessionSet, SessionSetPool } from './session-set.ts';
import { type FoundTable, findTable, refuseChanged, type WantedTable } from './table-places.ts';
import { type TableScope, tableScope } from './table-scope.ts';
import { differingTargets, isRight, kindOf } from './verdict.ts';

export interface TableCheckOptions extends WantedTable {
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
  /** What the verdict will rest on. */
  basis: string;
  /** Where it is gone on; null: it is begun. What has another shape by now is begun, too. */
  from: TableCheckpoint | null;
  /** Of all tables of the check. */
  room: CheckpointRoom;
  signal: AbortSignal;
}

/** What is under way in a table. */
interface Under {
  ledger: RangeLedger;
  recheck: Recheck;
  /** All that is to be compared. */
  open: KeyRange;
  from: TableCheckpoint | null;
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
  #estimatedRows: number;
  #recheck: Recheck | undefined;
  #ledger: RangeLedger | undefined;
  #done = false;
  readonly #differentRows: DifferentRow[] = [];
  readonly #first = new FirstRows();
  /** The newest one that there was room for. */
  #checkpoint: TableCheckpoint | null;
  #found: Pick<FoundTable, 'shape' | 'places'> | undefined;
  /** Keys that were rechecked before it was gone on with, and are not again. */
  #recheckedBefore = 0;
  #resumption: Pick<Resumption, 'kept' | 'anew'> = { kept: [], anew: [] };

  constructor(o: TableCheckOptions) {
    this.#o = o;
    this.#signal = AbortSignal.any([o.signal, this.#stop.signal]);
    this.#checkpoint = o.from;
    this.#estimatedRows = o.from?.estimatedRows ?? 0;
    if (o.from !== null) {
      const { table, rows, key } = o.from;
      o.room.takes(table, keptKeys(o.from));
      this.#resumption.kept.push({ table, rows, upTo: key });
    }
    const { rows, targetRows, ranges, rangesDifferent } = o.from ?? NO_TALLY;
    this.#result = {
      table: o.table,
      ...{ rows, targetRows, ranges, rangesDifferent },
      sourceBytes: 0,
      targetBytes: 0,
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
      pending: this.#recheck?.pending ?? this.#checkpoint?.suspects.length ?? 0,
      differences: differences.length,
      done: this.#done,
    };
  }

  /** What was taken over of a checker before; that its table is another one is seen later. */
  get resumption(): Pick<Resumption, 'kept' | 'anew'> {
    return this.#resumption;
  }

  /** Where another checker could go on; null: at the beginning. */
  checkpoint(): TableCheckpoint | null {
    const compared = this.#ledger?.compared ?? null;
    const first = this.#first.kept;
    if (!compared || !this.#found) return this.#checkpoint;
    const keys = keptKeys({ suspects: compared.suspects, ...first });
    if (!this.#o.room.takes(this.#o.table, keys)) return this.#checkpoint;
    const { shape, places } = this.#found;
    const { tally, upTo, suspects } = compared;
    this.#checkpoint = {
      ...{ table: this.#o.table, basis: this.#o.basis, shape, ...tally, upTo, suspects },
      key: upTo === null ? null : readableKey(schemaOf(places), upTo),
      rechecked: this.#recheckedBefore + (this.#recheck?.total ?? 0),
      estimatedRows: this.#estimatedRows,
      ...first,
    };
    return this.#checkpoint;
  }

  async run(): Promise<TableResult> {
    const found = await this.#o.pool.use(sessionSet => findTable(sessionSet, this.#o));
    const { places } = found;
    const from = this.#begin(found);
    const recheck = this.#newRecheck(places);
    const scope = tableScope(schemaOf(places), this.#o.scope);
    const open: KeyRange = { after: this.#after(places), upTo: scope.upTo };
    const ledger = new RangeLedger(open.after);
    this.#takeUp({ ledger, recheck, open, from });
    [this.#recheck, this.#ledger] = [recheck, ledger];
    const workers = this.#workers({ ledger, recheck, open, from }, found, scope);
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
    await this.#o.pool.use(sessionSet => refuseChanged(sessionSet, this.#o, found));
    this.#result.rechecked = this.#recheckedBefore + recheck.total;
    const { settledTo } = ledger;
    // Nobody has compared what is in front of a scope.
    if (this.#result.truncated && settledTo !== null && this.#o.scope === null) {
      this.#result.settledTo = readableKey(schemaOf(places), settledTo);
    }
    this.#done = true;
    return this.#result;
  }

  /** Notes what is found, and answers where it is gone on; null: it is begun. */
  #begin(found: FoundTable): TableCheckpoint | null {
    const { from, table } = this.#o;
    const { sourceBytes, targetBytes, estimatedRows, shape } = found;
    Object.assign(this.#result, { sourceBytes, targetBytes });
    this.#estimatedRows = estimatedRows;
    this.#found = found;
    if (from === null) return null;
    if (from.shape !== shape) {
      const why = 'its columns, its route or its scope are others, or it was made anew';
      this.#resumption = { kept: [], anew: [{ table, why }] };
      this.#checkpoint = null;
      this.#o.room.leaves(table);
      Object.assign(this.#result, NO_TALLY);
      return null;
    }
    this.#recheckedBefore = Math.max(0, from.rechecked - from.suspects.length);
    this.#first.takeUp(from);
    return from;
  }

  /** What is compared already is a range like any other whose keys wait to be decided. */
  #takeUp({ ledger, recheck, open, from }: Under): void {
    if (from === null) return;
    const range = ledger.begin({ after: open.after, upTo: from.upTo });
    for (const key of from.suspects) recheck.add(key, range);
    range.compared(from);
  }

  #workers(under: Under, { places, rowBytes }: FoundTable, scope: TableScope): Promise<void>[] {
    const { ledger, recheck, open, from } = under;
    // Nothing is behind it.
    if (from !== null && from.upTo === null) return [];
    const fitting = Math.ceil(RANGE_BYTES / Math.max(1, rowBytes));
    const rangeRows = Math.min(this.#o.rangeRows, Math.max(fitting, RANGE_ROWS_MIN));
    const left = { after: from?.upTo ?? open.after, upTo: open.upTo };
    const walk = new RangeWalk(places.sources, left, rangeRows, scope.from);
    return Array.from({ length: this.#o.concurrency }, () =>
      this.#work({ walk, ledger }, places, recheck),
    );
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
      const rows = sourceRows(probe);
      this.#first.note(places, range, probe);
      const rangesDifferent = differingTargets(probe).length > 0 ? 1 : 0;
      open.compared({ rows, targetRows: targetRows(probe), ranges: 1, rangesDifferent });
      this.#result.rows += rows;
      this.#result.targetRows += targetRows(probe);
      this.#result.ranges += 1;
      await this.#o.rateLimit.spent(rows, this.#signal);
    }
  }

  async #probeFirstAgain(
    places: TablePlaces,
    recheck: Recheck,
    open: KeyRange,
    { from }: TableScope,
  ): Promise<void> {
    if (this.#signal.aborted) return;
    await this.#o.pool.use(async sessionSet => {
      const walk = new RangeWalk(places.sources, open, this.#o.leafRows, from);
      for await (const part of this.#first.again(sessionSet, places, walk)) {
        const targets = differingTargets(part.probe);
        if (targets.length === 0) continue;
        await this.#divide(sessionSet, places, recheck, { ...part, targets });
      }
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
}

function schemaOf(places: TablePlaces): Place['schema'] {
  const [first] = places.sources;
  if (first === undefined) throw new ReshardError('bug', 'a check without sources');
  return first.schema;
}

/** The server with the most rows of the range: dividing by its keys makes every part smaller. */
function biggestPlace(places: TablePlaces, probe: RangeProbe): { place: Place; rows: number } {
  const counted = [
    ...places.sources.map((place, i) => ({ place, rows: probe.sourceRows[i] ?? 0 })),
    ...places.targets.map((place, t) => ({ place, rows: probe.targets[t]?.count ?? 0 })),
  ];
  return counted.reduce((a, b) => (b.rows > a.rows ? b : a));
}
