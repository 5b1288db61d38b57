/**
 * The dead-letter topic: each record that blocks its key, with the key and value bytes that it has
 * in the log, and headers as Kafka Connect writes them, so that the tools for those read it. What
 * is wrong is told in words; no header holds a value of a row.
 * A letter is in the partition that its record is in: letters of a key are in their order.
 */
import type { PlainRecord, PlainWriter } from '../../shared/topic/plain-writer.ts';
import type { Letter } from './letters.ts';
import type { SendLetters } from './postman.ts';

export interface LetterSource {
  job: string;
  /** Names of the targets, by number. */
  targets: readonly string[];
}

/** What Connect calls the step that failed. */
const STAGE: Record<Letter['reason'], string> = {
  refused: 'TASK_PUT',
  unreadable: 'VALUE_CONVERTER',
};

export function letterHeaders(letter: Letter, from: LetterSource): [string, string][] {
  const { lane, offset, reason, why } = letter;
  return [
    ['__connect.errors.topic', lane.topic],
    ['__connect.errors.partition', String(lane.partition)],
    ['__connect.errors.offset', String(offset)],
    ['__connect.errors.connector.name', from.job],
    ['__connect.errors.task.id', String(lane.target)],
    ['__connect.errors.stage', STAGE[reason]],
    ['__connect.errors.class.name', 'reshard.sink'],
    ['__connect.errors.exception.class.name', `reshard.${why.kind}`],
    ['__connect.errors.exception.message', why.text],
    ['reshard.target', from.targets[lane.target] ?? String(lane.target)],
    ['reshard.table', lane.table.name],
    ['reshard.errno', String(why.errno ?? '')],
  ];
}

export function letterSender(topic: string, from: LetterSource, writer: PlainWriter): SendLetters {
  return async letters => {
    const [first] = letters;
    if (first === undefined) return;
    const records: PlainRecord[] = letters.map(l => ({
      key: l.key,
      value: l.value,
      headers: letterHeaders(l, from),
    }));
    await writer.send(topic, first.lane.partition, records);
  };
}
