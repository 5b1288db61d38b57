/**
 * The dead-letter topic: each record that blocks its key, with the key and value bytes that it has
 * in the log, and headers as Kafka Connect writes them, so that the tools for those read it. What
 * is wrong is told in words; no header holds a value of a row.
 * A dead letter is in the partition that its record is in: dead letters of a key are in their
 * order.
 */
import type { PlainRecord, PlainWriter } from '../../../shared/kafka/plain-writer.ts';
import type { DeadLetter } from './dead-letter.ts';
import type { SendDeadLetters } from './dead-letter-publisher.ts';

export interface DeadLetterSource {
  job: string;
  /** Names of the targets, by number. */
  targets: readonly string[];
}

/** What Connect calls the step that failed. */
const STAGE: Record<DeadLetter['reason'], string> = {
  refused: 'TASK_PUT',
  collision: 'TASK_PUT',
  unreadable: 'VALUE_CONVERTER',
};

export function deadLetterHeaders(
  deadLetter: DeadLetter,
  from: DeadLetterSource,
): [string, string][] {
  const { task, offset, reason, why } = deadLetter;
  return [
    ['__connect.errors.topic', task.topic],
    ['__connect.errors.partition', String(task.partition)],
    ['__connect.errors.offset', String(offset)],
    ['__connect.errors.connector.name', from.job],
    ['__connect.errors.task.id', String(task.target)],
    ['__connect.errors.stage', STAGE[reason]],
    ['__connect.errors.class.name', 'reshard.sink'],
    ['__connect.errors.exception.class.name', `reshard.${why.kind}`],
    ['__connect.errors.exception.message', why.text],
    ['reshard.target', from.targets[task.target] ?? String(task.target)],
    ['reshard.table', task.table.name],
    ['reshard.errno', String(why.errno ?? '')],
  ];
}

export function deadLetterSender(
  topic: string,
  from: DeadLetterSource,
  writer: PlainWriter,
): SendDeadLetters {
  return async deadLetters => {
    const [first] = deadLetters;
    if (first === undefined) return;
    const records: PlainRecord[] = deadLetters.map(l => ({
      key: l.key,
      value: l.value,
      headers: deadLetterHeaders(l, from),
    }));
    await writer.send(topic, first.task.partition, records);
  };
}
