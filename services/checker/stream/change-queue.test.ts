/** Columns of changes against a model of objects and BigInts: what comes out is what went in. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fingerprintOf } from '../../../test/support/checker/changes.ts';
import { ChangeQueue, MovedSums } from './change-queue.ts';

const MASK = (1n << 128n) - 1n;

/** Often with words of ones or zeros alone, so that carries and borrows pass through all words. */
const word = fc.oneof(fc.constantFrom(0, 1, 0xffffffff), fc.integer({ min: 0, max: 0xffffffff }));
const print = fc
  .tuple(word, word, word, word)
  .map(words => words.reduce((n, w) => (n << 32n) | BigInt(w), 0n));
const row = fc.option(print, { freq: 3, nil: null });
const bucket = fc.integer({ min: 0, max: 255 });
const action = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('add' as const), bucket, a: row, b: row }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unknown' as const), bucket }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('before' as const), n: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('subtract' as const), n: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('take' as const), n: fc.nat(300) }) },
);

interface Waiting {
  offset: number;
  bucket: number;
  sum: bigint;
  rows: number;
  isUnknown: boolean;
}

/** What is expected of the queue, and what has come out of it. */
class Model {
  readonly waiting: Waiting[] = [];
  readonly sums = new Map<number, { sum: bigint; rows: number }>();
  readonly unknown: number[] = [];

  add(offset: number, bucket: number, before: bigint | null, after: bigint | null): void {
    const sum = ((after ?? 0n) - (before ?? 0n)) & MASK;
    const rows = Number(after !== null) - Number(before !== null);
    if (sum === 0n && rows === 0) return;
    this.waiting.push({ offset, bucket, sum, rows, isUnknown: false });
  }

  out(n: number, sign: 1 | -1): void {
    for (const { bucket, sum, rows, isUnknown } of this.waiting.splice(0, n)) {
      if (isUnknown) this.unknown.push(bucket);
      const known = this.sums.get(bucket) ?? { sum: 0n, rows: 0 };
      const total = (known.sum + BigInt(sign) * sum) & MASK;
      this.sums.set(bucket, { sum: total, rows: known.rows + sign * rows });
    }
  }

  moved(): [number, bigint, number][] {
    const all = [...this.sums].filter(([, { sum, rows }]) => sum !== 0n || rows !== 0);
    return all.map(([b, { sum, rows }]): [number, bigint, number] => [b, sum, rows]).sort(byBucket);
  }
}

function byBucket([a]: [number, bigint, number], [b]: [number, bigint, number]): number {
  return a - b;
}

function fill(queue: ChangeQueue, model: Model, offset: number, n: number): void {
  for (let i = 0; i < n; i++) {
    const after = BigInt(i + 1) << 96n;
    queue.add(offset + i, i % 256, null, fingerprintOf(after));
    model.add(offset + i, i % 256, null, after);
  }
}

test('sums of columns are those of numbers of 128 bits, whatever waits and is taken', () => {
  const runs = fc.property(fc.array(action, { minLength: 1, maxLength: 120 }), actions => {
    const [queue, model, sums] = [new ChangeQueue(), new Model(), new MovedSums()];
    const unknown: number[] = [];
    let offset = 0;
    for (const a of actions) {
      if (a.do === 'add') {
        const [before, after] = [a.a, a.b].map(n => (n === null ? null : fingerprintOf(n)));
        queue.add(offset, a.bucket, before ?? null, after ?? null);
        model.add(offset, a.bucket, a.a, a.b);
      } else if (a.do === 'unknown') {
        queue.addUnknown(offset, a.bucket);
        const none = { offset, bucket: a.bucket, sum: 0n, rows: 0 };
        model.waiting.push({ ...none, isUnknown: true });
      } else if (a.do === 'before') {
        const n = model.waiting.filter(w => w.offset < a.n).length;
        queue.addBefore(a.n, sums, b => unknown.push(b));
        model.out(n, 1);
      } else if (a.do === 'subtract') {
        // Only changes of a target are taken away, and these always say.
        const known = model.waiting.findIndex(w => w.isUnknown);
        const n = Math.min(a.n, known < 0 ? model.waiting.length : known);
        queue.subtract(n, sums);
        model.out(n, -1);
      } else {
        const other = new ChangeQueue();
        fill(other, model, offset, a.n);
        queue.take(other);
        expect(other.size).toBe(0);
        offset += a.n;
      }
      offset += 1;
      expect([queue.size, queue.first]).toEqual([model.waiting.length, model.waiting[0]?.offset]);
    }
    const moved: [number, bigint, number][] = [];
    sums.drain((b, sum, rows) => moved.push([b, sum, rows]));
    expect(moved.sort(byBucket)).toEqual(model.moved());
    expect(unknown).toEqual(model.unknown);
    sums.drain(() => expect.fail('sums are forgotten when they were taken'));
  });
  fc.assert(runs, { numRuns: 300 });
});
