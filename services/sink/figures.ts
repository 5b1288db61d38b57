/** What the sink tells of itself: a report for each slot and target, metrics, readiness. */
import { createHash } from 'node:crypto';
import type { UnitReport } from '../../shared/member/reporter.ts';
import { describeError, ReshardError } from '../../shared/runtime/error.ts';
import type { Readiness } from '../../shared/runtime/http.ts';
import { Counter, Gauge, type Registry } from '../../shared/runtime/metric.ts';
import type { Lane } from './lane.ts';
import type { Sink } from './sink.ts';
import type { Worker } from './worker.ts';

const UNITS_MAX = 5;

/** Rows that have waited for a unique value longer than the deadline, oldest first. */
export function overdue(lane: Lane, deadlineMs: number, nowMs: number): ReshardError | null {
  let count = 0;
  let oldest: { key: string; sinceMs: number; offset: number } | undefined;
  for (const [key, { sinceMs, offset }] of lane.parked) {
    if (nowMs - sinceMs < deadlineMs) continue;
    count += 1;
    if (oldest === undefined || sinceMs < oldest.sinceMs) oldest = { key, sinceMs, offset };
  }
  if (oldest === undefined) return null;
  const { key, sinceMs, offset } = oldest;
  return new ReshardError('collision', 'rows collide with rows of other keys in a unique value', {
    context: {
      table: lane.table.name,
      topic: lane.topic,
      partition: lane.partition,
      rows: count,
      seconds: Math.round((nowMs - sinceMs) / 1000),
      offset,
      keySha256: createHash('sha256').update(key, 'latin1').digest('hex').slice(0, 16),
    },
    remedy:
      'two sources have the same unique value, or the target had rows of its own: remove one of ' +
      'them; the parked rows (table reshard_park) go back by themselves',
  });
}

export class SinkFigures {
  readonly #sink: Sink;
  readonly #deadlineMs: number;

  constructor(sink: Sink, parkDeadlineMs: number, metrics: Registry) {
    this.#sink = sink;
    this.#deadlineMs = parkDeadlineMs;
    this.#register(metrics);
  }

  /** The report of one slot on one target. */
  slot(slot: number, target: number): UnitReport {
    const lanes = [...this.#sink.lanes].filter(
      ([l]) => l.partition === slot && l.target === target,
    );
    const sum = (of: (lane: Lane) => number): number => lanes.reduce((n, [l]) => n + of(l), 0);
    const error = this.#errorOf(lanes);
    return {
      state: error?.state ?? 'running',
      error: error?.text || null,
      counters: {
        rows: sum(l => l.total.rows),
        skipped: sum(l => l.total.skipped),
        parked: sum(l => l.parked.size),
        halted: sum(l => (l.state === 'halted' ? 1 : 0)),
        queuedBytes: sum(l => l.bytesQueued),
      },
      detail: {
        lanes: lanes.map(([l]) => ({ lane: l.name, state: l.state, next: l.position.next })),
      },
    };
  }

  readiness(): Readiness {
    const { slots, workers, lanes, intake, refused } = this.#sink;
    const down = workers.flat().filter(w => w.error !== null);
    const halted = [...lanes.keys()].filter(l => l.error !== null);
    return {
      ok: down.length === 0 && halted.length === 0 && refused.size === 0,
      detail: {
        slots: [...slots],
        targetsDown: [...new Set(down.map(w => w.target.name))],
        halted: halted.map(l => l.name),
        parked: [...lanes.keys()].reduce((n, l) => n + l.parked.size, 0),
        lanesApart: intake.apart,
      },
    };
  }

  #errorOf(
    lanes: readonly (readonly [Lane, Worker])[],
  ): { state: string; text: string } | undefined {
    const now = Date.now();
    const halted: ReshardError[] = [...this.#sink.refused.values()];
    for (const [lane] of lanes) {
      const error = lane.error ?? overdue(lane, this.#deadlineMs, now);
      if (error !== null) halted.push(error);
    }
    if (halted.length > 0) {
      const texts = halted.slice(0, UNITS_MAX).map(describeError);
      if (halted.length > UNITS_MAX) texts.push(`and ${halted.length - UNITS_MAX} more`);
      return { state: 'halted', text: texts.join('\n') };
    }
    const waiting = lanes.map(([, w]) => w.error).find(e => e !== null) ?? this.#sink.intake.error;
    if (waiting) return { state: 'backing-off', text: describeError(waiting) };
    return lanes.some(([l]) => l.state === 'waiting') ? { state: 'starting', text: '' } : undefined;
  }

  #register(metrics: Registry): void {
    const { workers, lanes, intake } = this.#sink;
    const registers = [metrics];
    const labelNames = ['target'];
    const total = (name: string, help: string, of: (w: Worker) => number): void => {
      new Counter({
        name: `reshard_sink_${name}`,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const w of workers.flat()) this.inc({ target: w.target.name }, of(w));
        },
      });
    };
    total('rows_total', 'row events applied', w => w.total.rows);
    total('written_rows_total', 'rows written after folding', w => w.total.written);
    total('bytes_total', 'record bytes applied', w => w.total.bytes);
    total('transactions_total', 'target transactions', w => w.total.transactions);
    total('retries_total', 'transactions tried again after a deadlock', w => w.total.retries);
    total('apply_seconds_total', 'time in transactions', w => w.total.busyMs / 1000);
    const gauge = (name: string, help: string, of: (lane: Lane) => number): void => {
      new Gauge({
        name: `reshard_sink_${name}`,
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const [lane, w] of lanes) this.inc({ target: w.target.name }, of(lane));
        },
      });
    };
    gauge('parked_rows', 'rows that wait for a unique value', l => l.parked.size);
    gauge('halted_lanes', 'table partitions stopped by an error', l => (l.error ? 1 : 0));
    gauge('queued_bytes', 'record bytes read ahead', l => l.bytesQueued);
    gauge('skipped_records', 'records found to be delivered twice', l => l.total.skipped);
    new Gauge({
      name: 'reshard_sink_lanes_apart',
      help: 'table partitions that are read apart because their target is behind',
      registers,
      collect() {
        this.set(intake.apart);
      },
    });
  }
}
