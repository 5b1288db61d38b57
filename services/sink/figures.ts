/** What the sink tells of itself: a report for each slot and target, metrics, readiness. */
import type { UnitReport } from '../../shared/member/reporter.ts';
import { describeError, type ErrorContext, ReshardError } from '../../shared/runtime/error.ts';
import type { Readiness } from '../../shared/runtime/http.ts';
import { Counter, Gauge, type Registry } from '../../shared/runtime/metric.ts';
import type { BlockedKey, Lane, ParkedKey } from './lane.ts';
import { keyHash } from './park.ts';
import type { Sink } from './sink.ts';
import type { Worker } from './worker.ts';

const UNITS_MAX = 5;

/** Rows that have waited for a unique value longer than the deadline, oldest first. */
export function overdue(lane: Lane, deadlineMs: number, nowMs: number): ReshardError | null {
  const late = [...lane.parked].filter(([, { sinceMs }]) => nowMs - sinceMs >= deadlineMs);
  const first = oldest(late);
  if (first === undefined) return null;
  return new ReshardError('collision', 'rows collide with rows of other keys in a unique value', {
    context: { ...placeOf(lane), rows: late.length, ...waiting(first, nowMs) },
    remedy:
      'two sources have the same unique value, or the target had rows of its own: remove one of ' +
      'them; the parked rows (table reshard_park) go back by themselves',
  });
}

/** Keys whose newest event the target refuses, or nobody can read. */
export function blocked(lane: Lane, deadLetters: string, nowMs: number): ReshardError | null {
  const first = oldest<BlockedKey>([...lane.blocked]);
  if (first === undefined) return null;
  const [, { why, reason }] = first;
  const what = reason === 'refused' ? 'the target refuses rows' : 'records cannot be read';
  return new ReshardError(why.kind, `${what}, their keys are blocked: ${why.text}`, {
    context: {
      ...placeOf(lane),
      keys: lane.blocked.size,
      ...waiting(first, nowMs),
      errno: why.errno,
    },
    remedy:
      reason === 'refused'
        ? 'make the target table like the source table; the rows (table reshard_park) are tried ' +
          `again by themselves, and their records are in the topic ${deadLetters}`
        : `look at the records in the topic ${deadLetters}; a newer event of a key, or a version ` +
          'of this service that can read them, ends the block',
  });
}

function lettersWait(error: string, topic: string): ReshardError {
  return new ReshardError('broker', `dead letters wait for the topic ${topic}: ${error}`, {
    remedy: 'look at the topic (reshard topics); control makes it when it starts',
  });
}

function oldest<T extends ParkedKey>(keys: readonly [string, T][]): [string, T] | undefined {
  const [first, ...rest] = keys;
  if (first === undefined) return undefined;
  return rest.reduce((a, b) => (b[1].sinceMs < a[1].sinceMs ? b : a), first);
}

function placeOf(lane: Lane): ErrorContext {
  return { table: lane.table.name, topic: lane.topic, partition: lane.partition };
}

/** Of the key that waits longest. */
function waiting([key, { sinceMs, offset }]: [string, ParkedKey], nowMs: number): ErrorContext {
  const seconds = Math.round((nowMs - sinceMs) / 1000);
  return { seconds, offset, keySha256: keyHash(key).slice(0, 16) };
}

export class SinkFigures {
  readonly #sink: Sink;
  readonly #deadlineMs: number;
  readonly #deadLetters: string;

  constructor(sink: Sink, o: { parkDeadlineMs: number; deadLetters: string; metrics: Registry }) {
    this.#sink = sink;
    this.#deadlineMs = o.parkDeadlineMs;
    this.#deadLetters = o.deadLetters;
    this.#register(o.metrics);
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
        blocked: sum(l => l.blocked.size),
        letters: sum(l => l.letters),
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
        blocked: [...lanes.keys()].reduce((n, l) => n + l.blocked.size, 0),
        lanesApart: intake.apart,
      },
    };
  }

  #errorOf(
    lanes: readonly (readonly [Lane, Worker])[],
  ): { state: string; text: string } | undefined {
    const now = Date.now();
    const halted: ReshardError[] = [...this.#sink.refused.values()];
    const blocks: ReshardError[] = [];
    for (const [lane] of lanes) {
      const error = lane.error ?? overdue(lane, this.#deadlineMs, now);
      if (error !== null) halted.push(error);
      const block = blocked(lane, this.#deadLetters, now);
      if (block !== null) blocks.push(block);
    }
    const unsent = new Set(
      lanes.flatMap(([l, w]) => (l.letters > 0 ? (w.letters.error ?? []) : [])),
    );
    for (const error of unsent) blocks.push(lettersWait(error, this.#deadLetters));
    if (halted.length > 0) return { state: 'halted', text: textOf([...halted, ...blocks]) };
    const away = lanes.map(([, w]) => w.error).find(e => e !== null) ?? this.#sink.intake.error;
    if (away) return { state: 'backing-off', text: textOf([away, ...blocks]) };
    if (blocks.length > 0) return { state: 'blocked', text: textOf(blocks) };
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
    total('dead_letters_total', 'dead letters in their topic', w => w.letters.total);
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
    gauge('blocked_keys', 'keys whose newest event cannot be applied', l => l.blocked.size);
    gauge('dead_letters_waiting', 'dead letters on their way to the topic', l => l.letters);
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

function textOf(errors: readonly ReshardError[]): string {
  const texts = errors.slice(0, UNITS_MAX).map(describeError);
  if (errors.length > UNITS_MAX) texts.push(`and ${errors.length - UNITS_MAX} more`);
  return texts.join('\n');
}
