/** What is known of a running job at one moment: the shape of `reshard status --json`. */
import type { Way } from '../../../shared/job/state/cutover.ts';
import type { HandoverRun } from '../../../shared/job/state/handover.ts';
import type { Rehearsal } from '../../../shared/job/state/rehearsal.ts';
import type { CutoverStatus } from './cutover-status.ts';
import type { CheckStatus, ProofStatus, RepairStatus } from './proof-status.ts';
import type { StreamStatus } from './stream-status.ts';
import type { ThrottleStatus } from './throttle-status.ts';

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
  /** Sources at which it was altered: none of it is copied until their logs have come to that. */
  waitsForLog: string[];
}

export interface SourceStatus {
  source: string;
  /**
   * Seconds that the log is behind the source: 0 when it holds all that is committed, else at most
   * the time since it last did; it grows while nothing moves. Null when either side is unknown.
   */
  lagSeconds: number | null;
  /** By position: the log holds all that the source has committed. False when that is unknown. */
  caughtUp: boolean;
  /** Why the source, or its progress in Kafka, cannot be asked; null when both answer. */
  unknown: string | null;
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
  /**
   * Records in the log, those of open transactions included, that the target has not passed. Null
   * when the target or the log cannot be asked.
   */
  lagRecords: number | null;
  rows: number;
  rowsPerSecond: number;
  /** Rows that wait for a unique value. */
  parked: number;
  /** Keys whose newest event the target refuses, or nobody can read. */
  blocked: number;
  reachable: boolean;
  /** Why the target cannot be asked; null when it answers. */
  unknown: string | null;
}

/** A topic that holds changes of a table; listed when it is not as it should be. */
export interface TopicStatus {
  topic: string;
  source: string;
  table: string;
  /** `gone`: Kafka answers, and has no such topic. `unknown`: Kafka does not answer for it. */
  state: 'gone' | 'unknown';
  /** What happened and what to do. */
  error: string;
}

/**
 * A unit of a service. `state` is what it reports (starting, running, backing-off, halted, blocked,
 * stopped), or what its reports let us conclude: `silent` when they have ended, `missing` when the
 * plan asks for the unit and nobody has ever reported it.
 */
export interface ServiceStatus {
  service: string;
  unit: string;
  /** Empty when nobody has ever reported the unit. */
  member: string;
  state: string;
  error: string | null;
  /** Since its last report; since the start of the job if there was none. */
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

/** A table of which the newest check has found that the targets hold something else. */
export interface DifferingTable {
  /** Empty when only the number of all tables together is known. */
  table: string;
  verifyId: string;
  differences: number;
  /** The check gave the table up: there may be more. */
  truncated: boolean;
}

/** A server beside sources, targets and brokers that does not answer. */
export interface RegistryStatus {
  error: string;
}

/** A log of a server that nobody reads on: what comes to its tables is known to no one. */
export interface UnreadLog {
  server: string;
  /** In one line. */
  why: string;
}

export interface WayBackStatus {
  /** Which way rows are carried, by the newest journal. */
  carries: Way;
  /** Since the journal nobody carries them yet: the servers are being made ready for it. */
  isTurning: boolean;
  /** The headline of what carries rows back; null while it cannot be asked. */
  headline: { level: Level; text: string } | null;
  /** Seconds that the log of the targets is behind the worst of them; null: not known. */
  lagSeconds: number | null;
  /** Records of the log that the sources lack; null: not known, or nothing is carried back. */
  lagRecords: number | null;
  /** Of the servers whose rows would be carried back. */
  unread: UnreadLog[];
}

/** All that was asked and answered, without a judgement. */
export interface StatusFacts {
  job: string;
  phase: string;
  sinceMs: number;
  startedMs: number;
  tables: TableStatus[];
  sources: SourceStatus[];
  targets: TargetStatus[];
  /** Table topics that are gone or cannot be asked. */
  topics: TopicStatus[];
  services: ServiceStatus[];
  members: MemberStatus[];
  /** By table; the job is verified when each is proven. */
  proofs: ProofStatus[];
  checks: CheckStatus[];
  /** What both logs say of the tables; null without the streaming check. */
  stream: StreamStatus | null;
  /** When a check starts by itself next, if the targets are in step then; null: none does. */
  nextCheckMs: number | null;
  repairs: RepairStatus[];
  /** Empty while the copy may run. */
  pauses: PauseStatus[];
  /** Limits of the copy, and what brakes it. */
  throttle: ThrottleStatus;
  /** In the phase `prepare`: what it waits for. */
  waiting: string | null;
  /** Null while the schema registry answers. */
  registry: RegistryStatus | null;
  /** What is known to differ, until a later check finds it equal. */
  differing: DifferingTable[];
  /** The newest; null if there has been none. */
  cutover: CutoverStatus | null;
  /** The newest handover; null: there has been none. */
  handover: Pick<HandoverRun, 'id' | 'stage' | 'stageMs' | 'gtid' | 'why'> | null;
  /** Null where the job file has no `cutover.back`. */
  wayBack: WayBackStatus | null;
  /** The last ten that were whole, oldest first. */
  rehearsals: Rehearsal[];
}

/** What a problem is called, the worst first. */
export type ProblemWord = (typeof PROBLEM_WORDS)[number];

export const PROBLEM_WORDS = [
  'fence-lost',
  'unopened',
  'frozen',
  'way-back',
  'halted',
  'log-gone',
  'blocked',
  'differing',
  'doubt',
  'silent',
  'missing',
  'stopped',
  'unknown',
  'backing-off',
  'handing',
  'way-back-waits',
  'waiting',
  'starting',
  'registry-away',
  'paused',
  'throttled',
] as const;

/** What a job without problems is called, from the beginning to the end. */
export type CalmWord = 'copying' | 'behind' | 'flowing' | 'drained' | 'verified' | 'switched';

/** `failure` and `warning` are red and yellow, `good` is green, `normal` is neither. */
export type Level = 'failure' | 'warning' | 'normal' | 'good';

/** The worst thing that is true of the job, in one line. */
export interface Headline {
  word: ProblemWord | CalmWord;
  level: Level;
  text: string;
}

export interface Status extends StatusFacts {
  headline: Headline;
  /**
   * Every table is copied, the log has all that the sources have, the targets all that the log has,
   * no row waits, and every unit that carries rows is at work.
   */
  drained: boolean;
  /** Units that wait for the operator. */
  halted: number;
}
