/**
 * A copy under load against a model: snapshot members that read ranges and know of the log's
 * progress late, the ordered writer's intake with its bounded memory, commits that take their time,
 * writers that die with what they had open. Whatever happens, plain overwriting of the committed
 * log ends as the source (T1), and the copy comes to its end. SEED repeats a run.
 * Enforces I1.
 */
import { expect, test } from 'vitest';
import { CapturedTable } from '../../services/binlog/capture/captured-table.ts';
import { ChunkIntake } from '../../services/binlog/writer/chunk-intake.ts';
import { OrderedWriter } from '../../services/binlog/writer/ordered-writer.ts';
import { GtidSet, parseGtid } from '../../shared/change/gtid.ts';
import { StreamPosition } from '../../shared/change/position.ts';
import { sourcePosition } from '../../shared/change/source-position.ts';
import type { ChunkRecord } from '../../shared/codec/chunk-record.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import { FetchedBatch } from '../../shared/kafka/wire/fetched-batch.ts';
import { wholeRecord } from '../../shared/kafka/wire/record-slices.ts';
import { newSeed, Random } from '../support/load/random.ts';
import {
  canonical,
  envelopeOf,
  framedKey,
  gtids,
  Log,
  Member,
  OpenLog,
  rowOf,
  SCHEMA,
  Source,
  TABLE,
  TOPIC,
  UUID,
  viewOf,
} from './copy-model.ts';

const SEED = Number(process.env.SEED ?? newSeed());
const RUNS = Number(process.env.MODEL_RUNS ?? 100);
const BEFORE = 30;
/** Members that send once in 260 steps have needed more than 20,000; the bound is for "never". */
const STEPS_MAX = 100_000;

/** The binlog unit as far as it matters here: made of durable state alone. */
class Unit {
  readonly open: OpenLog;
  readonly #source: Source;
  readonly #chunks: readonly ChunkRecord[];
  readonly #position: StreamPosition;
  readonly #writer: OrderedWriter;
  readonly #intake: ChunkIntake;
  readonly #table: CapturedTable;
  #next: number;
  #row = 0;
  #chunksAt: number;

