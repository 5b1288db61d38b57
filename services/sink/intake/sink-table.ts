/**
 * What the sink knows of one table topic: how its rows are encoded, how they are routed, and the
 * schema ids that its records must carry. Built from the plan that control wrote.
 */
import { EnvelopeDecoder } from '../../../shared/codec/envelope.ts';
import { type OlderSchema, parseSchema } from '../../../shared/job/state/job-view.ts';
import type { Route, RowView, TargetSet } from '../../../shared/route/route.ts';
import { hasSpellings } from '../../../shared/row/key-class.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import { RowProjection } from '../../../shared/row/row-projection.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';

const NONE = Buffer.alloc(0);

/** The newest copy of the table that was planned. */
export interface TableCopy {
  generation: number;
  /**
   * Of a recopy: the end that each partition of the topic had before it. All rows of the table come
   * once more behind that, so whatever is in front of it need not be read.
   */
  from: readonly number[];
  /** Id of the topic that `from` is of; empty is not known. */
  topicId?: string;
}

export interface TableSource {
  topic: string;
  source: string;
  schema: TableSchema;
  keySchemaId: number;
  valueSchemaId: number;
  older?: readonly OlderSchema[];
}

/** Reads records of before columns were added to the table, made wider or dropped. */
export interface OlderRecords {
  envelope: EnvelopeDecoder;
  rows: RowProjection;
}

export interface SinkTableOptions {
  route: Route;
  /**
   * The topic is compacted: of a row's events the one that moved it to another target may be gone
   * before the sink reads it, and those that follow know only the new place. So each event takes
   * its source's row from every target but its own.
   */
  compacted?: boolean;
  /** More than one source feeds the table: a row of another source is not this one's to touch. */
  shared?: boolean;
}

class ViewedRow implements RowView {
  buf: Buffer = NONE;
  readonly starts: Int32Array;

  constructor(columns: number) {
    this.starts = new Int32Array(columns);
  }

  start(column: number): number {
    return this.starts[column] as number;
  }
}

export class SinkTable {
  readonly topic: string;
  readonly source: string;
  readonly schema: TableSchema;
  readonly keySchemaId: number;
  readonly valueSchemaId: number;
  readonly codec: RowCodec;
  /** Reads record keys: a key is the record of the row key's columns, in key order. */
  readonly keyCodec: RowCodec;
  readonly keyColumns: readonly Column[];
  /** Keys of other bytes may be one key for the server. */
  readonly hasSpellings: boolean;
  readonly route: Route;
  readonly compacted: boolean;
  readonly isShared: boolean;
  copy: TableCopy = { generation: 1, from: [] };
  readonly envelope: EnvelopeDecoder;
  /** By the schema id of their values. */
  readonly older: ReadonlyMap<number, OlderRecords>;
  /** The row that the route is asked about. */
  readonly #view: ViewedRow;

  constructor(o: TableSource, options: SinkTableOptions) {
    const { route, compacted = false, shared = false } = options;
    this.topic = o.topic;
    this.source = o.source;
    this.schema = o.schema;
    this.keySchemaId = o.keySchemaId;
    this.valueSchemaId = o.valueSchemaId;
    this.codec = new RowCodec(o.schema);
    this.keyColumns = keyColumns(o.schema);
    this.hasSpellings = this.keyColumns.some(hasSpellings);
    this.keyCodec = new RowCodec({
      ...o.schema,
      virtual: [],
      columns: [...this.keyColumns],
      primaryKey: this.keyColumns.map((_, i) => i),
      uniqueKeys: [],
    });
    this.route = route;
    this.compacted = compacted;
    this.isShared = shared;
    this.envelope = new EnvelopeDecoder(this.codec);
    this.older = new Map(
      (o.older ?? []).map(({ schemaJson, valueSchemaId, gone }) => {
        const rows = new RowProjection(parseSchema(schemaJson), o.schema, gone);
        return [valueSchemaId, { rows, envelope: new EnvelopeDecoder(rows.older) }];
      }),
    );
    this.#view = new ViewedRow(o.schema.columns.length);
  }

  /** Targets of the row that starts at `start`. */
  targetsOf(buf: Buffer, start: number): TargetSet {
    const view = this.#view;
    view.buf = buf;
    this.codec.offsets(buf, start, view.starts);
    return this.route.targetsOf(view);
  }

  /** The table's name on the sources and on the targets. */
  get name(): string {
    return this.schema.table;
  }
}

function keyColumns(schema: TableSchema): Column[] {
  return schema.primaryKey.map(i => {
    const column = schema.columns[i];
    if (column === undefined) throw new RangeError(`the row key names column ${i}`);
    return column;
  });
}
