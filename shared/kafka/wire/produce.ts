/**
 * Produce: batches to the leaders of their partitions, every partition's answer checked.
 * A batch whose fate is unknown is sent again as the same bytes with the same sequence number: the
 * broker drops it if it has it. That is the only kind of retry; all else rejects.
 * (The library marks brokers as answered: when a leader moves to one that has answered already,
 * it skips the batch and still resolves.)
 */
import { Backoff } from '../../runtime/backoff.ts';
import { ReshardError } from '../../runtime/error.ts';
import { CODE, codeName, isLeaderTransient, refused } from './error-code.ts';
import { API, body, type WireReader, WireWriter } from './wire-format.ts';

export interface Batch {
  readonly topic: string;
  readonly partition: number;
  /** The finished record batch; must stay unchanged until the send has ended. */
  readonly bytes: Buffer;
  readonly count: number;
}

export interface Ack {
  topic: string;
  partition: number;
  code: number;
  baseOffset: number;
}

/** What produce needs of the cluster; tests put a cluster with moving leaders behind it. */
export interface ProducePort {
  leader(topic: string, partition: number): number | undefined;
  topicId(topic: string): string | undefined;
  refresh(topics: readonly string[]): Promise<void>;
  produce(node: number, transactionalId: string | null, batches: readonly Batch[]): Promise<Ack[]>;
}

const ACKS_ALL = -1;
const BROKER_TIMEOUT_MS = 15_000;
const RETRY = { minMs: 5, maxMs: 250 };
/** Far below the brokers' socket.request.max.bytes (100 MB). */
const REQUEST_BYTES_MAX = 32 * 1024 * 1024;

/**
 * Sends batches of different partitions, gives the base offset of each in the same order.
 * At most one batch of a partition, and no other send to it at the same time: that is the order.
 */
export async function produceBatches(
  port: ProducePort,
  transactionalId: string | null,
  batches: readonly Batch[],
  deadline: number,
): Promise<number[]> {
  const baseOffsets = new Array<number>(batches.length).fill(-1);
  let waiting = batches.map((batch, i) => ({ batch, i }));
  let failure: unknown;
  for (const backoff = new Backoff(RETRY); waiting.length > 0; ) {
    const { requests, homeless } = plan(port, waiting);
    const rounds = await Promise.all(
      requests.map(async ({ node, items }) => {
        try {
          const acks = await port.produce(
            node,
            transactionalId,
            items.map(x => x.batch),
          );
          return settle(acks, items, baseOffsets);
        } catch (e) {
          if (!(e instanceof ReshardError) || e.kind !== 'unreachable') throw e;
          return { again: items, failure: e };
        }
      }),
    );
    waiting = [...homeless, ...rounds.flatMap(r => r.again)];
    if (waiting.length === 0) break;
    failure = rounds.find(r => r.failure)?.failure ?? failure;
    if (performance.now() > deadline)
      throw inVain(
        waiting.map(x => x.batch),
        failure,
      );
    await backoff.wait();
    failure =
      (await refreshed(
        port,
        waiting.map(x => x.batch.topic),
      )) ?? failure;
  }
  return baseOffsets;
}

interface Item {
  batch: Batch;
  i: number;
}

/** Requests by leader and size, and the items whose partition has no known leader now. */
function plan(port: ProducePort, items: readonly Item[]) {
  const requests: { node: number; items: Item[]; bytes: number }[] = [];
  const open = new Map<number, { node: number; items: Item[]; bytes: number }>();
  const homeless: Item[] = [];
  for (const item of items) {
    const { topic, partition, bytes } = item.batch;
    const node = port.leader(topic, partition);
    if (node === undefined) {
      homeless.push(item);
      continue;
    }
    let request = open.get(node);
    if (!request || request.bytes + bytes.length > REQUEST_BYTES_MAX) {
      request = { node, items: [], bytes: 0 };
      requests.push(request);
      open.set(node, request);
    }
    request.items.push(item);
    request.bytes += bytes.length;
  }
  return { requests, homeless };
}

/** Notes the offsets of what was taken; gives what must go again; throws for what was refused. */
function settle(acks: readonly Ack[], items: readonly Item[], baseOffsets: number[]) {
  const again: Item[] = [];
  let failure: unknown;
  for (const item of items) {
    const { topic, partition, bytes } = item.batch;
    const ack = acks.find(a => a.topic === topic && a.partition === partition);
    const context = { topic, partition, bytes: bytes.length };
    if (!ack) {
      throw new ReshardError('broker', 'the answer to a produce request lacks a partition', {
        context,
      });
    }
    if (ack.code === CODE.NONE) {
      baseOffsets[item.i] = ack.baseOffset;
    } else if (isLeaderTransient(ack.code)) {
      again.push(item);
      failure = refused('a batch', ack.code, context);
    } else {
      throw refused('a batch', ack.code, context);
    }
  }
  return { again, failure };
}

async function refreshed(port: ProducePort, topics: readonly string[]): Promise<unknown> {
  try {
    await port.refresh([...new Set(topics)]);
    return undefined;
  } catch (e) {
    if (e instanceof ReshardError && e.kind === 'unreachable') return e;
    throw e;
  }
}

function inVain(batches: readonly Batch[], cause: unknown): ReshardError {
  const [first] = batches;
  return new ReshardError('broker', 'no leader took a batch in time', {
    cause,
    context: { topic: first?.topic, partition: first?.partition, batches: batches.length },
    remedy: `see whether the partition has a leader and enough replicas in sync (${codeName(
      CODE.NOT_ENOUGH_REPLICAS,
    )} means fewer than min.insync.replicas)`,
  });
}

/** Produce v7 body: the batches go between small pieces of our own, not copied. */
export function encodeProduce(
  transactionalId: string | null,
  batches: readonly Batch[],
): Uint8Array[] {
  const byTopic = Map.groupBy(batches, b => b.topic);
  const parts = body(w => {
    w.string(transactionalId).i16(ACKS_ALL).i32(BROKER_TIMEOUT_MS).i32(byTopic.size);
  });
  for (const [topic, list] of byTopic) {
    let piece = new WireWriter().string(topic).i32(list.length);
    for (const batch of list) {
      parts.push(piece.i32(batch.partition).i32(batch.bytes.length).view(), batch.bytes);
      piece = new WireWriter(8);
    }
  }
  return parts;
}

export function decodeProduce(r: WireReader): { acks: Ack[]; throttleMs: number } {
  const acks: Ack[] = [];
  r.array(() => {
    const topic = r.string();
    r.array(() => {
      acks.push({ topic, partition: r.i32(), code: r.i16(), baseOffset: r.i64() });
      r.skip(16);
    });
  });
  return { acks, throttleMs: r.i32() };
}

export const PRODUCE_API = { ...API.produce, timeoutMs: BROKER_TIMEOUT_MS + 15_000 };
