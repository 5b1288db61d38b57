/**
 * Who has made the transaction that is read: a job of Reshard, if it has written to its own tables
 * on this server, which its sink does before it touches a row. The rows then say so, and a mark
 * behind them says up to where that job has come with each partition (shared/codec/mark.ts).
 *
 * Marks go out with the commit: in front of the position that says that the transaction is in the
 * log, so that a transaction that is read again after a crash has its mark once.
 */
import { type Flavor, type Gtid, printGtid } from '../../../shared/change/gtid.ts';
import {
  type Mark,
  type MarkKey,
  markHeader,
  ORIGIN_HEADER,
  type WaitChange,
} from '../../../shared/codec/mark.ts';
import type { RecordCodec } from '../../../shared/codec/record-codec.ts';
import { type RecordHeader, wholeRecord } from '../../../shared/kafka/wire/record-slices.ts';
import type { CapturedTable, RecordSink, RowOp } from './captured-table.ts';
import type { OwnTable, OwnValue } from './own-table.ts';

/** A mark is one record, whatever the transaction. */
const WAITS_BYTES_MAX = 256 * 1024;

export interface OriginOptions {
  /** Null: nothing is marked. */
  marks: Pick<RecordCodec<MarkKey>, 'encode'> | null;
  sink: RecordSink;
  tables: ReadonlyMap<string, CapturedTable>;
  flavor: Flavor;
}

/** Before the transaction ends. */
type OpenMark = Omit<Mark, 'gtid' | 'tsMs' | 'next' | 'left'> & { next: number | null };

export class Origin {
  /** For the rows of the transaction: undefined if no job has made it. */
  header: RecordHeader | undefined;
  readonly #o: OriginOptions;
  readonly #marks = new Map<string, OpenMark>();

  constructor(o: OriginOptions) {
    this.#o = o;
  }

  /** Rows of a table that a sink keeps. */
  take(table: OwnTable, op: RowOp, images: { buf: Buffer; pos: number; end: number }): void {
    table.each(op, images, row => {
      if (table.kind === 'offset') this.#reached(row);
      else if (op !== 'u') this.#waits(row, op === 'c');
    });
  }

  /** The transaction ends. */
  commit(gtid: Gtid | null, commitMs: number): void {
    if (this.#marks.size === 0) return;
    const placed = gtid === null ? [] : [...this.#marks.values()].flatMap(m => this.#placed(m));
    const followers = new Map<string, number>();
    for (const { table, mark } of placed.reverse()) {
      const place = `${table.topic}[${mark.partition}]`;
      const left = followers.get(place) ?? 0;
      followers.set(place, left + 1);
      mark.left = left;
    }
    const text = gtid === null ? '' : printGtid(gtid, this.#o.flavor);
    const tsMs = Math.floor(commitMs);
    for (const { table, mark } of placed.reverse())
      this.#append(table, { ...mark, gtid: text, tsMs });
    this.#marks.clear();
    this.header = undefined;
  }

  #reached(row: ReadonlyMap<string, OwnValue>): void {
    const job = text(row.get('job_id'));
    const mark = this.#markOf(row, job);
    mark.next = Number(row.get('next_offset'));
    const buf = Buffer.from(job);
    this.header = { name: ORIGIN_HEADER, buf, start: 0, end: buf.length };
  }

  #waits(row: ReadonlyMap<string, OwnValue>, waits: boolean): void {
    const mark = this.#markOf(row, text(row.get('job_id')));
    const key = row.get('row_key');
    if (!Buffer.isBuffer(key)) return;
    const change: WaitChange = { key: key.toString('base64'), waits };
    const bytes = mark.waits.reduce((n, w) => n + w.key.length, change.key.length);
    if (mark.more || bytes > WAITS_BYTES_MAX) {
      mark.waits = [];
      mark.more = true;
    } else mark.waits.push(change);
  }

  #markOf(row: ReadonlyMap<string, OwnValue>, job: string): OpenMark {
    const topic = text(row.get('topic'));
    const partition = Number(row.get('part'));
    const name = `${topic}[${partition}]`;
    const known = this.#marks.get(name);
    if (known !== undefined) return known;
    const mark = { job, topic, partition, next: null, waits: [], more: false };
    this.#marks.set(name, mark);
    return mark;
  }

  /**
   * Where it goes: to the partition of the same number, which has the same keys where the tables
   * are cut alike. Without a position it was not the sink: somebody has written to what waits.
   */
  #placed({ next, ...mark }: OpenMark): Placed[] {
    const table = [...this.#o.tables.values()].find(
      t => lastPart(t.topic) === lastPart(mark.topic),
    );
    if (next === null || table === undefined || mark.partition >= table.partitions) return [];
    return [{ table, mark: { ...mark, next, left: 0 } }];
  }

  #append(table: CapturedTable, mark: Mark): void {
    const { marks, sink } = this.#o;
    const { topic, partition } = mark;
    if (marks === null) return;
    const key = marks.encode({ topic, partition });
    sink.append(table.topic, partition, wholeRecord(key, null, Date.now(), markHeader(mark)));
  }
}

interface Placed {
  table: CapturedTable;
  mark: Omit<Mark, 'gtid' | 'tsMs'>;
}

/** The table, escaped: no part of a topic's name holds a dot (topic-name.ts). */
function lastPart(topic: string): string {
  return topic.slice(topic.lastIndexOf('.') + 1);
}

function text(value: OwnValue | undefined): string {
  return Buffer.isBuffer(value) ? value.toString('latin1') : '';
}
