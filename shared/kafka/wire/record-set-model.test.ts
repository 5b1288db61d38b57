/**
 * Committed reads against a model broker: transactions of several producers that overlap, abort and
 * begin again, plain batches between them, holes that compaction left, answers cut at any byte and
 * asked for from any offset. Each committed record comes once, in order, and nothing else does.
 */
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { crc32c } from './crc32c.ts';
import { HEADER_BYTES, RecordBatchBuilder, writeLong } from './record-batch.ts';
import { type AbortedTransaction, decodeRecordSet } from './record-set.ts';
import { wholeRecord } from './record-slices.ts';

interface Batch {
  base: number;
  last: number;
  bytes: Buffer;
  /** Offsets of its records. */
  records: number[];
  /** The transaction that it belongs to; null for plain batches and markers. */
  transaction: Transaction | null;
}

interface Transaction {
  producerId: number;
  first: number;
  /** Offset of its marker. */
  end: number;
  fate: 'open' | 'committed' | 'aborted';
}

type Action =
  | { kind: 'write'; producer: number; records: number; packed: boolean; hole: number }
  | { kind: 'end'; producer: number; commit: boolean; hole: number };

const PRODUCERS = 3;
const producer = fc.integer({ min: 0, max: PRODUCERS });
const hole = fc.constantFrom(0, 0, 0, 1, 5);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      producer,
      records: fc.integer({ min: 0, max: 4 }),
      packed: fc.boolean(),
      hole,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      producer,
      commit: fc.boolean(),
      hole,
    }),
  },
);

/** One partition. Producer 0 writes without transactions. */
class Broker {
  readonly batches: Batch[] = [];
  readonly transactions: Transaction[] = [];
  readonly #open = new Map<number, Transaction>();
  #end = 0;

  do(a: Action): void {
    this.#end += a.hole;
    if (a.kind === 'write') this.#write(a.producer, a.records, a.packed);
    else this.#finish(a.producer, a.commit);
  }

  /** Where committed reads end. */
  get stable(): number {
    const firsts = [...this.#open.values()].map(t => t.first);
    return Math.min(this.#end, ...firsts);
  }

  /** Offsets that a committed reader may see. */
  get committed(): number[] {
    return this.batches
      .filter(b => b.base < this.stable && (b.transaction?.fate ?? 'committed') === 'committed')
      .flatMap(b => b.records);
  }

  /** Whole batches from the one that holds `offset`, and the transactions that abort in them. */
  fetch(offset: number, maxBytes: number): { buf: Buffer; aborted: AbortedTransaction[] } {
    const rest = this.batches.filter(b => b.last >= offset && b.base < this.stable);
    const whole = Buffer.concat(rest.map(b => b.bytes));
    const first = rest[0]?.bytes.length ?? 0;
    const upper = rest.at(-1)?.last ?? offset;
    const aborted = this.transactions
      .filter(t => t.fate === 'aborted' && t.end >= offset && t.first <= upper)
      .sort((a, b) => a.end - b.end)
      .map(t => ({ producerId: t.producerId, firstOffset: t.first }));
    return { buf: whole.subarray(0, Math.max(first, maxBytes)), aborted };
  }

  #write(id: number, records: number, packed: boolean): void {
    const base = this.#end;
    // Compaction may leave a batch without any of its records.
    const count = Math.max(1, records);
    let transaction = this.#open.get(id) ?? null;
    if (id > 0 && transaction === null) {
      transaction = { producerId: id, first: base, end: -1, fate: 'open' };
      this.#open.set(id, transaction);
      this.transactions.push(transaction);
    }
    const bytes = batch(base, id, records, packed ? 'gzip' : 'plain');
    bytes.writeInt32BE(count - 1, 23);
    const offsets = Array.from({ length: records }, (_, i) => base + i);
    this.#append({
      base,
      last: base + count - 1,
      bytes: sealed(bytes),
      records: offsets,
      transaction,
    });
  }

  #finish(id: number, commit: boolean): void {
    const transaction = this.#open.get(id);
    if (transaction === undefined) return;
    this.#open.delete(id);
    const base = this.#end;
    transaction.fate = commit ? 'committed' : 'aborted';
    transaction.end = base;
    const bytes = batch(base, id, commit ? 'commit' : 'abort', 'plain');
    bytes.writeInt16BE(0x30, 21);
    this.#append({ base, last: base, bytes: sealed(bytes), records: [], transaction: null });
  }

  #append(b: Batch): void {
    this.batches.push(b);
    this.#end = b.last + 1;
  }
}

function batch(
  base: number,
  id: number,
  what: number | 'commit' | 'abort',
  form: 'plain' | 'gzip',
): Buffer {
  const builder = new RecordBatchBuilder(64);
  const add = (key: Buffer, value: Buffer): void => builder.append(wholeRecord(key, value, 1000));
  if (what === 'commit') add(Buffer.from([0, 0, 0, 1]), Buffer.alloc(6));
  else if (what === 'abort') add(Buffer.from([0, 0, 0, 0]), Buffer.alloc(6));
  // A key that looks like an abort marker is data.
  else for (let i = 0; i < what; i++) add(Buffer.alloc(4), Buffer.from(`v${base + i}`));
  const bytes = Buffer.from(
    builder.finish({ id: id === 0 ? -1 : id, epoch: 0, sequence: 0, transactional: id > 0 }),
  );
  const made = form === 'gzip' ? packed(bytes) : bytes;
  writeLong(made, base, 0);
  return made;
}

function packed(bytes: Buffer): Buffer {
  const body = gzipSync(bytes.subarray(HEADER_BYTES));
  const out = Buffer.concat([bytes.subarray(0, HEADER_BYTES), body]);
  out.writeInt32BE(out.length - 12, 8);
  out.writeInt16BE(out.readInt16BE(21) | 1, 21);
  return out;
}

function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;
}

test('committed records once and in order, from any offset, however answers are cut', () => {
  fc.assert(
    fc.property(
      fc.array(action, { minLength: 1, maxLength: 40 }),
      fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 10 }),
      fc.nat(60),
      (actions, sizes, start) => {
        const broker = new Broker();
        for (const a of actions) broker.do(a);
        const from = Math.min(start, broker.stable);
        const seen: string[] = [];
        let at = from;
        for (let turn = 0; ; turn++) {
          const { buf, aborted } = broker.fetch(at, sizes[turn % sizes.length] ?? 1);
          const set = { topic: 't', partition: 0, buf, start: 0, end: buf.length, wanted: at };
          const { fetchedBatches, next } = decodeRecordSet({ ...set, aborted });
          let position = at;
          for (const fetched of fetchedBatches) {
            for (let i = 0; i < fetched.count; i++) {
              expect(fetched.offset(i)).toBeGreaterThanOrEqual(position);
              expect(fetched.offset(i)).toBeLessThan(fetched.position);
              seen.push(`${fetched.offset(i)}=${fetched.value(i)}`);
            }
            expect(fetched.position).toBeGreaterThanOrEqual(position);
            position = fetched.position;
          }
          expect(position).toBe(next);
          if (next === at) break;
          at = next;
        }
        const wanted = broker.committed.filter(o => o >= from).map(o => `${o}=v${o}`);
        expect(seen).toEqual(wanted);
      },
    ),
    { numRuns: 2000 },
  );
});
