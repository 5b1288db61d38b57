/**
 * Sends chunks to the ordered writer, in order, without waiting for the answer of one before the
 * next is read. A chunk is never dropped or cut: a row above the message limit is an error.
 */

import type { ChunkRecord } from '../../shared/codec/chunk-record.ts';
import type { RecordCodec } from '../../shared/codec/record-codec.ts';
import type { PlainWriter } from '../../shared/kafka/plain-writer.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';

/** Batch and record headers around a record's value. */
const MESSAGE_OVERHEAD = 512;

export type SenderOptions = {
  writer: PlainWriter;
  codec: RecordCodec<ChunkRecord>;
  topic: string;
  maxMessageBytes: number;
  onError: (error: unknown) => void;
};

export class ChunkSender {
  readonly #o: SenderOptions;
  readonly #open = new Set<Promise<void>>();

  constructor(o: SenderOptions) {
    this.#o = o;
  }

  /** Answers the size of the record. `describeKey` is for the error about a row too large. */
  send(chunk: ChunkRecord, onOffset: (offset: number) => void, describeKey: () => string): number {
    const value = this.#o.codec.encode(chunk);
    if (value.length > this.#o.maxMessageBytes - MESSAGE_OVERHEAD) {
      throw new ReshardError('too-large', 'a row is larger than a message may be', {
        context: {
          source: chunk.source,
          table: `${chunk.db}.${chunk.table}`,
          key: describeKey(),
          bytes: value.length,
          limit: this.#o.maxMessageBytes,
        },
        remedy: 'raise options.maxMessageBytes and the max.message.bytes of broker and topics',
      });
    }
    failpoint(FAILPOINTS.snapshotBeforePublish);
    const key = Buffer.from(`${chunk.db}.${chunk.table}/${chunk.range}`);
    const sent = this.#o.writer.send(this.#o.topic, 0, [{ key, value }]).then(
      ({ baseOffset }) => {
        failpoint(FAILPOINTS.snapshotAfterPublish);
        onOffset(baseOffset);
      },
      error => this.#o.onError(error),
    );
    this.#open.add(sent);
    void sent.finally(() => this.#open.delete(sent));
    return value.length;
  }

  /** Resolves when everything sent so far has been answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#open);
  }
}
