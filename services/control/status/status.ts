/** What is known of a running job at one moment: the shape of `reshard status --json`. */
export interface TableStatus {
  table: string;
  /** Rows read by the snapshot and in the log. */
  done: number;
  /** Estimate until the table is complete, exact afterwards. */
  total: number;
  rowsPerSecond: number;
  etaSeconds: number | null;
  rangesDone: number;
  rangesTotal: number;
  rejectedChunks: number;
  complete: boolean;
}

export interface SourceStatus {
  source: string;
  /** Seconds that the log is behind the source; 0 when it holds all that is committed. */
  lagSeconds: number | null;
  caughtUp: boolean;
  file: string;
  pos: number;
  gtid: string;
  epoch: number;
  /** Records in the log since the job began. */
  records: number;
  recordsPerSecond: number;
}

export interface TargetStatus {
  target: string;
  /** Records in the log that the target has not applied. */
  lagRecords: number;
  rows: number;
  rowsPerSecond: number;
  /** Rows that wait for a unique value. */
  parked: number;
  /** Keys whose newest event the target refuses, or nobody can read. */
  blocked: number;
  reachable: boolean;
}

export interface ServiceStatus {
  service: string;
  unit: string;
  member: string;
  state: string;
  error: string | null;
  ageSeconds: number;
}

/** A process of the job. */
export interface MemberStatus {
  service: string;
  member: string;
  state: string;
  ageSeconds: number;
}

/** Why the copy stands still. */
export interface PauseStatus {
  reason: string;
  by: string;
  sinceMs: number;
}

export interface Status {
  job: string;
  phase: string;
  sinceMs: number;
  startedMs: number;
  tables: TableStatus[];
  sources: SourceStatus[];
  targets: TargetStatus[];
  services: ServiceStatus[];
  members: MemberStatus[];
  /** Empty while the copy may run. */
  pauses: PauseStatus[];
  /** In the phase `prepare`: what it waits for. */
  waiting: string | null;
  /** The log has all that the sources have, the targets all that the log has, and no row waits. */
  drained: boolean;
  /** Units that wait for the operator. */
  halted: number;
}
