/**
 * What the topics of a server say of transactions that a job of Reshard has made on it: a header on
 * each of their rows, and behind them a record without a value, the mark, in the partition of the
 * target's table that has the keys of the partition that the rows came from. Whoever reads marks
 * knows that the rows in front of one are all that came of the records before `next`, and that a
 * row without the header is of somebody else.
 */
import type { FetchedBatch } from '../kafka/wire/fetched-batch.ts';
import type { SchemaRegistry } from '../registry/registry.ts';
import { ReshardError } from '../runtime/error.ts';
import { type RecordCodec, recordCodec } from './record-codec.ts';

/** On a row: the id of the job that has written it to the server. */
export const ORIGIN_HEADER = Buffer.from('reshard.origin');
/** On a mark: all of it, as JSON. */
const MARK_HEADER = Buffer.from('reshard.mark');

/** A key begins to wait on the target instead of being in its table, or has ended to. */
export interface WaitChange {
  /** Canonical bytes of the key, in base64. */
  key: string;
  waits: boolean;
}

export interface Mark {
  /** Id of the job that has made the transaction. */
  job: string;
  /** Where its rows came from. */
  topic: string;
  partition: number;
  /** All records of that partition before this offset are applied on the server, or wait there. */
  next: number;
  gtid: string;
  /** When the transaction was committed. */
  tsMs: number;
  waits: WaitChange[];
  /** There were more of these than fit: what waits is not known from here on. */
  more: boolean;
  /** Marks of the same transaction that follow in the same partition. */
  left: number;
}

/** The key of marks; the same one for all that came from a partition. */
export type MarkKey = Pick<Mark, 'topic' | 'partition'>;

export function markSubject(source: string): string {
  return `${source}.mark-key`;
}

export function markCodec(registry: SchemaRegistry, source: string): Promise<RecordCodec<MarkKey>> {
  return recordCodec<MarkKey>(registry, 'mark', markSubject(source));
}

export function markHeader(mark: Mark): { name: Buffer; buf: Buffer; start: number; end: number } {
  const buf = Buffer.from(JSON.stringify(mark));
  return { name: MARK_HEADER, buf, start: 0, end: buf.length };
}

/** The mark that record `i` is; null if it is another record. */
export function markAt(fetched: FetchedBatch, i: number): Mark | null {
  if ((fetched.valueStart[i] as number) >= 0) return null;
  const text = fetched.header(i, MARK_HEADER);
  if (text === null) return null;
  const mark: unknown = JSON.parse(text.toString('utf8'));
  if (isMark(mark)) return mark;
  throw new ReshardError('corrupt', 'a mark does not say what it is of', {
    context: { topic: fetched.topic, partition: fetched.partition, offset: fetched.offset(i) },
  });
}

function isMark(x: unknown): x is Mark {
  return (
    typeof x === 'object' &&
    x !== null &&
    'topic' in x &&
    typeof x.topic === 'string' &&
    'next' in x &&
    typeof x.next === 'number' &&
    'waits' in x &&
    Array.isArray(x.waits)
  );
}
