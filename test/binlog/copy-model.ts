/**
 * A model of all that surrounds the ordered writer while a table is copied: a source of which every
 * state is known, a log with commits that take their time, snapshot members that are slow to send
 * and late to learn.
 */
import { CapturedTable } from '../../services/binlog/capture/captured-table.ts';
import { RangeCopy } from '../../services/snapshot/range-copy.ts';
import type { ChunkRecord } from '../../shared/codec/chunk-record.ts';
import { EnvelopeDecoder, EnvelopeEncoder } from '../../shared/codec/envelope.ts';
import type { PlannedRange, TablePlan } from '../../shared/job/state/job-view.ts';
import { type ProgressRecord, ProgressView } from '../../shared/job/state/progress-view.ts';
import type { RecordSlices } from '../../shared/kafka/wire/record-slices.ts';
import { RowCodec } from '../../shared/row/row-codec.ts';
import { ByteWriter } from '../../shared/runtime/bytes.ts';
import type { TableSchema } from '../../shared/schema/table-schema.ts';
import type { Random } from '../support/load/random.ts';

export const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const KEYS = 80;
const INT = { kind: 'integer', bits: 32, unsigned: false } as const;
const PLAIN = { nullable: false, autoIncrement: false, generated: 'no', invisible: false } as const;
export const SCHEMA: TableSchema = {
  db: 'd',
  table: 't',
  columns: ['id', 'v'].map(name => ({ name, type: INT, ...PLAIN })),
  primaryKey: [0],
  uniqueKeys: [],
};
export const TOPIC = 's.d.t';
export const TABLE = {
  ...{ schema: SCHEMA, generation: 1, prefix: 's', topic: TOPIC, partitions: 1, skipped: null },
  keyClasses: [],
  ...{ keySchemaId: 1, valueSchemaId: 2, maxMessageBytes: 1 << 20 },
};
const FINGERPRINT = new CapturedTable(TABLE).fingerprint;
const codec = new RowCodec(SCHEMA);
const envelope = new EnvelopeEncoder({ codec, prefix: 's', keySchemaId: 1, valueSchemaId: 2 });
const decoder = new EnvelopeDecoder(codec);
const INFO = { tsMs: 1, serverId: 1, gtid: null, file: '', pos: 0, thread: null } as const;
envelope.begin({ ...INFO, snapshot: 'false' });

export const gtids = (n: number): string => (n === 0 ? '' : `${UUID}:1-${n}`);

function bytesOf(write: (out: ByteWriter) => void): Buffer {
  const out = new ByteWriter(64);
  write(out);
  return out.take();
}

export const canonical = (id: number): Buffer => bytesOf(out => out.varint(id));
export const rowOf = (id: number, v: number): Buffer =>
  bytesOf(out => {
    out.varint(id);
    out.varint(v);
  });
export const framedKey = (row: Buffer): Buffer =>
  bytesOf(out => envelope.key(out, row, 0, row.length));

export function envelopeOf(
  op: 'c' | 'd' | 'r',
  row: Buffer,
  epoch: number,
  ordinal: number,
): Buffer {
  const slice = { buf: row, start: 0, end: row.length };
  const [before, after] = op === 'd' ? [slice, null] : [null, slice];
  return bytesOf(out => envelope.value(out, op, before, after, 0, epoch, ordinal, 1));
}

/** All states of the source: transaction n leads to state n. */
export class Source {
  readonly states: Map<number, number>[] = [new Map()];
  readonly changes: { id: number; v: number | null }[][] = [[]];
  #value = 0;

  get at(): number {
    return this.states.length - 1;
  }

  get now(): Map<number, number> {
    return this.states[this.at] ?? new Map();
  }

