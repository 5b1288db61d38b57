/** What a snapshot member reports of its work: Prometheus metrics and the report of a source. */
import type { BrakeReason } from '../../shared/job/state/throttle.ts';
import type { UnitReport } from '../../shared/member/reporter.ts';
import { Counter, Gauge, Histogram, type Registry } from '../../shared/runtime/metric.ts';

export type SnapshotMetrics = ReturnType<typeof snapshotMetrics>;

export function snapshotMetrics(registry: Registry) {
  const registers = [registry];
  const labelNames = ['source', 'table'] as const;
  const counter = (name: string, help: string) =>
    new Counter({ name, help, labelNames, registers });
  return {
    rows: counter('reshard_snapshot_rows_total', 'Rows read and sent to the ordered writer'),
    chunks: counter('reshard_snapshot_chunks_total', 'Chunks sent to the ordered writer'),
    bytes: counter('reshard_snapshot_bytes_total', 'Encoded bytes sent to the ordered writer'),
    rejected: counter('reshard_snapshot_rejected_total', 'Chunks that had to be read again'),
    seconds: new Histogram({
      name: 'reshard_snapshot_chunk_seconds',
      help: 'Time to read a chunk',
      labelNames,
      registers,
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    }),
    throttled: new Counter({
      name: 'reshard_snapshot_throttled_seconds_total',
      help: 'Time in which the copy was braked, by reason: operator, rate, lag, load, replica',
      labelNames: ['source', 'reason'] as const,
      registers,
    }),
    unconfirmed: new Gauge({
      name: 'reshard_snapshot_unconfirmed_bytes',
      help: 'Chunk bytes sent and not yet known to be in the log',
      labelNames: ['source'] as const,
      registers,
    }),
  };
}

type Counts = { ranges: number; complete: number; reading: number; rejected: number };

export class SnapshotProgress {
  readonly #metrics: SnapshotMetrics;
  readonly #source: string;
  readonly #sums = { rows: 0, chunks: 0, bytes: 0, rejected: 0 };
  #counts: Counts = { ranges: 0, complete: 0, reading: 0, rejected: 0 };
  #unconfirmedBytes = 0;
  #brakes: readonly BrakeReason[] = [];
  #brakedAt = 0;
  /** Until when a table that was altered is said to wait, if it is not seen to go on. */
  readonly #waiting = new Map<string, number>();

  constructor(metrics: SnapshotMetrics, source: string) {
    this.#metrics = metrics;
    this.#source = source;
  }

  /** The table was altered: none of it is read until the log has come to that, or for `ms`. */
  waits(table: string, ms: number): void {
    this.#waiting.set(table, performance.now() + ms);
  }

  read(table: string, ms: number): void {
    this.#waiting.delete(table);
    this.#metrics.seconds.observe({ source: this.#source, table }, ms / 1000);
  }

  sent(table: string, rows: number, bytes: number): void {
    const labels = { source: this.#source, table };
    this.#metrics.rows.inc(labels, rows);
    this.#metrics.chunks.inc(labels);
    this.#metrics.bytes.inc(labels, bytes);
    this.#sums.rows += rows;
    this.#sums.chunks++;
    this.#sums.bytes += bytes;
  }

  rejected(table: string): void {
    this.#metrics.rejected.inc({ source: this.#source, table });
    this.#sums.rejected++;
  }

  state(counts: Counts, unconfirmedBytes: number): void {
    this.#counts = counts;
    this.#unconfirmedBytes = unconfirmedBytes;
    this.#metrics.unconfirmed.set({ source: this.#source }, unconfirmedBytes);
  }

  /** What brakes the copy now; what braked it until now is counted. */
  braked(brakes: readonly BrakeReason[]): void {
    const now = performance.now();
    const seconds = (now - this.#brakedAt) / 1000;
    for (const reason of this.#brakes) {
      this.#metrics.throttled.inc({ source: this.#source, reason }, seconds);
    }
    this.#brakes = brakes;
    this.#brakedAt = now;
  }

  report(paused: readonly string[]): UnitReport {
    return {
      counters: { ...this.#sums, unconfirmedBytes: this.#unconfirmedBytes },
      detail: { ranges: this.#counts, paused, brakes: this.#brakes, waiting: this.#waits() },
    };
  }

  #waits(): string[] {
    const now = performance.now();
    return [...this.#waiting].flatMap(([table, untilMs]) => (untilMs > now ? [table] : []));
  }
}
