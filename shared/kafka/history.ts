/**
 * The errors of a log whose history is not the one that was read or written before. Each names its
 * cause, in words and in `context.loss`, because what helps depends on it: a trimmed log wants a
 * longer retention, a cut one more replicas, and one that was made again says who deleted it.
 */
import { ReshardError } from '../runtime/error.ts';
import type { HistoryLoss } from './wire/log-position.ts';

export interface LostPlace {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly leaderEpoch?: number;
  readonly topicId: string | null;
}

type Facts = Record<string, string | number | null | undefined>;

const COPY_AGAIN = 'copy the affected tables again (`reshard recopy <job file> --source <name>`)';

function lost(
  loss: HistoryLoss,
  place: LostPlace,
  text: { message: string; remedy: string },
  facts: Facts,
): ReshardError {
  const { topic, partition, offset, leaderEpoch, topicId } = place;
  const known = { leaderEpoch, topicId };
  return new ReshardError('history-lost', text.message, {
    context: { topic, partition, wanted: offset, loss, ...known, ...facts },
    remedy: text.remedy,
  });
}

/** The log begins behind the offset. */
export function trimmed(place: LostPlace, range: { earliest: number; latest: number }) {
  const { topic, offset } = place;
  const message =
    `topic ${topic} was trimmed: offset ${offset} is gone, the first one left is ` +
    `${range.earliest}`;
  const remedy =
    `what was in between cannot be read any more: ${COPY_AGAIN}, and raise retention.ms of the ` +
    'topic above the longest stop of a consumer';
  return lost('trimmed', place, { message, remedy }, range);
}

/** The log lost records that were read or written, and may have grown again since. */
export function cut(
  place: LostPlace,
  facts: { epoch?: number; endOffset?: number; earliest?: number; latest?: number },
): ReshardError {
  const { topic, partition, offset } = place;
  const end = facts.endOffset ?? facts.latest;
  const where = end === undefined || end >= offset ? '' : ` at offset ${end}`;
  const message =
    `topic ${topic} lost the end of partition ${partition}${where}: it was known up to offset ` +
    `${offset}, and what is there now is another history`;
  const remedy =
    `${COPY_AGAIN}; so that it does not happen again: kafka.replication 3 with ` +
    'min.insync.replicas 2, and unclean.leader.election.enable=false';
  return lost('truncated', place, { message, remedy }, facts);
}

/** Another topic has the name. */
export function recreated(place: LostPlace, id: string): ReshardError {
  const { topic, topicId } = place;
  const message = `topic ${topic} was deleted and made again: its id was ${topicId}, now it is ${id}`;
  const remedy = `what was in the old topic is gone: ${COPY_AGAIN}, and let no one delete its topics`;
  return lost('re-created', place, { message, remedy }, { id });
}

/** No topic has the name. */
export function deleted(place: LostPlace): ReshardError {
  const { topic, topicId } = place;
  const message = `topic ${topic} was deleted: the id of the one that was read is ${topicId}`;
  const remedy = `what was in it is gone: ${COPY_AGAIN}, and let no one delete its topics`;
  return lost('deleted', place, { message, remedy }, {});
}
