/** Takes chunks as the ordered writer does, as far as a test lets it, and keeps their rows. */
import { type ChunkRecord, chunkCodec } from '../../../shared/codec/chunk-record.ts';
import { progressCodec } from '../../../shared/job/state/open.ts';
import { progressKey, type RangeProgress } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { chunksTopic, progressTopic } from '../../../shared/kafka/topic-name.ts';
import type { FetchedBatch } from '../../../shared/kafka/wire/fetched-batch.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';

export type Judge = (chunk: ChunkRecord, nth: number) => boolean;

export class TestWriter {
  /** Values by key, as appended; a key that comes twice is in `twice`. */
  readonly rows = new Map<string, Buffer>();
  readonly twice: string[] = [];
  accepted = 0;
  seen = 0;
  passedOver = 0;
  judge: Judge = () => true;
  /** By range, of which something has come. */
  readonly begun = new Map<number, RangeProgress>();
  readonly #count: number;
  #work: Promise<void> = Promise.resolve();
  /** The log has the transactions of this set. */
  reach: (gtid: string) => Promise<void> = async () => {};

  private constructor(ranges: number) {
    this.#count = ranges;
  }

  static async open(
    { kafka, registry }: { kafka: KafkaLog; registry: SchemaRegistry },
    { source, jobId, ranges }: { source: string; jobId: string; ranges: number },
  ): Promise<TestWriter> {
    const self = new TestWriter(ranges);
    const chunks = await chunkCodec(registry, source);
    const progress = await progressCodec(registry, source);
    const out = await kafka.writer();
    self.reach = async gtid => {
      const at = resumeAt(-1);
      const resume = { ...at, resume: { ...at.resume, gtid }, jobId };
      const record = { key: Buffer.from('source'), value: progress.encode(resume) };
      await out.send(progressTopic(source), 0, [record]);
    };
    const take = async (value: Buffer, offset: number): Promise<void> => {
      const range = self.take(chunks.decode(value));
      const records = [
        { key: Buffer.from('source'), value: progress.encode({ ...resumeAt(offset), jobId }) },
      ];
      if (range !== undefined) {
        const key = Buffer.from(progressKey.range(range.db, range.table, range.range));
        records.push({ key, value: progress.encode({ resume: null, range, jobId }) });
      }
      await out.send(progressTopic(source), 0, records);
    };
    const reader = await kafka.reader({
      isolation: 'committed',
      onError: e => {
        throw e;
      },
      onFetched: (fetched: FetchedBatch) => {
        for (let i = 0; i < fetched.count; i++) {
          const value = fetched.value(i);
          const offset = fetched.offset(i);
          if (value !== null) self.#work = self.#work.then(() => take(value, offset));
        }
        reader.release(fetched);
      },
    });
    reader.add(chunksTopic(source), 0, 0);
    return self;
  }

  take(chunk: ChunkRecord): RangeProgress | undefined {
    const at = this.begun.get(chunk.range) ?? {
      generation: chunk.generation,
      db: chunk.db,
      table: chunk.table,
      range: chunk.range,
      after: null,
      complete: false,
      rows: 0,
      dropped: 0,
      nextSeq: 0,
      rejected: 0,
      reason: null,
    };
    const continues =
      chunk.seq === at.nextSeq &&
      (at.after === null ? chunk.after === null : chunk.after?.equals(at.after) === true);
    if (at.complete || !continues) {
      this.passedOver++;
      return undefined;
    }
    at.nextSeq++;
    if (!this.judge(chunk, this.seen++)) {
      Object.assign(at, { rejected: at.rejected + 1, reason: 'reject: for the test' });
    } else {
      this.accepted++;
      this.#append(chunk);
      Object.assign(at, { after: chunk.upTo && Buffer.from(chunk.upTo), complete: chunk.last });
      Object.assign(at, { rows: at.rows + chunk.rowCount, reason: null });
    }
    this.begun.set(chunk.range, at);
    return at;
  }

  #append({ rows }: ChunkRecord): void {
    for (let pos = 0; pos < rows.length; ) {
      const key = rows.subarray(pos + 4, pos + 4 + rows.readUInt32BE(pos));
      pos += 4 + key.length;
      const value = rows.subarray(pos + 4, pos + 4 + rows.readUInt32BE(pos));
      pos += 4 + value.length;
      const name = key.toString('hex');
      if (this.rows.has(name)) this.twice.push(name);
      this.rows.set(name, Buffer.from(value));
    }
  }

  get complete(): boolean {
    const done = [...this.begun.values()].filter(r => r.complete).length;
    return done === this.#count;
  }
}

function resumeAt(offset: number) {
  return {
    range: null,
    resume: {
      epoch: 1,
      ordinal: 0,
      gtid: '',
      partialGtid: null,
      partialRows: 0,
      chunksOffset: offset + 1,
      file: '',
      pos: 0,
      tsMs: 0,
      serverUuid: '',
    },
  };
}