  commit(random: Random): void {
    const state = new Map(this.now);
    const changes = Array.from({ length: random.between(1, 4) }, () => {
      const id = random.below(KEYS);
      const goes = state.has(id) && random.chance(0.4);
      this.#value += 1;
      if (goes) state.delete(id);
      else state.set(id, this.#value);
      return { id, v: goes ? null : this.#value };
    });
    this.states.push(state);
    this.changes.push(changes);
  }
}

interface LogRecord {
  topic: string;
  key: Buffer;
  value: Buffer;
}

/** What is committed, in order, and what a writer has open. */
export class Log {
  readonly committed: LogRecord[] = [];
  readonly progress: { key: string; record: ProgressRecord }[] = [];
  readonly records: ProgressRecord[] = [];

  readonly codec = {
    encode: (record: ProgressRecord): Buffer => {
      this.records.push(structuredClone(record));
      return Buffer.from(String(this.records.length - 1));
    },
    decode: (): never => {
      throw new Error('not asked for');
    },
  };

  take(batch: readonly LogRecord[]): void {
    for (const { topic, key, value } of batch) {
      if (topic === TOPIC) this.committed.push({ topic, key, value });
      else {
        const record = this.records[Number(value.toString())];
        if (record !== undefined)
          this.progress.push({ key: key.toString(), record: thawed(record) });
      }
    }
  }

  /** What a consumer that knows nothing ends with. */
  overwritten(): [number, number][] {
    const rows = new Map<string, [number, number]>();
    for (const { key, value } of this.committed) {
      decoder.decode(value, 0, value.length);
      const name = key.toString('hex');
      if (decoder.hasAfter) {
        const [id, v] = codec.toJs(value, decoder.afterStart);
        rows.set(name, [Number(id), Number(v)]);
      } else rows.delete(name);
    }
    return [...rows.values()].sort(([a], [b]) => a - b);
  }
}

/** structuredClone makes plain arrays of buffers. */
function thawed(record: ProgressRecord): ProgressRecord {
  const { range } = record;
  if (!range?.after) return record;
  return { ...record, range: { ...range, after: Buffer.from(range.after) } };
}

/** The writer's end of the log: one commit at a time, which the test answers. */
export class OpenLog {
  pendingBytes = 0;
  pendingRecords = 0;
  readonly #log: Log;
  #open: LogRecord[] = [];
  #commit: { batch: LogRecord[]; done: PromiseWithResolvers<{ offsets: [] }> } | null = null;

  constructor(log: Log) {
    this.#log = log;
  }

  append(topic: string, _partition: number, record: RecordSlices): void {
    const { key, keyStart, keyEnd, value, valueStart, valueEnd } = record;
    const copy = Buffer.from(key.subarray(keyStart, keyEnd));
    this.#open.push({ topic, key: copy, value: Buffer.from(value.subarray(valueStart, valueEnd)) });
    this.pendingBytes += keyEnd - keyStart + valueEnd - valueStart;
    this.pendingRecords += 1;
  }

  commit(): Promise<{ offsets: [] }> {
    this.#commit = { batch: this.#open, done: Promise.withResolvers() };
    this.#open = [];
    this.pendingBytes = 0;
    this.pendingRecords = 0;
    return this.#commit.done.promise;
  }

  async answer(): Promise<void> {
    const commit = this.#commit;
    if (commit === null) return;
    this.#commit = null;
    this.#log.take(commit.batch);
    commit.done.resolve({ offsets: [] });
    for (let i = 0; i < 5; i++) await Promise.resolve();
  }

  /** The writer dies: the broker has the commit that was under way, or has it not. */
  die(isCommitted: boolean): void {
    if (isCommitted && this.#commit !== null) this.#log.take(this.#commit.batch);
    this.#commit = null;
  }
}

export function viewOf(log: Log, records = log.progress.length): ProgressView {
  const view = new ProgressView();
  for (const { key, record } of log.progress.slice(0, records)) view.apply(key, record);
  return view;
}

interface Reading {
  copy: RangeCopy;
  turn: number;
  chunks: ChunkRecord[];
}

/** A snapshot member: reads, is slow, sends, and learns late. */
export class Member {
  readonly #copies: RangeCopy[];
  readonly #view = new ProgressView();
  readonly #log: Log;
  readonly #source: Source;
  readonly #sent: ChunkRecord[];
  #seen = 0;
  #reading: Reading | null = null;

  constructor(plan: TablePlan, log: Log, source: Source, sent: ChunkRecord[]) {
    this.#log = log;
    this.#source = source;
    this.#sent = sent;
    this.#copies = plan.ranges.map(range => new RangeCopy(range, 1, undefined));
  }

  learn(most: number): void {
    const to = Math.min(this.#log.progress.length, this.#seen + most);
    for (const { key, record } of this.#log.progress.slice(this.#seen, to)) {
      this.#view.apply(key, record);
    }
    this.#seen = to;
    for (const copy of this.#copies) {
      const progress = this.#view.range('d', 't', copy.range.id);
      if (progress !== undefined) copy.progress(progress);
      copy.writerAt(this.#view.resume?.chunksOffset ?? 0);
    }
  }

  read(random: Random): void {
    const copy = random.pick(this.#copies);
    if (copy.allSent) return;
    const { turn, seq, after } = copy.next();
    const visible = this.#source.at;
    // The read view is at least as new as the visible set.
    if (random.chance(0.3)) this.#source.commit(random);
    const state = this.#source.now;
    const from = after ?? copy.range.after;
    const ids = [...state.keys()]
      .sort((a, b) => a - b)
      .filter(id => isIn(id, from, copy.range.upTo));
    const limit = random.between(1, 5);
    const rows = ids.slice(0, limit);
    const isLast = rows.length < limit;
    const cut = random.between(1, 3);
    const chunks: ChunkRecord[] = [];
    for (let i = 0; i < Math.max(1, rows.length); i += cut) {
      const some = rows.slice(i, i + cut);
      const last = isLast && i + cut >= rows.length;
      const upTo = last ? copy.range.upTo : canonical(some.at(-1) ?? 0);
      const begins = i === 0 ? after : (chunks.at(-1)?.upTo ?? null);
      chunks.push(
        chunkOf(copy.range, seq + chunks.length, begins, upTo, last, visible, some, state),
      );
    }
    this.#reading = { copy, turn, chunks };
  }

  send(): void {
    const reading = this.#reading;
    this.#reading = null;
    if (reading === null || reading.turn !== reading.copy.turn) return;
    for (const chunk of reading.chunks) {
      const { seq, upTo, last, rows } = chunk;
      reading.copy.sent({ seq, upTo, last, bytes: rows.length })(this.#sent.length);
      this.#sent.push(chunk);
    }
  }

  get isReading(): boolean {
    return this.#reading !== null;
  }

  get isComplete(): boolean {
    return this.#copies.every(c => c.complete);
  }
}

function idOf(key: Buffer): number {
  const [id] = codec.toJs(Buffer.concat([key, canonical(0)]), 0);
  return Number(id);
}

function isIn(id: number, after: Buffer | null, upTo: Buffer | null): boolean {
  return (after === null || id > idOf(after)) && (upTo === null || id <= idOf(upTo));
}

function chunkOf(
  range: PlannedRange,
  seq: number,
  after: Buffer | null,
  upTo: Buffer | null,
  last: boolean,
  visible: number,
  ids: readonly number[],
  state: Map<number, number>,
): ChunkRecord {
  const rows = bytesOf(out => {
    for (const id of ids) {
      const row = rowOf(id, state.get(id) ?? 0);
      for (const part of [framedKey(row), envelopeOf('r', row, 0, 0)]) {
        out.u32be(part.length);
        out.copy(part, 0, part.length);
      }
    }
  });
  return {
    ...{
      job: 'j',
      jobId: 'j#1',
      source: 's',
      db: 'd',
      table: 't',
      generation: 1,
      range: range.id,
      seq,
    },
    ...{ after, upTo, last, visible: gtids(visible), rowCount: ids.length, rows },
    fingerprint: FINGERPRINT,
    sequenceFromEnd: envelope.sequenceFromEnd,
  };
}
