/** First and last offsets of partitions, asked of their leaders. */
import { Backoff } from '../../runtime/backoff.ts';
import { ReshardError } from '../../runtime/error.ts';
import type { Cluster } from './cluster.ts';
import { CODE, isLeaderTransient, refused } from './error-code.ts';
import { API, body } from './wire-format.ts';

const EARLIEST = -2;
const LATEST = -1;
const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
const TIMEOUT_MS = 15_000;
const PAUSE = { minMs: 20, maxMs: 500 };

export interface OffsetRange {
  partition: number;
  earliest: number;
  /** Last stable offset: the end of what a committed reader can see now. */
  latest: number;
}

/** Ranges of all partitions of a topic; the topic must exist. */
export function offsetRanges(
  cluster: Cluster,
  topic: string,
  purpose: string,
): Promise<OffsetRange[]> {
  return ofAllPartitions(cluster, topic, p => offsetRange(cluster, topic, p, purpose));
}

/**
 * Ends of all partitions, by partition, records of open transactions included. A transaction that
 * is committed may still lack its marker in some partition: its records are in front of this end,
 * and behind the last stable offset.
 */
export function highWatermarks(
  cluster: Cluster,
  topic: string,
  purpose: string,
): Promise<number[]> {
  return ofAllPartitions(cluster, topic, p =>
    offsetAt(cluster, topic, p, LATEST, purpose, READ_UNCOMMITTED),
  );
}

async function ofAllPartitions<T>(
  cluster: Cluster,
  topic: string,
  ask: (partition: number) => Promise<T>,
): Promise<T[]> {
  const deadline = performance.now() + TIMEOUT_MS;
  for (const backoff = new Backoff(PAUSE); ; ) {
    try {
      await cluster.refresh([topic]);
      const count = cluster.partitionCount(topic);
      if (count === 0) throw noTopic(topic);
      return await Promise.all(Array.from({ length: count }, (_, p) => ask(p)));
    } catch (e) {
      const passing = e instanceof ReshardError && e.context.again;
      if (!passing || performance.now() > deadline) throw e;
      await backoff.wait();
    }
  }
}

export async function offsetRange(
  cluster: Cluster,
  topic: string,
  partition: number,
  purpose: string,
): Promise<OffsetRange> {
  const earliest = await offsetAt(cluster, topic, partition, EARLIEST, purpose);
  const latest = await offsetAt(cluster, topic, partition, LATEST, purpose);
  return { partition, earliest, latest };
}

async function offsetAt(
  cluster: Cluster,
  topic: string,
  partition: number,
  time: number,
  purpose: string,
  isolation = READ_COMMITTED,
): Promise<number> {
  const node = cluster.leader(topic, partition);
  if (node === undefined) {
    throw new ReshardError('broker', 'a partition has no leader', {
      context: { topic, partition, again: true },
    });
  }
  const request = body(w => {
    w.i32(-1).i8(isolation);
    w.i32(1).string(topic).i32(1);
    w.i32(partition).i32(cluster.leaderEpoch(topic, partition)).i64(time);
  });
  const r = await cluster.ask(node, purpose, API.listOffsets, request);
  r.i32();
  let found: { code: number; offset: number } | undefined;
  r.array(() => {
    r.string();
    r.array(() => {
      r.i32();
      const code = r.i16();
      r.i64();
      found = { code, offset: r.i64() };
      r.i32();
    });
  });
  if (!found) throw new ReshardError('broker', 'the answer to a request for offsets is empty');
  if (found.code === CODE.NONE) return found.offset;
  const again = isLeaderTransient(found.code);
  throw refused('to tell offsets', found.code, {
    topic,
    partition,
    ...(again ? { again: 1 } : {}),
  });
}

function noTopic(topic: string): ReshardError {
  return new ReshardError('broker', `topic ${topic} does not exist`, { context: { topic } });
}
