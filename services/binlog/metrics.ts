/** What the binlog service tells of itself: Prometheus metrics and the report of a source. */
import type { UnitReport } from '../../shared/member/reporter.ts';
import { Counter, Gauge, Histogram, type Registry } from '../../shared/runtime/metric.ts';
import type { Capture } from './capture/capture.ts';
import type { ChunkIntake } from './writer/chunk-intake.ts';
import type { OrderedWriter } from './writer/ordered-writer.ts';

export type BinlogMetrics = ReturnType<typeof binlogMetrics>;

export function binlogMetrics(registry: Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, ...more: L[]) =>
    new Counter({ name, help, labelNames: ['source', ...more], registers });
  return {
    changes: counter('reshard_binlog_changes_total', 'Row changes read from the binlog', 'op'),
    transactions: counter('reshard_binlog_transactions_total', 'Transactions of the source'),
    bytes: counter('reshard_binlog_bytes_total', 'Bytes of binlog events read'),
    records: counter('reshard_binlog_records_total', 'Records appended to the table topics'),
    chunkRows: counter(
      'reshard_binlog_chunk_rows_total',
      'Snapshot rows by what became of them',
      'fate',
    ),
    chunks: counter(
      'reshard_binlog_chunks_total',
      'Snapshot chunks by what became of them',
      'fate',
    ),
    commits: new Histogram({
      name: 'reshard_binlog_commit_seconds',
      help: 'Time to commit a batch to the log',
      labelNames: ['source'],
      registers,
      buckets: [0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 5],
    }),
    lag: new Gauge({
      name: 'reshard_binlog_lag_seconds',
      help: 'Age of the newest transaction that has been read; 0 when the source has none newer',
      labelNames: ['source'],
      registers,
    }),
    position: new Gauge({
      name: 'reshard_binlog_position_bytes',
      help: 'Position in the binlog file that is being read',
      labelNames: ['source', 'file'],
      registers,
    }),
  };
}

interface Parts {
  capture: Capture;
  writer: OrderedWriter;
  intake: ChunkIntake;
}

/** Counts of one source over all units that work on it in this process. */
export class BinlogProgress {
  readonly #metrics: BinlogMetrics;
  readonly #source: string;
  readonly #sums: Record<string, number> = {};
  #parts: Parts | null = null;
  #seen: Record<string, number> = {};

  constructor(metrics: BinlogMetrics, source: string) {
    this.#metrics = metrics;
    this.#source = source;
  }

  /** The parts of a new unit; their counts begin at zero. */
  follow(parts: Parts | null): void {
    this.collect();
    this.#parts = parts;
    this.#seen = {};
  }

  committed(seconds: number): void {
    this.#metrics.commits.observe({ source: this.#source }, seconds);
  }

  /** Seconds behind the source by its own commit times; null when nothing is known. */
  lagSeconds(): number | null {
    const capture = this.#parts?.capture;
    if (!capture) return null;
    if (capture.caughtUp) return 0;
    return capture.lastCommitMs === 0 ? null : (Date.now() - capture.lastCommitMs) / 1000;
  }

  /** Adds what was counted since the last time. */
  collect(): void {
    if (this.#parts === null) return;
    const { capture, writer, intake } = this.#parts;
    const m = this.#metrics;
    const source = this.#source;
    const { c, u, d, transactions, bytes } = capture.counts;
    m.changes.inc({ source, op: 'insert' }, this.#grown('inserts', c));
    m.changes.inc({ source, op: 'update' }, this.#grown('updates', u));
    m.changes.inc({ source, op: 'delete' }, this.#grown('deletes', d));
    m.transactions.inc({ source }, this.#grown('transactions', transactions));
    m.bytes.inc({ source }, this.#grown('bytes', bytes));
    m.records.inc({ source }, this.#grown('records', writer.counts.records));
    const { rows, dropped, accepted, rejected, passedOver } = intake.counts;
    m.chunkRows.inc({ source, fate: 'appended' }, this.#grown('chunkRows', rows));
    m.chunkRows.inc({ source, fate: 'dropped' }, this.#grown('chunkRowsDropped', dropped));
    m.chunks.inc({ source, fate: 'accepted' }, this.#grown('chunks', accepted));
    m.chunks.inc({ source, fate: 'rejected' }, this.#grown('chunksRejected', rejected));
    m.chunks.inc({ source, fate: 'passed over' }, this.#grown('chunksPassedOver', passedOver));
    this.#grown('commits', writer.counts.commits);
    m.lag.set({ source }, this.lagSeconds() ?? 0);
    m.position.reset();
    m.position.set({ source, file: capture.file }, capture.filePos);
  }

  #grown(name: string, now: number): number {
    const more = now - (this.#seen[name] ?? 0);
    this.#seen[name] = now;
    this.#sums[name] = (this.#sums[name] ?? 0) + more;
    return more;
  }

  report(): UnitReport {
    this.collect();
    const capture = this.#parts?.capture;
    const lagSeconds = this.lagSeconds();
    return {
      counters: { ...this.#sums, ...(lagSeconds === null ? {} : { lagSeconds }) },
      detail: {
        file: capture?.file ?? '',
        position: capture?.filePos ?? 0,
        caughtUp: capture?.caughtUp ?? false,
        epoch: this.#parts?.writer.epoch ?? 0,
      },
    };
  }
}
