/**
 * What a transaction does to the rows that wait (parked or blocked) and to the dead letters of its
 * lanes; the lanes take it over once it has committed. Bounded: too many blocked keys in a lane
 * are no poisoned rows but a table that does not fit, and then the lane stops as a whole.
 */
import { ReshardError } from '../../shared/runtime/error.ts';
import type { Lane } from './lane.ts';
import type { Letter } from './letters.ts';
import type { ParkedRow } from './park.ts';

/** Blocked keys of a lane. */
export const BLOCKED_MAX = 1000;
/** Dead letters of a lane that its topic has not taken yet. */
const LETTERS_MAX = 5000;

export class WaitingChange {
  readonly parked: ParkedRow[] = [];
  readonly unparked: { lane: Lane; keys: readonly string[] }[] = [];
  readonly letters: Letter[] = [];
  readonly #blockedMax: number;
  /** Blocked keys that a lane has more than before; less if below zero. */
  readonly #blocked = new Map<Lane, number>();
  readonly #posted = new Map<Lane, number>();

  constructor(blockedMax: number) {
    this.#blockedMax = blockedMax;
  }

  get isEmpty(): boolean {
    return this.parked.length === 0 && this.unparked.length === 0;
  }

  /** Newer events of the keys came, or their rows went in. */
  unpark(lane: Lane, keys: readonly string[]): void {
    this.unparked.push({ lane, keys });
    const blocked = keys.filter(k => lane.blocked.has(k)).length;
    this.#blocked.set(lane, (this.#blocked.get(lane) ?? 0) - blocked);
  }

  /** The row waits for its unique value. */
  park(row: ParkedRow): void {
    this.parked.push(row);
  }

  /** The row's key is blocked; throws if that are too many. */
  block(row: ParkedRow, letter: Letter): void {
    const { lane } = row;
    const more = (this.#blocked.get(lane) ?? 0) + 1;
    if (lane.blocked.size + more > this.#blockedMax) throw tooMany(row, this.#blockedMax);
    const letters = (this.#posted.get(lane) ?? 0) + 1;
    if (lane.letters + letters > LETTERS_MAX) throw tooManyLetters(row);
    this.#blocked.set(lane, more);
    this.#posted.set(lane, letters);
    this.parked.push(row);
    this.letters.push(letter);
  }

  /** The target has committed it. */
  committed(): void {
    for (const { lane, keys } of this.unparked) {
      for (const key of keys) {
        lane.parked.delete(key);
        lane.blocked.delete(key);
      }
    }
    for (const { lane, key, sinceMs, offset, reason, why } of this.parked) {
      lane.parked.delete(key);
      lane.blocked.delete(key);
      if (reason === 'unique' || why === null) lane.parked.set(key, { sinceMs, offset });
      else lane.blocked.set(key, { sinceMs, offset, reason, why });
    }
    for (const [lane, n] of this.#posted) lane.letters += n;
  }
}

function tooMany({ lane, why }: ParkedRow, max: number): ReshardError {
  const text = `more than ${max} keys of a partition are blocked, the last one: ${why?.text}`;
  return new ReshardError('target-data', text, {
    context: { table: lane.table.name, partition: lane.partition },
    remedy: 'make the target table like the source table; the rest is automatic',
  });
}

function tooManyLetters({ lane }: ParkedRow): ReshardError {
  return new ReshardError('target-data', `${LETTERS_MAX} dead letters wait for their topic`, {
    context: { table: lane.table.name, partition: lane.partition },
    remedy: 'look at why the dead-letter topic takes no records (reshard topics)',
  });
}
