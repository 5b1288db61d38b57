/** What the binlog service reports of itself: Prometheus metrics and the progress of a source. */
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
  const live = new Set<BinlogProgress>();
  liveGauges(registers, live);
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
    /** One for each source that is this member's. */
    live,
  };
}

function liveGauges(registers: Registry[], live: ReadonlySet<BinlogProgress>): void {
  new Gauge({
    name: 'reshard_binlog_lag_seconds',
    help: 'How long the log has not been complete; 0 when it holds all of the source',
    labelNames: ['source'],
    registers,
    collect() {
      this.reset();
      for (const { source, lagSeconds } of [...live].map(p => p.gauges())) {
        if (lagSeconds !== null) this.set({ source }, lagSeconds);
      }
    },
  });
  new Gauge({
    name: 'reshard_binlog_position_bytes',
    help: 'Position in the binlog file that is being read',
    labelNames: ['source', 'file'],
    registers,
    collect() {
      this.reset();
      for (const { source, file, position } of [...live].map(p => p.gauges())) {
        if (file !== '') this.set({ source, file }, position);
      }
    },
  });
}

interface Parts {
  capture: Pick<
    Capture,
    'counts' | 'caughtUp' | 'lastCommitMs' | 'lastEventMs' | 'file' | 'filePos'
  >;
  writer: Pick<OrderedWriter, 'counts' | 'waitingMs' | 'epoch'>;
  intake: Pick<ChunkIntake, 'counts'>;
  /** What the source's clock is ahead of ours. */
  clockAheadMs: number;
  /** The dump waits for us: what has come to the source since, nobody has heard of. */
  isHeld: boolean;
}

/** The source sends a heartbeat every second: after so long without one, we know nothing newer. */
const HEARD_WITHIN_MS = 3000;
/** Nothing was committed later than now; clocks that run together differ by less. */
const CLOCK_TOLERANCE_MS = 1000;

/**
 * Counts of one source while this member has it, over all units that are built for it. Its gauges
 * are computed from what lives when they are asked for: one that was set would stay as it was when
 * the source has gone to another member, or while its unit stands still.
 */
export class BinlogProgress {
  readonly #metrics: BinlogMetrics;
  readonly #source: string;
  readonly #sums: Record<string, number> = {};
  #parts: Parts | null = null;
  #counted: Record<string, number> = {};
  /** What the log is known to hold all of the source up to, by the clock; null when nothing is. */
  #completeMs: number | null = null;

  constructor(metrics: BinlogMetrics, source: string) {
    this.#metrics = metrics;
    this.#source = source;
    metrics.live.add(this);
  }

  /** The source is another member's now. */
  close(): void {
    this.#metrics.live.delete(this);
  }

  /** The parts of a new unit; their counts begin at zero. */
  follow(parts: Parts | null): void {
    this.collect();
    this.#parts = parts;
    this.#counted = {};
  }

  committed(seconds: number): void {
    this.#metrics.commits.observe({ source: this.#source }, seconds);
  }

  /**
   * Seconds that the log is behind the source: by the commit time of the newest transaction in it,
   * or by how long something has waited for the log. It grows while nothing moves, whatever the
   * reason; null when nothing is known.
   */
  lagSeconds(nowMs = Date.now()): number | null {
    this.#note(nowMs);
    return this.#completeMs === null ? null : Math.max(0, nowMs - this.#completeMs) / 1000;
  }

  #note(nowMs: number): void {
    if (this.#parts === null) return;
    const { capture, writer, clockAheadMs, isHeld } = this.#parts;
    const { caughtUp, lastEventMs, lastCommitMs } = capture;
    if (!caughtUp && lastCommitMs === 0) return;
    const isHeard = !isHeld && nowMs - lastEventMs < HEARD_WITHIN_MS;
    const read = caughtUp ? (isHeard ? nowMs : lastEventMs) : lastCommitMs - clockAheadMs;
    // The source's clock was moved since we asked it: such a time says nothing of the lag.
    if (read > nowMs + CLOCK_TOLERANCE_MS) return;
    this.#completeMs = Math.max(this.#completeMs ?? 0, Math.min(read, nowMs - writer.waitingMs));
  }

  /** Adds what was counted since the last time. */
  collect(): void {
    if (this.#parts === null) return;
    this.#note(Date.now());
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
  }

  /** What the gauges show of this source now. */
  gauges(): { source: string; lagSeconds: number | null; file: string; position: number } {
    const { file = '', filePos: position = 0 } = this.#parts?.capture ?? {};
    return { source: this.#source, lagSeconds: this.lagSeconds(), file, position };
  }

  #grown(name: string, now: number): number {
    const more = now - (this.#counted[name] ?? 0);
    this.#counted[name] = now;
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

/**
 * What the source that is most behind is behind, in seconds; null where that is not known, as of
 * none. One that is `lateSeconds` behind is late, whatever is not known of the others.
 */
export function mostBehind(lags: readonly (number | null)[], lateSeconds: number): number | null {
  const known = lags.filter(lag => lag !== null);
  const most = Math.max(...known);
  return most >= lateSeconds || (known.length > 0 && known.length === lags.length) ? most : null;
}
