import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RangeProgress } from '../../shared/job/state/progress-view.ts';
import { RangeCopy } from './range-copy.ts';

const key = (n: number): Buffer => Buffer.from([n]);
const range = { id: 0, after: null, upTo: key(200) };

function progressOf(p: Partial<RangeProgress>): RangeProgress {
  return {
    generation: 1,
    db: 'd',
    table: 't',
    range: 0,
    after: null,
    complete: false,
    rows: 0,
    dropped: 0,
    nextSeq: 0,
    rejected: 0,
    reason: null,
    ...p,
  };
}

describe('RangeCopy', () => {
  it('reads on behind what it has sent, before it is confirmed', () => {
    const copy = new RangeCopy(range, 1, undefined);
    copy.sent({ seq: 0, upTo: key(5), last: false, bytes: 10 });
    copy.sent({ seq: 1, upTo: key(9), last: false, bytes: 10 });
    expect(copy.next()).toEqual({ turn: 0, seq: 2, after: key(9) });
    copy.progress(progressOf({ after: key(5), nextSeq: 1 }));
    expect(copy.unconfirmedBytes).toBe(10);
    expect(copy.next()).toEqual({ turn: 0, seq: 2, after: key(9) });
  });

  it('goes back to the durable key when a chunk is rejected', () => {
    const copy = new RangeCopy(range, 1, undefined);
    copy.sent({ seq: 0, upTo: key(5), last: false, bytes: 10 });
    copy.sent({ seq: 1, upTo: key(200), last: true, bytes: 10 });
    copy.progress(progressOf({ after: null, nextSeq: 1, rejected: 1, reason: 'reject: floor' }));
    expect(copy.allSent).toBe(false);
    expect(copy.unconfirmedBytes).toBe(0);
    expect(copy.next()).toEqual({ turn: 1, seq: 1, after: null });
    expect(copy.reason).toBe('reject: floor');
  });

  it('goes back when the chunk of another member moved the range elsewhere', () => {
    const copy = new RangeCopy(range, 1, undefined);
    copy.sent({ seq: 0, upTo: key(5), last: false, bytes: 10 });
    copy.progress(progressOf({ after: key(7), nextSeq: 1 }));
    expect(copy.next()).toEqual({ turn: 1, seq: 1, after: key(7) });
  });

  it('goes back when the writer has passed over its chunk, but not at the first look', () => {
    const copy = new RangeCopy(range, 1, undefined);
    copy.sent({ seq: 0, upTo: key(5), last: false, bytes: 10 })(41);
    copy.writerAt(41);
    copy.writerAt(42);
    expect(copy.turn).toBe(0);
    copy.writerAt(42);
    expect(copy.turn).toBe(1);
  });

  it('resumes at the durable key, ignores another generation', () => {
    const at = progressOf({ after: key(9), nextSeq: 4 });
    expect(new RangeCopy(range, 1, at).next()).toEqual({ turn: 1, seq: 4, after: key(9) });
    expect(new RangeCopy(range, 2, at).next()).toEqual({ turn: 0, seq: 0, after: null });
  });

  it('ends complete whatever the writer rejects, whoever else copies, wherever it restarts', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(11), { maxLength: 400 }), steps => {
        const log = new ModelLog();
        let workers = [new RangeCopy(range, 1, undefined), new RangeCopy(range, 1, undefined)];
        const step = (choice: number): void => {
          const worker = workers[choice % 2] ?? workers[0];
          if (worker === undefined) return;
          if (choice < 4) log.send(worker, 1 + (choice >> 1) * 3);
          else if (choice < 8) log.take(choice === 7);
          else if (choice < 10) worker.progress(log.progress);
          else if (choice === 10) workers = [new RangeCopy(range, 1, log.progress), worker];
          else worker.writerAt(log.position);
        };
        for (const choice of steps) step(choice);
        // Left alone, the first worker must finish what is left.
        for (let i = 0; i < 2000 && !log.progress.complete; i++) {
          const [worker] = workers;
          if (worker === undefined) return;
          worker.progress(log.progress);
          worker.writerAt(log.position);
          log.send(worker, 20);
          log.take(false);
        }
        expect(log.progress.complete).toBe(true);
        expect(log.copied).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
      }),
      { numRuns: 500 },
    );
  });
});

type ModelChunk = { seq: number; after: Buffer | null; keys: number[]; last: boolean };

/** Chunks topic and ordered writer over a range of the keys 1..20. */
class ModelLog {
  readonly copied: number[] = [];
  progress = progressOf({});
  position = 0;
  readonly #chunks: ModelChunk[] = [];

  send(worker: RangeCopy, count: number): void {
    if (worker.allSent) return;
    const { seq, after } = worker.next();
    const from = (after?.[0] ?? 0) + 1;
    const keys = Array.from({ length: Math.min(count, 21 - from) }, (_, i) => from + i);
    const end = keys.at(-1) ?? from - 1;
    const last = end >= 20;
    this.#chunks.push({ seq, after, keys, last });
    const upTo = last ? range.upTo : key(end);
    worker.sent({ seq, upTo, last, bytes: keys.length })(this.#chunks.length - 1);
  }

  take(reject: boolean): void {
    const chunk = this.#chunks[this.position];
    if (chunk === undefined) return;
    this.position++;
    const at = this.progress;
    const same = (at.after === null ? -1 : at.after[0]) === (chunk.after?.[0] ?? -1);
    if (at.complete || chunk.seq !== at.nextSeq || !same) return;
    const nextSeq = at.nextSeq + 1;
    if (reject) {
      this.progress = { ...at, nextSeq, rejected: at.rejected + 1, reason: 'reject: floor' };
      return;
    }
    this.copied.push(...chunk.keys);
    const after = chunk.last ? range.upTo : key(chunk.keys.at(-1) ?? 0);
    this.progress = { ...at, after, nextSeq, complete: chunk.last, reason: null };
  }
}
