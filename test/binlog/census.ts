/** What a topic holds by now, batch by batch, with what committed readers are not shown. */

import { Cluster } from '../../shared/kafka/wire/cluster.ts';
import { decodeFetch, encodeFetch } from '../../shared/kafka/wire/fetch.ts';
import { highWatermarks } from '../../shared/kafka/wire/list-offsets.ts';
import { CONTROL, readLong } from '../../shared/kafka/wire/record-batch.ts';
import { API, NO_TOPIC_ID } from '../../shared/kafka/wire/wire-format.ts';
import { createLogger } from '../../shared/runtime/log.ts';

export interface Census {
  /** Records that are still there, those of aborted transactions too. */
  records: number;
  /** Marks of ended transactions that are still there. */
  markers: number;
  /** Ends of the partitions, by partition. */
  ends: number[];
}

const PURPOSE = 'census';
const FETCH = { committed: false, maxWaitMs: 0, minBytes: 0 };
const BYTES = 8 * 1024 * 1024;

/** Of all records, or of those before `until` (an offset for each partition). */
export async function census(
  brokers: readonly string[],
  topic: string,
  until?: readonly number[],
): Promise<Census> {
  const log = createLogger({ name: PURPOSE, level: 'fatal' });
  const cluster = new Cluster({ brokers, clientId: PURPOSE, log });
  try {
    await cluster.refresh([topic]);
    const ends = await highWatermarks(cluster, topic, PURPOSE);
    const found = { records: 0, markers: 0, ends };
    for (const [partition, end] of ends.entries()) {
      await count(cluster, { topic, partition }, Math.min(end, until?.[partition] ?? end), found);
    }
    return found;
  } finally {
    cluster.close();
  }
}

async function count(
  cluster: Cluster,
  place: { topic: string; partition: number },
  end: number,
  found: Census,
): Promise<void> {
  for (let offset = 0; offset < end; ) {
    const node = cluster.leader(place.topic, place.partition) ?? cluster.someNode();
    const limits = { ...FETCH, maxBytes: BYTES, maxPartitionBytes: BYTES };
    const topicId = cluster.topicId(place.topic) ?? NO_TOPIC_ID;
    const { partition } = place;
    const from = { topicId, partition, offset, currentEpoch: -1, lastEpoch: -1 };
    const request = encodeFetch([from], limits);
    const answer = decodeFetch(await cluster.ask(node, PURPOSE, API.fetch, request));
    const [got] = answer.partitions;
    if (answer.code !== 0 || got === undefined || got.code !== 0) {
      throw new Error(`cannot read ${place.topic}/${place.partition} at ${offset}: ${got?.code}`);
    }
    const { buf } = answer;
    const begun = offset;
    for (let p = got.start; p + 61 <= got.end; ) {
      const next = p + 12 + buf.readInt32BE(p + 8);
      if (next > got.end) break;
      const last = readLong(buf, p) + buf.readInt32BE(p + 23);
      if (last < end) {
        if ((buf.readInt16BE(p + 21) & CONTROL) !== 0) found.markers += 1;
        else found.records += buf.readInt32BE(p + 57);
      }
      offset = last + 1;
      p = next;
    }
    // The cleaner has taken all that was left.
    if (offset === begun) return;
  }
}
