/**
 * The world as a cutover meets it: what it asks of servers and of the pipeline, and what it does to
 * them. The order of all that is in attempt.ts, which knows no SQL; mysql-site.ts is the real one.
 *
 * Contract
 * - A fence is one session on a source. While it is open nobody else's fence of the job is: opening
 *   one ends the session of whoever had it (a control that was stopped and wakes up late), and
 *   returns when that one's last statement is over. A fence that was ended throws from then on, and
 *   never opens itself again: what it would still do is done by nobody.
 * - Whatever throws may have happened, or not: only `look` tells.
 * - Every call ends within seconds, but for `open`, which has the budget of the job file.
 */
import type { FrozenBy, FrozenSource } from '../../../shared/job/state/cutover.ts';
import type { ProbeAnswer } from '../../../shared/mysql/write-probe.ts';
import type { Gate } from './gate.ts';

export interface FenceState {
  serverUuid: string;
  /** read_only or super_read_only is on. */
  isReadOnly: boolean;
  /** The fence stands. */
  isFrozen: boolean;
  /** Prepared XA transactions: frozen, they can neither be committed nor rolled back. */
  preparedXa: number;
  /** What is persisted of the two, by name; what is not is left out. */
  persisted: Record<string, string>;
  /** What whoever lifts it has to know besides; it is recorded before anything is frozen. */
  by?: FrozenBy;
  /** Why the fence does not stand, or nobody knows whether it does. */
  why?: string;
}

export interface Fence extends AsyncDisposable {
  readonly source: string;
  /** What is frozen tells whose it is: it is lifted on whichever server it is found. */
  readonly isSigned: boolean;
  /** What lifts it by hand. */
  readonly byHand: string;
  look(): Promise<FenceState>;
  /** False while a cutover of another job freezes this server; else none begins meanwhile. */
  claim(): Promise<boolean>;
  /**
   * False when statements of others kept it from being done in time: writes go on as before. By
   * what the look before it has told, no more and no less. True says that it may be frozen: the
   * probe tells.
   */
  freeze(lockSeconds: number): Promise<boolean>;
  /** What is frozen stays so when the server is restarted. */
  persist(): Promise<void>;
  /** Writes are open again, and persisted is what was before: OFF, or nothing. */
  lift(persisted: Record<string, string>): Promise<void>;
  /** The sink may write again, by an account that may end connections; all others are refused. */
  letSinkThrough(): Promise<void>;
  /** Transactions that the source has committed; asked while it is frozen. */
  position(): Promise<string>;
}

export interface OpenOutcome {
  kind: 'none' | 'done' | 'failed' | 'unknown';
  text: string;
}

/** The log of the servers that the application goes to: rows will be carried from there. */
export interface TurnLog {
  /** What it lacks of the positions of these servers, by their names; null: nothing. */
  lacks(positions: Readonly<Record<string, string>>): Promise<string | null>;
  /** By topic, the ends of its partitions. */
  ends(): Promise<Record<string, number[]>>;
}

/** Of one way: what it calls sources is what the application leaves, targets where it goes. */
export interface CutoverSite {
  /** Null where rows are not carried the other way afterwards: there is no way back. */
  readonly turn: TurnLog | null;
  gates(): Promise<Gate[]>;
  /** `frozen`: the record of one that is frozen, or may be, whatever the job file says by now. */
  fence(source: string, frozen?: FrozenSource): Promise<Fence>;
  probe(source: string, frozen?: FrozenSource): Promise<ProbeAnswer>;
  /** By topic of what the application leaves, the ends of its partitions. */
  ends(): Promise<Record<string, number[]>>;
  /** What log and targets still lack of the positions, and rows that wait; null: nothing. */
  lacks(positions: ReadonlyMap<string, string>): Promise<string | null>;
  /**
   * What is still missing of the positions, as the log goes on: asked again and again until null,
   * which says that everything up to them was on the targets.
   */
  marker(positions: ReadonlyMap<string, string>): () => Promise<string | null>;
  /** Writes a row of ours to each target, in a table of our own. */
  mark(id: string): Promise<void>;
  /** By target, the transactions that it has committed. */
  targetPositions(): Promise<Record<string, string>>;
  /** AUTO_INCREMENT, now that the sources give out no more. */
  idGates(): Promise<Gate[]>;
  /** Sinks of legs before this one write to no target any more, whatever they know. */
  shutOut(leg: number): Promise<void>;
  /** Runs the open command; never throws. */
  open(cutover: string): Promise<OpenOutcome>;
  /** Its rehearsal; `none`: there is none, and a shell that does nothing stood in for it. */
  rehearseOpen(): Promise<OpenOutcome>;
}
