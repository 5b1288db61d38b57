/** Parts of topics are read to their ends, and given up where nothing comes any more. */
import { expect, test } from 'vitest';
import { LogMaker } from '../../test/support/sink/log-maker.ts';
import { SMALL_TABLE } from '../../test/support/sink/small-table.ts';
import { ReshardError } from '../runtime/error.ts';
import { type OffsetSpan, readSpans } from './read-spans.ts';
import type { ReaderOptions } from './reader.ts';

const STILL_MS = 20;

function logOf(topic: string, records: number): LogMaker {
  const log = new LogMaker(SMALL_TABLE, topic, 0);
  for (let i = 0; i < records; i++) log.append({ op: 'c', after: [i, 0, 1] });
  return log;
}

/** A reader that hands out each log in batches of two; it fails behind the last with `error`. */
function played(logs: readonly LogMaker[], error?: ReshardError) {
  const seen = { released: 0, isClosed: false };
  const reader = async (o: ReaderOptions) => ({
    add: (topic: string, _: number, from: number) => {
      const log = logs.find(l => l.topic === topic);
      for (let at = from; log && at < log.end; at += 2) o.onFetched(log.fetched(at, at + 2));
      if (error) o.onError(error);
    },
    release: () => {
      seen.released += 1;
    },
    close: () => {
      seen.isClosed = true;
    },
  });
  return { kafka: { reader }, seen };
}

async function readOf(
  kafka: ReturnType<typeof played>['kafka'],
  spans: Record<string, OffsetSpan>,
): Promise<string[]> {
  const read: string[] = [];
  const options = { kafka, partition: 0, stillMs: STILL_MS };
  for await (const [{ topic, position }] of readSpans(options, new Map(Object.entries(spans)))) {
    read.push(`${topic}@${position}`);
  }
  return read;
}

test('each topic is read to the end of its part, and no further', async () => {
  const { kafka, seen } = played([logOf('a', 6), logOf('b', 4)]);
  expect(await readOf(kafka, { a: { from: 2, to: 5 }, b: { from: 0, to: 2 } })).toEqual([
    'a@4',
    'a@6',
    'b@2',
  ]);
  expect(seen.isClosed).toBe(true);
});

test('a part that does not come to its end is given up, with what has come', async () => {
  const { kafka, seen } = played([logOf('a', 2)]);
  expect(await readOf(kafka, { a: { from: 0, to: 9 } })).toEqual(['a@2']);
  expect(seen).toEqual({ released: 1, isClosed: true });
});

test('what ends the reader ends the reading', async () => {
  const { kafka, seen } = played([logOf('a', 2)], new ReshardError('broker', 'the topic is gone'));
  await expect(readOf(kafka, { a: { from: 0, to: 9 } })).rejects.toThrow('the topic is gone');
  expect(seen.isClosed).toBe(true);
});
