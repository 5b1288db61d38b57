/** What the sink reports of itself: each slot on each target, metrics, readiness. */
import type { UnitReport } from '../../shared/member/reporter.ts';
import {
  describeError,
  type ErrorContext,
  ReshardError,
  unreachable,
} from '../../shared/runtime/error.ts';
import type { Readiness } from '../../shared/runtime/http.ts';
import { Counter, Gauge, type Registry } from '../../shared/runtime/metric.ts';
import { keyHash } from './destination/waiting.ts';
import type { Worker } from './destination/worker.ts';
import type { BlockedKey, BlockReason, ParkedKey, PartitionTask } from './intake/partition-task.ts';
import type { Sink } from './sink.ts';

const UNITS_MAX = 5;

const WHAT_BLOCKS: Record<BlockReason, string> = {
  refused: 'the target refuses rows',
  unreadable: 'records cannot be read',
  collision: 'two sources have the same key',
};
const ONE_KEY =
  'delete one of the two rows at its source, or give it another key there; what waits (table ' +
  'reshard_park) goes in by itself';

/** Rows that have waited for a unique value longer than the deadline, oldest first. */
export function overdue(
  task: PartitionTask,
  deadlineMs: number,
  nowMs: number,
): ReshardError | null {
  const late = [...task.parked].filter(([, { sinceMs }]) => nowMs - sinceMs >= deadlineMs);
  const first = oldest(late);
  if (first === undefined) return null;
  const [, { why }] = first;
  if (why !== undefined) {
    return new ReshardError('collision', `rows wait for another source: ${why.text}`, {
      context: { ...placeOf(task), rows: late.length, ...waiting(first, nowMs) },
      remedy: ONE_KEY,
    });
  }
  return new ReshardError('collision', 'rows collide with rows of other keys in a unique value', {
    context: { ...placeOf(task), rows: late.length, ...waiting(first, nowMs) },
    remedy:
      'two sources have the same unique value, or the target had rows of its own: remove one of ' +
      'them; the parked rows (table reshard_park) go back by themselves',
  });
}

/** Keys whose newest event the target refuses, or nobody can read. */
function blocked(task: PartitionTask, deadLetters: string, nowMs: number): ReshardError | null {
  const first = oldest<BlockedKey>([...task.blocked]);
  if (first === undefined) return null;
  const [, { why, reason }] = first;
  const what = WHAT_BLOCKS[reason];
  return new ReshardError(why.kind, `${what}, their keys are blocked: ${why.text}`, {
    context: {
      ...placeOf(task),
      keys: task.blocked.size,
      ...waiting(first, nowMs),
      errno: why.errno,
    },
    remedy: blockRemedy(reason, deadLetters),
  });
}

function blockRemedy(reason: BlockReason, deadLetters: string): string {
  switch (reason) {
    case 'refused':
      return (
        'make the target table like the source table; the rows (table reshard_park) are tried ' +
        `again by themselves, and their records are in the topic ${deadLetters}`
      );
    case 'unreadable':
      return (
        `look at the records in the topic ${deadLetters}; a newer event of a key, or a version of ` +
        'this service that can read them, ends the block'
      );
    case 'collision':
      return `${ONE_KEY}; the records of the rows that wait are in the topic ${deadLetters}`;
    default:
      return unreachable(reason);
  }
}

function deadLettersWait(error: string, topic: string): ReshardError {
  return new ReshardError('broker', `dead letters wait for the topic ${topic}: ${error}`, {
    remedy: 'look at the topic (`reshard topics <job file>`); control makes it when it starts',
  });
}

function oldest<T extends ParkedKey>(keys: readonly [string, T][]): [string, T] | undefined {
  const [first, ...rest] = keys;
  if (first === undefined) return undefined;
  return rest.reduce((a, b) => (b[1].sinceMs < a[1].sinceMs ? b : a), first);
}

function placeOf(task: PartitionTask): ErrorContext {
  return { table: task.table.name, topic: task.topic, partition: task.partition };
}

/** Of the key that waits longest. */
function waiting([key, { sinceMs, offset }]: [string, ParkedKey], nowMs: number): ErrorContext {
  const seconds = Math.round((nowMs - sinceMs) / 1000);
  return { seconds, offset, keySha256: keyHash(key).slice(0, 16) };
}

export class SinkProgress {
  readonly #sink: Sink;
  readonly #deadlineMs: number;
  readonly #deadLetters: string;
  readonly #metrics: Registry;
  readonly #names: string[] = [];

  constructor(sink: Sink, o: { parkDeadlineMs: number; deadLetters: string; metrics: Registry }) {
    this.#sink = sink;
    this.#deadlineMs = o.parkDeadlineMs;
    this.#deadLetters = o.deadLetters;
    this.#metrics = o.metrics;
    this.#register(o.metrics);
  }

