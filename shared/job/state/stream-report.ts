/**
 * What the streaming check says of a slot, in the detail of its report `checker/stream/<slot>`: for
 * control, which takes a proof back by it and asks for checks, and for views. Information, as all
 * reports; what is durable of it is the checker's own.
 */

/** Sums of a bucket of keys that should be one and are not. */
export interface StreamDoubt {
  table: string;
  target: string;
  partition: number;
  bucket: number;
  /** The check that had found it equal. */
  base: string;
  /** Rows that the target has less than it should; below zero: more. */
  rows: number;
  /** The last cut at which the bucket was equal, and the first one at which it was not. */
  sinceMs: number;
  atMs: number;
  /** Of the target's topic: what has made it differ lies between these, or is missing there. */
  fromOffset: number;
  toOffset: number;
  /** Some of the keys that differ; none: not looked for yet, or too much had happened. */
  keys?: string[];
}

/** A change on a target that the job has not made. */
export interface ForeignWrite {
  table: string;
  target: string;
  gtid: string;
  op: 'insert' | 'update' | 'delete';
  key: string;
  atMs: number;
}

/**
 * Worst first. `unknown`: no check has compared it since the sums are kept, or something told too
 * little; `waits`: with keys that wait on a target.
 */
export const STREAM_STATES = ['differs', 'unknown', 'waits', 'equal'] as const;

export type StreamState = (typeof STREAM_STATES)[number];

/** What is known of a table partition. */
export interface StreamedTable {
  table: string;
  state: StreamState;
  /** Equal as of then, on all targets; 0: never yet. */
  equalMs: number;
  /** By source, the transactions as of which it is equal. */
  gtids: Record<string, string>;
  /** The check that this rests on. */
  base: string | null;
  /** Buckets of keys, of all targets, of which nothing is known. */
  unknown: number;
  /** From when on a check is wanted, to know more; null: none is. */
  wantedMs: number | null;
}

export interface StreamReport {
  tables: StreamedTable[];
  doubts: StreamDoubt[];
  foreign: ForeignWrite[];
  /** The newest question (`Comparison`) up to whose ends all of this is compared; null: none. */
  compared: string | null;
}

/** The slot that a report key is of; null: it is of something else. */
export function streamSlot(key: string): number | null {
  const slot = /^checker\/stream\/(\d+)$/.exec(key)?.[1];
  return slot === undefined ? null : Number(slot);
}

/** A unit that has just begun has not said anything yet. */
export function parseStreamReport(detail: string): StreamReport {
  const said: Partial<StreamReport> = JSON.parse(detail);
  const { tables = [], doubts = [], foreign = [], compared = null } = said;
  return { tables, doubts, foreign, compared };
}

export function doubtText(d: StreamDoubt): string {
  const { target, rows, sinceMs, atMs, partition, bucket, keys = [] } = d;
  const what =
    rows === 0
      ? 'rows that are not those of the sources'
      : `${Math.abs(rows)} ${rows > 0 ? 'rows less' : 'rows more'} than the sources`;
  const between = `between ${isoTime(sinceMs)} and ${isoTime(atMs)}`;
  const named = keys.length === 0 ? '' : `, keys ${keys.map(k => `(${k})`).join(' ')}`;
  return `target ${target} has ${what} ${between} (partition ${partition}, bucket ${bucket}${named})`;
}

export function foreignText({ target, op, key, gtid, atMs }: ForeignWrite): string {
  const what = `${op} of key ${key} on target ${target} (${gtid})`;
  return `somebody else has written to it: ${what}, seen at ${isoTime(atMs)}`;
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
