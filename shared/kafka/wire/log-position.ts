/**
 * Where a reader stands in a partition, and on which history. An offset alone says little: a topic
 * that was deleted and made again has the same offsets, and so has a log that lost its end and grew
 * once more.
 *
 * Three things tell. The topic's id: another one under the name is another topic. The epoch of the
 * leader that took the last record: the leader compares it with its own history at each fetch. And
 * who wrote the batch of that record (producer and sequence): a broker that lost power, alone,
 * comes back without a new epoch, so where the epoch is the same only the batch itself tells.
 * They are kept as one text beside the offset; only this file knows what is in it.
 */
import { ReshardError } from '../../runtime/error.ts';

export interface LogPosition {
  readonly offset: number;
  /** As `historyText` gives it; null or left out: not known, what is there is taken. */
  readonly history?: string | null;
}

export interface History {
  /** As Kafka prints it. */
  readonly topicId: string;
  /** Epoch of the leader that took the record before the offset; -1 is not known. */
  readonly leaderEpoch: number;
  /** Who wrote the batch of that record; empty is not known. */
  readonly batch: string;
}

/** What has become of the records that were read, or that were to be read. */
export type HistoryLoss = 'trimmed' | 'truncated' | 're-created' | 'deleted';

const FORM = /^([\w-]{22})\/(-?\d+)\/(|-?\d+\.-?\d+\.-?\d+)$/;

/** At most 22 + 11 + 38 characters and two slashes. */
export function historyText({ topicId, leaderEpoch, batch }: History): string {
  return `${topicId}/${leaderEpoch}/${batch}`;
}

/** Of a place in a topic in front of which nothing was read. */
export function ofTopic(topicId: string): string {
  return historyText({ topicId, leaderEpoch: -1, batch: '' });
}

export function parseHistory(text: string): History {
  const [, topicId, epoch, batch] = FORM.exec(text) ?? [];
  if (topicId === undefined || epoch === undefined || batch === undefined) {
    throw new ReshardError('corrupt', 'the history of a position in the log cannot be read');
  }
  return { topicId, leaderEpoch: Number(epoch), batch };
}

/** The batch's producer, its epoch and the sequence number of the first record. */
export function batchText(producerId: number, producerEpoch: number, sequence: number): string {
  return `${producerId}.${producerEpoch}.${sequence}`;
}
