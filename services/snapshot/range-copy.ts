/**
 * How far the copy of one key range is: what is durable in the log, what has been sent and is not
 * yet confirmed, where to read on. Pure; the worker does the reading and sending.
 *
 * Go-back-N: chunks are sent ahead of their confirmation, and the ordered writer takes a chunk only
 * if it continues what is durable. So whenever the range's durable state is not one that our own
 * unconfirmed chunks lead to (a rejection, another member's chunk, a chunk that was passed over),
 * all of them are void: forget them and read on from the durable key. Waiting for the single
 * rejected chunk to be repaired, as a sliding window would, could append rows out of key order.
 *
 * Invariants: the first unconfirmed chunk begins at the durable key; each next one begins where its
 * predecessor ends. `turn` changes with every going back, so a read that was under way is known to
 * be void.
 */
import type { PlannedRange } from '../../shared/job/state/job-view.ts';
import type { RangeProgress } from '../../shared/job/state/progress-view.ts';

export type Position = {
  turn: number;
  seq: number;
  /** Durable or sent up to here; null is the start of the range. */
  after: Buffer | null;
};

export type Sent = { seq: number; upTo: Buffer | null; last: boolean; bytes: number };

type Unconfirmed = Sent & { offset: number };

export class RangeCopy {
  readonly range: PlannedRange;
  readonly generation: number;
  #durable: { after: Buffer | null; seq: number; rejected: number };
  #unconfirmed: Unconfirmed[] = [];
  #turn = 0;
  #complete = false;
  #passedOver = -1;
  #reason: string | null = null;
  #inARow = 0;
  readonly #rejectedBefore: number;

  constructor(range: PlannedRange, generation: number, progress: RangeProgress | undefined) {
    this.range = range;
    this.generation = generation;
    this.#durable = { after: null, seq: 0, rejected: 0 };
    if (progress?.generation === generation) this.#restart(progress);
    this.#rejectedBefore = this.#durable.rejected;
  }

  get complete(): boolean {
    return this.#complete;
  }

  /** Everything up to the end of the range has been sent. */
  get allSent(): boolean {
    return this.#complete || this.#unconfirmed.at(-1)?.last === true;
  }

  get unconfirmedBytes(): number {
    return this.#unconfirmed.reduce((sum, chunk) => sum + chunk.bytes, 0);
  }

  /** Chunks rejected since this member looks at the range. */
  get rejected(): number {
    return this.#durable.rejected - this.#rejectedBefore;
  }

  /** Rejections since the last chunk that was accepted. */
  get rejectedInARow(): number {
    return this.#inARow;
  }

  /** Why the writer rejected the last chunk; null when it accepted it, or before our time. */
  get reason(): string | null {
    return this.rejected > 0 ? this.#reason : null;
  }

  get turn(): number {
    return this.#turn;
  }

  /** Where the next chunk begins. */
  next(): Position {
    const last = this.#unconfirmed.at(-1);
    return {
      turn: this.#turn,
      seq: last === undefined ? this.#durable.seq : last.seq + 1,
      after: last === undefined ? this.#durable.after : last.upTo,
    };
  }

  /** Notes a chunk that follows `next()` as sent; the answer takes its offset once it is known. */
  sent(chunk: Sent): (offset: number) => void {
    const noted: Unconfirmed = { ...chunk, offset: -1 };
    this.#unconfirmed.push(noted);
    return offset => {
      noted.offset = offset;
    };
  }

  /** Takes in the range's durable state, as often as it comes. */
  progress(p: RangeProgress): void {
    if (p.generation !== this.generation || this.#complete) return;
    if (p.nextSeq === this.#durable.seq && p.rejected === this.#durable.rejected && !p.complete) {
      return;
    }
    this.#inARow = p.reason === null ? 0 : this.#inARow + 1;
    const index = this.#unconfirmed.findIndex(
      c => c.seq === p.nextSeq - 1 && same(c.upTo, p.after),
    );
    if (p.complete || index < 0 || p.rejected !== this.#durable.rejected) {
      this.#restart(p);
      return;
    }
    this.#unconfirmed.splice(0, index + 1);
    this.#durable = { after: p.after, seq: p.nextSeq, rejected: p.rejected };
    this.#reason = p.reason;
  }

  /**
   * Compares with the writer's position in the chunks topic. A chunk behind it that did not move
   * the range was passed over. The range's record and the writer's position are written together
   * but seen one after the other, so only the second look in a row counts.
   */
  writerAt(chunksOffset: number): void {
    const first = this.#unconfirmed[0];
    const isBehind = first !== undefined && first.offset >= 0 && first.offset < chunksOffset;
    if (isBehind && this.#passedOver === first.seq) this.goBack();
    else this.#passedOver = isBehind ? first.seq : -1;
  }

  /** Forgets what is not durable. */
  goBack(): void {
    this.#unconfirmed = [];
    this.#passedOver = -1;
    this.#turn++;
  }

  #restart(p: RangeProgress): void {
    this.#durable = { after: p.after, seq: p.nextSeq, rejected: p.rejected };
    this.#complete = p.complete;
    this.#reason = p.reason;
    this.goBack();
  }
}

function same(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b);
}