  /** The metrics are free for the next sink of this process. */
  close(): void {
    for (const name of this.#names) this.#metrics.removeSingleMetric(name);
  }

  /** The report of one slot on one target. */
  slot(slot: number, target: number): UnitReport {
    const tasks = [...this.#sink.tasks].filter(
      ([l]) => l.partition === slot && l.target === target,
    );
    const sum = (of: (task: PartitionTask) => number): number =>
      tasks.reduce((n, [l]) => n + of(l), 0);
    const error = this.#errorOf(tasks);
    return {
      state: error?.state ?? 'running',
      error: error?.text || null,
      counters: {
        rows: sum(l => l.total.rows),
        skipped: sum(l => l.total.skipped),
        parked: sum(l => l.parked.size),
        blocked: sum(l => l.blocked.size),
        deadLetters: sum(l => l.deadLetters),
        halted: sum(l => (l.state === 'halted' ? 1 : 0)),
        queuedBytes: sum(l => l.bytesQueued),
        queuedRecords: sum(l => l.recordsQueued),
      },
      detail: {
        tasks: tasks.map(([l]) => ({
          task: l.name,
          topic: l.topic,
          state: l.state,
          next: l.position.next,
          /** Keys that are known to be wrong on the target: control takes the word back. */
          stuck: l.blocked.size + (overdue(l, this.#deadlineMs, Date.now()) === null ? 0 : 1),
          /** Rows that waited and are gone: what was proven before says nothing any more. */
          ...(l.lost === null ? {} : { lost: l.lost }),
        })),
      },
    };
  }

  readiness(): Readiness {
    const { slots, workers, tasks, intake, refused } = this.#sink;
    const down = workers.flat().filter(w => w.error !== null);
    const halted = [...tasks.keys()].filter(l => l.isHalted);
    return {
      ok: down.length === 0 && halted.length === 0 && refused.size === 0,
      detail: {
        slots: [...slots],
        targetsDown: [...new Set(down.map(w => w.target.name))],
        halted: halted.map(l => l.name),
        parked: [...tasks.keys()].reduce((n, l) => n + l.parked.size, 0),
        blocked: [...tasks.keys()].reduce((n, l) => n + l.blocked.size, 0),
        tasksApart: intake.apart,
      },
    };
  }

  #errorOf(
    tasks: readonly (readonly [PartitionTask, Worker])[],
  ): { state: string; text: string } | undefined {
    const now = Date.now();
    const halted: ReshardError[] = [...this.#sink.refused.values()];
    const blocks: ReshardError[] = [];
    for (const [task] of tasks) {
      const error = (task.isHalted ? task.error : null) ?? overdue(task, this.#deadlineMs, now);
      if (error !== null) halted.push(error);
      const block = blocked(task, this.#deadLetters, now);
      if (block !== null) blocks.push(block);
    }
    const unsent = new Set(
      tasks.flatMap(([l, w]) => (l.deadLetters > 0 ? (w.deadLetters.error ?? []) : [])),
    );
    for (const error of unsent) blocks.push(deadLettersWait(error, this.#deadLetters));
    if (halted.length > 0) return { state: 'halted', text: textOf([...halted, ...blocks]) };
    const away = tasks.map(([, w]) => w.error).find(e => e !== null) ?? this.#sink.intake.error;
    if (away) return { state: 'backing-off', text: textOf([away, ...blocks]) };
    if (blocks.length > 0) return { state: 'blocked', text: textOf(blocks) };
    return tasks.some(([l]) => l.state === 'waiting') ? { state: 'starting', text: '' } : undefined;
  }

  #register(metrics: Registry): void {
    const { workers, tasks, intake } = this.#sink;
    const registers = [metrics];
    const labelNames = ['target'];
    const named = (rest: string): string => {
      const name = `reshard_sink_${rest}`;
      this.#names.push(name);
      return name;
    };
    const total = (name: string, help: string, of: (w: Worker) => number): void => {
      new Counter({
        name: named(name),
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
    total('dead_letters_total', 'dead letters in their topic', w => w.deadLetters.total);
    total('apply_seconds_total', 'time in transactions', w => w.total.busyMs / 1000);
    const gauge = (name: string, help: string, of: (task: PartitionTask) => number): void => {
      new Gauge({
        name: named(name),
        help,
        labelNames,
        registers,
        collect() {
          this.reset();
          for (const [task, w] of tasks) this.inc({ target: w.target.name }, of(task));
        },
      });
    };
    gauge('parked_rows', 'rows that wait for a unique value', l => l.parked.size);
    gauge('blocked_keys', 'keys whose newest event cannot be applied', l => l.blocked.size);
    gauge('dead_letters_waiting', 'dead letters on their way to the topic', l => l.deadLetters);
    gauge('halted_partitions', 'table partitions stopped by an error', l => (l.isHalted ? 1 : 0));
    gauge('queued_bytes', 'record bytes read ahead', l => l.bytesQueued);
    gauge('skipped_records', 'records found to be delivered twice', l => l.total.skipped);
    new Gauge({
      name: named('partitions_apart'),
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
