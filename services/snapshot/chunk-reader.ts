/**
 * Reads the next rows of a key range and encodes them as they will stand in the table's topic.
 *
 * The order of the three steps is the contract of the merge: first R, the transactions that are
 * certainly visible; then the SELECT, in a read view of its own (autocommit); then a look whether
 * the table still is what it was planned as. Asked the other way round, R could hold a transaction
 * that the SELECT did not see, and a schema changed between look and SELECT would decode wrongly.
 * Columns that came since then are left out: rows of the plan's shape are true as long as the log
 * has not come to the statement that brought them, and are refused by the writer afterwards.
 *
 * Hot path: row packet bytes -> Avro bytes -> one growing buffer; no object for a row or a value.
 */

import { beginPart, endPart } from '../../shared/codec/chunk-rows.ts';
import { EnvelopeEncoder } from '../../shared/codec/envelope.ts';
import { FRAME_BYTES, registryFrame } from '../../shared/codec/registry-frame.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../shared/mysql/gtid-lower-bound.ts';
import { inspectTable } from '../../shared/mysql/inspect.ts';
import { errnoOf } from '../../shared/mysql/mysql-error.ts';
import { chunkSelect, keysSelect, selectList } from '../../shared/mysql/range-sql.ts';
import { positionBehind } from '../../shared/mysql/table-position.ts';
import { KeyBound } from '../../shared/row/key-bound.ts';
import { RowCodec } from '../../shared/row/row-codec.ts';
import { ByteWriter } from '../../shared/runtime/bytes.ts';
import { ReshardError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import { inPlannedOrder, withoutColumns } from '../../shared/schema/table-growth.ts';
import {
  allColumns,
  rowKeyNames,
  schemaFingerprint,
  type TableSchema,
} from '../../shared/schema/table-schema.ts';
import type { Altered } from './altered-table.ts';

/** Rows of one chunk record. `rows` is valid until the next read. */
export type ReadChunk = {
  /** Key of the last row; the end of the range if `last`. */
  upTo: Buffer | null;
  last: boolean;
  visible: string;
  rowCount: number;
  rows: Buffer;
};

export type ReadBounds = { after: Buffer | null; upTo: Buffer | null };

/** Rows past this many chunks' bytes are left for the next read, whatever was asked for. */
const READ_CHUNKS_MAX = 4;
const NO_SUCH_INDEX = 1176;
const NO_SUCH_COLUMN = 1054;
/** The buffer of a row does not stay bigger. */
const ROW_BYTES_MAX = 1024 * 1024;

/** Where a chunk ends in the buffer, and its last key. */
type Cut = { end: number; rowCount: number; keyStart: number; keyEnd: number };

export class ChunkReader {
  readonly fingerprint: string;
  readonly bound: KeyBound;
  readonly #session: MysqlSession;
  readonly #plan: TablePlan;
  readonly #chunkBytes: number;
  readonly #codec: RowCodec;
  readonly #envelope: EnvelopeEncoder;
  readonly #asking: RowCodec['asking'];
  readonly #serverId: number;
  readonly #row = new ByteWriter(16 * 1024);
  readonly #slice = { buf: this.#row.buf, start: 0, end: 0 };
  readonly #out: ByteWriter;
  /** As the server that is read has it. */
  #schema: TableSchema;
  #cuts: Cut[] = [];
  #nowMs = 0;
  /** Condition of the rows that are read of a range; null is all. */
  readonly #only: string | null;

  constructor(
    session: MysqlSession,
    plan: TablePlan,
    serverId: number,
    chunkBytes: number,
    only: string | null = null,
  ) {
    this.#only = only;
    this.#session = session;
    this.#plan = plan;
    this.#serverId = serverId;
    this.#chunkBytes = chunkBytes;
    this.#schema = plan.schema;
    this.#codec = new RowCodec(plan.schema);
    this.#asking = this.#codec.asking;
    this.#envelope = new EnvelopeEncoder({
      codec: this.#codec,
      prefix: plan.source,
      keySchemaId: plan.keySchemaId,
      valueSchemaId: plan.valueSchemaId,
    });
    this.bound = new KeyBound(plan.schema);
    this.fingerprint = schemaFingerprint(plan.schema);
    this.#out = new ByteWriter(chunkBytes * 2);
  }

  get sequenceFromEnd(): number {
    return this.#envelope.sequenceFromEnd;
  }

  /** The rows after `after`, at most `limit`, as one or more chunks in key order. */
  async read(bounds: ReadBounds, limit: number): Promise<ReadChunk[] | Altered> {
    const range = this.bound.range(bounds.after, bounds.upTo);
    const visible = await gtidLowerBound(this.#session);
    const select = (schema: TableSchema): string => {
      return chunkSelect(schema, range, limit, this.#only, selectList(schema, this.#asking));
    };
    this.#begin();
    let selected = await this.#select(select);
    while (this.#mustAskAgain()) {
      this.#begin();
      selected = await this.#select(select);
    }
    if ('altered' in selected) return selected;
    const { rows } = selected;
    failpoint(FAILPOINTS.snapshotMidChunk);
    const altered = await this.#altered();
    if (altered !== null) return altered;
    const kept = this.#cuts.reduce((sum, cut) => sum + cut.rowCount, 0);
    return this.#chunks(visible, rows < limit && kept === rows ? bounds : null);
  }

  /** The rows of exactly these keys, as many as there are; null when they are more than a chunk. */
  async readKeys(
    keys: readonly Buffer[],
  ): Promise<Pick<ReadChunk, 'visible' | 'rowCount' | 'rows'> | Altered | null> {
    const literals = keys.map(key => this.bound.literals(key));
    const visible = await gtidLowerBound(this.#session);
    this.#begin();
    const selected = await this.#select(now => keysSelect(now, literals));
    if ('altered' in selected) return selected;
    const { rows } = selected;
    failpoint(FAILPOINTS.snapshotMidChunk);
    const altered = await this.#altered();
    if (altered !== null) return altered;
    if (this.#cuts.length > 1) return null;
    return { visible, rowCount: rows, rows: this.#out.view() };
  }

  /** The rows of the last read are not needed any more: a huge one does not stay in memory. */
  shed(): void {
    this.#row.shed(ROW_BYTES_MAX);
    this.#slice.buf = this.#row.buf;
    this.#out.shed(this.#chunkBytes * (READ_CHUNKS_MAX + 1));
    this.#cuts = [];
  }

  /** A key as it goes to the table topic. */
  framed(key: Buffer): Buffer {
    return Buffer.concat([registryFrame(this.#plan.keySchemaId), key]);
  }

  /** The key of the chunk's last row, for people. */
  describeLast(chunk: ReadChunk): string {
    const { keyStart, keyEnd } = this.#cuts.at(-1) ?? {
      keyStart: FRAME_BYTES,
      keyEnd: FRAME_BYTES,
    };
    const key = chunk.upTo ?? this.#out.buf.subarray(keyStart + FRAME_BYTES, keyEnd);
    return this.bound.describe(key);
  }

  #begin(): void {
    this.#nowMs = Date.now();
    this.#out.clear();
    this.#cuts = [];
    this.#envelope.begin({
      tsMs: this.#nowMs,
      snapshot: 'incremental',
      serverId: this.#serverId,
      gtid: null,
      file: '',
      pos: 0,
      thread: null,
    });
  }

  readonly #onRow = (buf: Buffer, start: number, end: number): void => {
    const out = this.#out;
    if (out.pos > this.#chunkBytes * READ_CHUNKS_MAX) return;
    const row = this.#row;
    row.clear();
    this.#codec.fromText(buf, start, end, row);
    const keyStart = beginPart(out);
    this.#envelope.key(out, row.buf, 0, row.pos);
    endPart(out, keyStart);
    const keyEnd = out.pos;
    const valueStart = beginPart(out);
    const slice = this.#slice;
    slice.buf = row.buf;
    slice.end = row.pos;
    this.#envelope.value(out, 'r', null, slice, 0, 0, 0, this.#nowMs);
    endPart(out, valueStart);
    this.#note(keyStart, keyEnd);
  };

  /** A chunk is at most `chunkBytes`, or one row. */
  #note(keyStart: number, keyEnd: number): void {
    const end = this.#out.pos;
    const cut = this.#cuts.at(-1);
    const chunkStart = this.#cuts.at(-2)?.end ?? 0;
    if (cut === undefined || end - chunkStart > this.#chunkBytes) {
      this.#cuts.push({ end, rowCount: 1, keyStart, keyEnd });
      return;
    }
    cut.end = end;
    cut.rowCount++;
    cut.keyStart = keyStart;
    cut.keyEnd = keyEnd;
  }

  /** `finished`: the read has come to the end of the range. */
  #chunks(visible: string, finished: ReadBounds | null): ReadChunk[] {
    const { buf } = this.#out;
    const chunks = this.#cuts.map((cut, i): ReadChunk => {
      const start = this.#cuts[i - 1]?.end ?? 0;
      return {
        upTo: Buffer.from(buf.subarray(cut.keyStart + FRAME_BYTES, cut.keyEnd)),
        last: false,
        visible,
        rowCount: cut.rowCount,
        rows: buf.subarray(start, cut.end),
      };
    });
    if (finished === null) return chunks;
    const end = chunks.at(-1);
    if (end !== undefined) {
      end.last = true;
      end.upTo = finished.upTo;
      return chunks;
    }
    // An empty end is told too: without it the range would never be complete.
    return [{ upTo: finished.upTo, last: true, visible, rowCount: 0, rows: buf.subarray(0, 0) }];
  }

  /** Documents came whose kinds cannot be told by what was asked. */
  #mustAskAgain(): boolean {
    const missed = [...this.#asking.values()].filter(asking => asking.settle());
    return missed.length > 0;
  }

  /** The index of the key may have another name here than at the source, or by now. */
  async #select(sql: (schema: TableSchema) => string): Promise<{ rows: number } | Altered> {
    try {
      return await this.#session.rawQuery(sql(this.#schema), this.#onRow);
    } catch (e) {
      const errno = errnoOf(e);
      if (errno !== NO_SUCH_INDEX && errno !== NO_SUCH_COLUMN) throw e;
      const altered = await this.#altered();
      if (altered !== null) return altered;
      if (errno === NO_SUCH_COLUMN) throw e;
    }
    return this.#session.rawQuery(sql(this.#schema), this.#onRow);
  }

  /** Null: but for columns that came, the table is as planned. */
  async #altered(): Promise<Altered | null> {
    const { source, db, table, schema, older = [] } = this.#plan;
    const now = await inspectTable(this.#session, db, table, { key: rowKeyNames(schema) });
    const had = new Set(allColumns(schema).map(c => c.name));
    const came = allColumns(now).flatMap(({ name }) => (had.has(name) ? [] : [name]));
    const known = inPlannedOrder(withoutColumns(now, came, schema), schema);
    if (schemaFingerprint(known) === this.fingerprint) {
      this.#schema = known;
      return null;
    }
    const found = schemaFingerprint(now);
    const isOlder = older.some(o => schemaFingerprint(JSON.parse(o.schemaJson)) === found);
    if (isOlder) {
      // A replica that is read comes to the change later than the source that it was taken up at.
      throw new ReshardError('source', `${table} is not yet as it was taken up at the source`, {
        context: { source, db, table },
      });
    }
    return { altered: await positionBehind(this.#session, db, table), as: found };
  }
}
