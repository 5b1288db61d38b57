/**
 * Where a reader stands in a partition, and on which history. An offset alone says little: a topic
 * that was deleted and made again has the same offsets, and so has a log that lost its end and grew
 * once more. With the topic's id and the epoch of the leader that took the last record, the broker
 * itself can tell; a reader that is given both never goes on in another history.
 */
export interface LogPosition {
  readonly offset: number;
  /** Epoch of the leader that took the record before `offset`; null or -1: not known. */
  readonly leaderEpoch?: number | null;
  /** Id of the topic, as Kafka prints it; null: not known, the first one that answers is taken. */
  readonly topicId?: string | null;
}

/** What has become of the records that were read, or that were to be read. */
export type HistoryLoss = 'trimmed' | 'truncated' | 're-created' | 'deleted';
