/**
 * A repair as durable records of the state topic. The order is the operator's word, written once by
 * the command; the run is how far control has carried it out, written by control alone. So a
 * command that dies or tires changes nothing, and a control that dies is followed by one that goes
 * on at the recorded round. A recopy has a run too, under its own id: its last part is the same.
 *
 * A run never gives up between two rounds: the first may have deleted rows that the second brings
 * back. It waits, says for what, and ends by a check of its tables.
 */
import type { Clear } from './job-view.ts';

/** A key to be read again. */
export interface WantedKey {
  table: string;
  /** Key columns by name; values as text, bytes as 0x... */
  key: Record<string, string>;
  /** The source that may delete; the others follow. */
  source: string;
  clear: Clear;
}

export interface RepairOrder {
  id: string;
  requestedMs: number;
  /** Who asked for it: user@host. */
  by: string;
  /** The check whose differences these are; null when the operator has named the keys. */
  check: string | null;
  keys: WantedKey[];
}

export type RunStage =
  /** Of a recopy: the ranges of the new generation are on their way into the log. */
  | 'copying'
  /** The requests of a round are in the state topic; their rows go through the log. */
  | 'repairing'
  /** A check of the tables runs. */
  | 'checking'
  /** The check has a verdict, and there is nothing more that a repair could do. */
  | 'done'
  /** It cannot go on; `error` says why. */
  | 'failed';

export interface RepairRun {
  id: string;
  stage: RunStage;
  tables: string[];
  /** How often keys were planned; the first time is 0. */
  pass: number;
  /** Round of the pass; its requests have the ids `<id>-<pass>-<round>-<number>`. */
  round: number;
  /** While repairing, the check whose differences are repaired (null: those of the order);
   * while checking and afterwards, the check that follows. */
  check: string | null;
  keys: number;
  /** Rows read again and appended to the log. */
  rows: number;
  /** Tombstones appended. */
  deleted: number;
  /** Keys of which the log had a newer event already. */
  newer: number;
  startedMs: number;
  stageMs: number;
  error: string | null;
}

export function isOpen(run: Pick<RepairRun, 'stage'>): boolean {
  return run.stage !== 'done' && run.stage !== 'failed';
}
