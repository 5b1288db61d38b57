/**
 * That tables are to be compared: a record of the state topic, written once, by whoever asks. Those
 * that control has asked for itself, for a repair or by the schedule, it removes when nothing rests
 * on them any more; then the report of the check goes too.
 */
import type { CheckScope } from './check-scope.ts';

export interface VerifyRequest {
  id: string;
  requestedMs: number;
  /** Empty: all. */
  tables: string[];
  /** Who asked for it: user@host, or the run that it is of; empty in what older versions wrote. */
  by?: string;
  /** Tables of which the rows behind a key alone are compared. */
  after?: Record<string, Record<string, string>>;
  /** Of the one table that is named: which of its rows are compared. */
  scope?: CheckScope | null;
}