  constructor(o: {
    log: Log;
    source: Source;
    chunks: readonly ChunkRecord[];
    plan: TablePlan;
    memory: number;
    batchBytes: number;
    startAt: number;
  }) {
    const { log, plan } = o;
    const view = viewOf(log);
    const { resume } = view;
    this.#source = o.source;
    this.#chunks = o.chunks;
    this.open = new OpenLog(log);
    const executed = GtidSet.parse(resume?.gtid ?? gtids(o.startAt), 'mysql');
    this.#next = executed.last(UUID) + 1;
    this.#position = new StreamPosition(
      executed,
      resume?.partialGtid ?? null,
      resume?.partialRows ?? 0,
    );
    this.#table = new CapturedTable(TABLE);
    const remember = (): void => this.#table.startMerge(o.memory, () => this.#position.published());
    if (!view.isCopied(plan)) remember();
    this.#chunksAt = resume?.chunksOffset ?? 0;
    this.#writer = new OrderedWriter({
      writer: this.open,
      codec: log.codec,
      progressTopic: 'progress',
      jobId: 'j#1',
      position: this.#position,
      epoch: (resume?.epoch ?? 0) + 1,
      ordinal: resume?.ordinal ?? 0,
      chunksOffset: this.#chunksAt,
      recopy: null,
      sourcePosition: () =>
        sourcePosition({ file: '', pos: 0, tsMs: 0, serverUuid: UUID, fileS: 0 }),
      notes: () => ({ prepared: null, trust: null }),
      lingerMs: 0,
      everyMs: () => 0,
      batchBytes: o.batchBytes,
      onRoom: () => this.#intake?.onRoom(),
      onCommitted: () => {},
      onFail: e => {
        throw e;
      },
    });
    this.#intake = new ChunkIntake({
      jobId: 'j#1',
      onForeign: () => {},
      flavor: 'mysql',
      codec: {
        encode: () => Buffer.alloc(0),
        decode: b => copyOf(this.#chunks[Number(b.toString())]),
      },
      writer: this.#writer,
      batchBytes: o.batchBytes,
      table: () => this.#table,
      plan: () => plan,
      ranges: view.ranges,
      isBinlogBusy: () => this.#next <= this.#source.at,
      release: () => {},
      repairs: { take: () => 'passed over' },
      onRangeComplete: () => {
        if (view.isCopied(plan)) this.#table.merge = null;
      },
    });
  }

  /** One row change of the binlog, or the end of its transaction. */
  readBinlog(): void {
    const position = this.#position;
    const changes = this.#source.changes[this.#next];
    if (changes === undefined || this.#writer.isFull) return;
    const gtid = position.current ?? parseGtid(`${UUID}:${this.#next}`);
    if (position.current === null) position.begin(gtid);
    const change = changes[this.#row];
    if (change === undefined) {
      position.commit();
      this.#next += 1;
      this.#row = 0;
      this.#writer.moved();
      return;
    }
    if (position.isNextNew()) this.#publish(change, position.current ?? gtid);
    position.countRow();
    this.#row += 1;
    this.#writer.moved();
  }

  #publish({ id, v }: { id: number; v: number | null }, gtid: ReturnType<typeof parseGtid>): void {
    const writer = this.#writer;
    const row = rowOf(id, v ?? 0);
    const key = framedKey(row);
    const value = envelopeOf(v === null ? 'd' : 'c', row, writer.epoch, writer.nextOrdinal());
    writer.append(TOPIC, 0, wholeRecord(key, value, 1));
    this.#table.merge?.note(key, 5, key.length, gtid);
  }

  readChunks(most: number): void {
    const to = Math.min(this.#chunks.length, this.#chunksAt + most);
    if (to === this.#chunksAt || this.#intake.isWaiting) return;
    const count = to - this.#chunksAt;
    const fetched = new FetchedBatch('s.chunks', 0, Buffer.alloc(count * 8), count);
    for (let i = 0; i < count; i++) {
      const name = String(this.#chunksAt + i);
      fetched.buf.write(name, i * 8);
      fetched.valueStart[i] = i * 8;
      fetched.valueEnd[i] = i * 8 + name.length;
      fetched.offsets[i] = this.#chunksAt + i;
    }
    fetched.count = count;
    fetched.position = to;
    this.#chunksAt = to;
    this.#intake.onFetched(fetched);
  }

  pump(): void {
    this.#intake.pump();
    this.#writer.moved();
  }

  get isAtEnd(): boolean {
    return this.#next > this.#source.at && this.#position.current === null;
  }

  close(isCommitted: boolean): void {
    this.#writer.close();
    this.open.die(isCommitted);
  }
}

function copyOf(chunk: ChunkRecord | undefined): ChunkRecord {
  if (chunk === undefined) throw new Error('no such chunk');
  return { ...chunk, rows: Buffer.from(chunk.rows) };
}

async function play(run: number): Promise<void> {
  const random = new Random(SEED, run);
  const source = new Source();
  for (let i = 0; i < BEFORE; i++) source.commit(random);
  const bounds = [canonical(random.below(40)), canonical(40 + random.below(40))];
  const ends = [null, ...bounds, null];
  const ranges = bounds
    .concat(bounds.slice(0, 1))
    .map((_, id) => ({ id, after: ends[id] ?? null, upTo: ends[id + 1] ?? null }));
  const plan = {
    ...{ generation: 1, source: 's', db: 'd', table: 't', topic: TOPIC, schemaJson: '' },
    ...{ keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0, ranges, schema: SCHEMA },
  };
  const log = new Log();
  const chunks: ChunkRecord[] = [];
  const memory = random.pick([600, 2000, 1 << 20]);
  const batchBytes = random.pick([200, 1000, 100_000]);
  const unitNow = (): Unit =>
    new Unit({ log, source, chunks, plan, memory, batchBytes, startAt: BEFORE });
  let unit = unitNow();
  const weights = {
    binlog: random.pick([30, 90, 200]),
    answer: random.pick([10, 40, 100]),
    send: random.pick([1, 15]),
  };
  let isQuiet = false;
  let members = [0, 1].map(() => new Member(plan, log, source, chunks));
  try {
    for (let step = 0; ; step++) {
      // Later changes of a key would cure what the copy has done to it.
      if (step % 20 === 0) isQuiet ||= step > 4000 || viewOf(log).isCopied(plan);
      const what = random.weighted({
        commit: isQuiet ? 0 : 20,
        binlog: isQuiet ? 90 : weights.binlog,
        chunks: 20,
        answer: weights.answer,
        read: 15,
        send: weights.send,
        learn: 30,
        pump: 5,
        die: isQuiet ? 0 : 1,
        leave: isQuiet ? 0 : 1,
      });
      const member = random.pick(members);
      if (what === 'commit') source.commit(random);
      else if (what === 'binlog') unit.readBinlog();
      else if (what === 'chunks') unit.readChunks(random.between(1, 4));
      else if (what === 'answer') await unit.open.answer();
      else if (what === 'read' && !member.isReading) member.read(random);
      else if (what === 'send') member.send();
      else if (what === 'learn') member.learn(random.between(1, 8));
      else if (what === 'pump') unit.pump();
      else if (what === 'leave') members = [member, new Member(plan, log, source, chunks)];
      else if (what === 'die') {
        unit.close(random.chance(0.5));
        unit = unitNow();
      }
      if (isQuiet && step % 20 === 0 && unit.isAtEnd) {
        const view = viewOf(log);
        if (view.isCopied(plan) && view.resume?.gtid === gtids(source.at)) break;
      }
      if (step > STEPS_MAX) break;
    }
  } finally {
    unit.close(true);
  }
  expect(viewOf(log).isCopied(plan), 'the copy comes to its end').toBe(true);
  const wanted = [...source.now].sort(([a], [b]) => a - b);
  expect(log.overwritten(), `run ${run} of seed ${SEED}`).toEqual(wanted);
}

test(`a copy under load, with writers and members that die, seed ${SEED}`, async () => {
  for (let run = 0; run < RUNS; run++) await play(run);
}, 120_000);
