/** What the stream of a source's binlog is made of, and what it asks of those around it. */
import type { Flavor, Gtid } from '../../../shared/change/gtid.ts';
import type { StreamPosition } from '../../../shared/change/position.ts';
import type { MarkKey } from '../../../shared/codec/mark.ts';
import type { RecordCodec } from '../../../shared/codec/record-codec.ts';
import type { SchemaDecision } from '../../../shared/job/state/schema-change.ts';
import type { StatementJudge } from '../ddl/judge.ts';
import type { RawEvent } from './binlog-event.ts';
import type { CapturedTable, RecordSink } from './captured-table.ts';
import type { Unpacked } from './payload.ts';
import type { SeenTable } from './seen-table.ts';
import type { NameKey } from './source-facts.ts';
import type { PreparedNotes } from './xa.ts';

/** A statement that names a table of ours, and what was decided about it. */
export interface PassedStatement {
  table: CapturedTable;
  text: string;
  decision: SchemaDecision;
  /** Columns that it adds, in lower case. */
  added: readonly string[];
  /** Who has said that it changed no row. */
  by: string;
}

/** What we ask zongji for. */
export interface EventDecoder {
  decodeTableMap(event: RawEvent): SeenTable | undefined;
  decodeGtid(event: RawEvent): { gtid: Gtid; standalone: boolean };
}

export interface CaptureOptions {
  /** The source's name. */
  source: string;
  flavor: Flavor;
  db: string;
  /** By `nameKey` of the name. */
  tables: Map<string, CapturedTable>;
  nameKey: NameKey;
  position: StreamPosition;
  sink: RecordSink;
  /** Transactions of other jobs are marked (origin.ts); null: they are as any other. */
  marks: Pick<RecordCodec<MarkKey>, 'encode'> | null;
  decoder: EventDecoder;
  judge: StatementJudge;
  /** Rows of XA transactions are taken at their commit; else they are refused (source-facts.ts). */
  carriesXa: boolean;
  /** XA transactions that are prepared where the stream begins. */
  prepared: PreparedNotes;
  /** No event may come until this has settled; its rejection ends the stream. */
  hold: (until: Promise<void>) => void;
  /** What the next event inside of a compressed transaction waits for, if the writer is full. */
  room: () => Promise<void> | null;
  /** Gives the table maps and rows of a transaction that has been read before, once more. */
  reread: (gtid: Gtid, o: Unpacked) => Promise<void>;
  /**
   * An XA transaction of before our time is committed here. True if no row of the table has been
   * copied yet: it is then copied with what that transaction has changed.
   */
  isCopiedFromHere: (table: CapturedTable) => boolean;
  /** Who has said of a statement that it changed no row; null: nobody. */
  skippedBy: (gtid: Gtid) => string | null;
  /**
   * The log goes on behind a statement that names a table of ours. Told before the transaction that
   * it is ends, so that both are in one batch.
   */
  onSchemaChange: (change: PassedStatement) => void;
  /** After each transaction (`whole`) and after each rows event of one. */
  onProgress: (whole: boolean) => void;
}
