/** The streaming check in a status: what both logs say of each table, of all its partitions. */
import type { Job } from '../../../shared/job/job.ts';
import {
  type ForeignWrite,
  parseStreamReport,
  STREAM_STATES,
  type StreamDoubt,
  type StreamedTable,
  type StreamState,
  streamSlot,
} from '../../../shared/job/state/stream-report.ts';
import type { Report } from '../../../shared/member/reporter.ts';

export interface StreamTableStatus {
  table: string;
  /** The worst of its partitions; `unknown` while one of them has said nothing. */
  state: StreamState;
  /** Equal on all targets as of then; 0: never yet. */
  equalMs: number;
  /** By source, the transactions as of which it is equal. */
  gtids: Record<string, string>;
}

export interface StreamStatus {
  tables: StreamTableStatus[];
  doubts: StreamDoubt[];
  /** The newest ones of each table, oldest first. */
  foreign: ForeignWrite[];
  foreignCount: number;
}

/** Null for a job without it. */
export function streamStatus(job: Job, reports: ReadonlyMap<string, Report>): StreamStatus | null {
  if (!job.options.streamingCheck) return null;
  const found = [...reports].filter(([key]) => streamSlot(key) !== null).map(([, r]) => r);
  const slots = found.map(r => parseStreamReport(r.detail));
  const foreign = slots.flatMap(s => s.foreign).sort((a, b) => a.atMs - b.atMs);
  return {
    tables: job.tables.map(({ name }) => {
      const parts = slots.flatMap(s => s.tables.filter(t => t.table === name));
      return tableStatus(name, parts, parts.length >= job.options.partitions);
    }),
    doubts: slots.flatMap(s => s.doubts),
    foreign,
    foreignCount: found.reduce((n, r) => n + (r.counters.foreign ?? 0), 0),
  };
}

function tableStatus(
  table: string,
  parts: readonly StreamedTable[],
  isWhole: boolean,
): StreamTableStatus {
  const states = new Set(parts.map(p => p.state));
  if (!isWhole) states.add('unknown');
  const oldest = parts.toSorted((a, b) => a.equalMs - b.equalMs)[0];
  const isKnown = isWhole && oldest !== undefined;
  return {
    table,
    state: STREAM_STATES.find(word => states.has(word)) ?? 'unknown',
    equalMs: isKnown ? oldest.equalMs : 0,
    gtids: isKnown ? oldest.gtids : {},
  };
}
