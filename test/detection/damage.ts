/**
 * One kind of damage of the detection table: what somebody does to the targets of a running job
 * behind its back, and what a check has to say of it. docs/CHECKS.md lists them.
 */
import type { DifferenceKind } from '../../shared/job/state/check-result.ts';

/** A difference as the check, the oracle and the tests name it. */
export interface Told {
  table: string;
  kind: DifferenceKind;
  /** Values of the key, joined by commas. */
  key: string;
  /** The columns that differ, where the kind of damage says so. */
  columns?: readonly string[];
}

export interface Damage {
  /** What is wrong, for people; unique. */
  what: string;
  /** Statements on the source, which the targets follow before the damage is done. */
  before?: readonly string[];
  /** Statements on the targets, in order. */
  done: readonly { target: number; sql: string }[];
  /** Nothing: it is no difference, and must not be told as one. */
  told: readonly Told[];
  /** Rows that were written to and are as before, by table and key: foreign writes alone. */
  undone?: readonly string[];
  /** A statement that no row event tells of: the log of the target stands at it. */
  isStatement?: boolean;
  /** Not written to the binary log: no log has it, and the check of every row alone finds it. */
  isUnlogged?: boolean;
  /** More rows than the streaming check names: it is done when all others were told. */
  isRun?: boolean;
}

/** A table of the job: how it is made, and how it is filled. */
export interface DetectionTable {
  name: string;
  /** Its key is a text, which the oracle tells in hex. */
  hasTextKey?: boolean;
  create: string;
  fill: readonly string[];
}

export const TARGETS = 2;

/** The target of a row: all tables are routed by `customer_id`, which is the row's id. */
export function targetOf(id: number): number {
  return id % TARGETS;
}

export function otherTarget(id: number): number {
  return (id + 1) % TARGETS;
}

export function toldText({ table, kind, key }: Told): string {
  return `${table} ${key} ${kind}`;
}
