/**
 * A stream of binlog events that a test makes byte by byte, into a real Capture of one small table
 * `d.t`: what a live server rarely does.
 */

import {
  EVENT,
  HEADER_BYTES,
  type RawEvent,
  readHeader,
} from '../../../services/binlog/capture/binlog-event.ts';
import { Capture } from '../../../services/binlog/capture/capture.ts';
import { CapturedTable } from '../../../services/binlog/capture/captured-table.ts';
import type { SeenTable } from '../../../services/binlog/capture/seen-table.ts';
import type { PreparedNotes } from '../../../services/binlog/capture/xa.ts';
import type { Doubt, StatementJudge } from '../../../services/binlog/ddl/judge.ts';
import { type Flavor, GtidSet, printGtid } from '../../../shared/change/gtid.ts';
import { StreamPosition } from '../../../shared/change/position.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { KeyIndex, TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';

export const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
export const schema: TableSchema = {
  db: 'd',
  table: 't',
  columns: ['id', 'n'].map(name => ({
    name,
    type: { kind: 'integer', bits: 32, unsigned: false },
    nullable: name === 'n',
    autoIncrement: false,
    generated: 'no',
    invisible: false,
  })),
  primaryKey: [0],
  uniqueKeys: [],
};

/** What a test arranges and looks at; `open` begins it anew. */
export const at: {
  seen: SeenTable | undefined;
  decoded: number;
  appended: string[];
  capture: Capture;
  position: StreamPosition;
  held: Promise<void>[];
  /** What the judge was asked about. */
  asked: string[];
  doubt: Doubt;
  prepared: PreparedNotes;
  copiedFromHere: boolean;
  /** What events inside of a compressed transaction wait for. */
  room: Promise<void> | null;
  /** Transactions that were asked for once more, and the events that come of one. */
  reread: string[];
  inBinlog: Buffer | null;
  /** Statements behind which the stream has gone on. */
  changes: string[];
  /** Who has said of a statement that it changed nothing, by transaction. */
  skipped: Map<string, string>;
  /** Columns that the judge says to be wider now. */
  widened: string[];
} = Object.assign(Object.create(null), {
  prepared: {},
  skipped: new Map(),
  widened: [],
  copiedFromHere: false,
  inBinlog: Buffer.alloc(0),
});

export const SEEN: SeenTable = {
  columns: ['id', 'n'].map(name => ({
    name,
    code: 3,
    metadata: {},
    unsigned: false,
    charset: null,
    values: [],
  })),
  primaryKey: [0],
};

const judge: StatementJudge = {
  ofData: async ({ verb }) => {
    at.asked.push(verb);
    return at.doubt;
  },
  ofTable: async (_, { table }) => {
    at.asked.push(table);
    return at.doubt;
  },
  widened: async ({ declared }) =>
    declared.flatMap(({ name, type }) => (at.widened.includes(name) ? [{ name, type }] : [])),
  onDefinition: () => at.doubt,
  trust: () => null,
};

export function open(
  partial: string | null = null,
  partialRows = 0,
  nameKey = (name: string): string => name,
  skipped: GtidSet | null = null,
  name = 't',
  flavor: Flavor = 'mysql',
  keyIndex?: KeyIndex,
  came: Column[] = [],
): void {
  at.seen = SEEN;
  at.decoded = 0;
  at.appended = [];
  at.asked = [];
  at.widened = [];
  at.changes = [];
  at.doubt = null;
  at.position = new StreamPosition(
    GtidSet.parse(flavor === 'mysql' ? `${UUID}:1-9` : '0-1-9'),
    partial,
    partialRows,
  );
  const older = { ...schema, table: name, ...(keyIndex === undefined ? {} : { keyIndex }) };
  const table = new CapturedTable({
    schema: { ...older, columns: [...older.columns, ...came] },
    older: came.length === 0 ? [] : [older],
    generation: 1,
    prefix: 's',
    topic: 's.d.t',
    partitions: 1,
    keyClasses: [],
    keySchemaId: 1,
    valueSchemaId: 2,
    maxMessageBytes: 1 << 20,
    skipped,
  });
  let ordinal = 0;
  at.held = [];
  at.room = null;
  at.reread = [];
  at.capture = new Capture({
    source: 's',
    flavor,
    db: 'd',
    tables: new Map([[name, table]]),
    nameKey,
    position: at.position,
    sink: {
      epoch: 1,
      nextOrdinal: () => {
        ordinal += 1;
        return ordinal;
      },
      append: (_topic, _partition, { key, keyStart }) => {
        at.appended.push(`${(key[keyStart + 5] ?? 0) >> 1}`);
      },
    },
    marks: null,
    decoder: {
      decodeTableMap: () => {
        at.decoded += 1;
        return at.seen;
      },
      decodeGtid: () => ({ gtid: { source: '0', number: 10, server: 1 }, standalone: false }),
    },
    judge,
    carriesXa: flavor === 'mysql',
    prepared: at.prepared,
    hold: until => at.held.push(until),
    room: () => at.room,
    reread: async (gtid, { onEvent }) => {
      at.reread.push(printGtid(gtid, 'mysql'));
      if (at.inBinlog === null) throw new ReshardError('position-lost', 'it is purged');
      eachEvent(at.inBinlog, onEvent);
    },
    isCopiedFromHere: () => at.copiedFromHere,
    skippedBy: gtid => at.skipped.get(printGtid(gtid, flavor)) ?? null,
    onSchemaChange: ({ table, decision, added, by }) => {
      const words = [table.schema.table, decision, ...added, by];
      at.changes.push(words.filter(word => word !== '').join(' '));
    },
    onProgress: () => {},
  });
}

/** An event as it stands in a file, without a checksum. */
export function eventOf(type: number, body: Buffer, flags = 0): Buffer {
  const buf = Buffer.alloc(HEADER_BYTES + body.length);
  buf.writeUInt32LE(1_700_000_000, 0);
  buf[4] = type;
  buf.writeUInt32LE(buf.length, 9);
  buf.writeUInt32LE(4711, 13);
  buf.writeUInt16LE(flags, 17);
  body.copy(buf, HEADER_BYTES);
  return buf;
}

function eachEvent(bytes: Buffer, onEvent: (event: RawEvent) => void): void {
  for (let pos = 0; pos < bytes.length; ) {
    const event = {} as RawEvent;
    const end = pos + bytes.readUInt32LE(pos + 9);
    readHeader(event, bytes, pos, end);
    onEvent(event);
    pos = end;
  }
}

let recorded: Buffer[] | null = null;

/** The events that `make` sends, as bytes: they are not sent. */
export function record(make: () => void): Buffer {
  recorded = [];
  make();
  const bytes = Buffer.concat(recorded);
  recorded = null;
  return bytes;
}

export function send(type: number, body: Buffer, flags = 0): void {
  const buf = eventOf(type, body, flags);
  if (recorded !== null) {
    recorded.push(buf);
    return;
  }
  const event = {} as RawEvent;
  readHeader(event, buf, 0, buf.length);
  at.capture.onEvent(event);
}

/** The id of a transaction, without a BEGIN. */
export function gtid(n: number): void {
  const body = Buffer.alloc(25);
  Buffer.from(UUID.replaceAll('-', ''), 'hex').copy(body, 1);
  body.writeUInt32LE(n, 17);
  send(EVENT.GTID, body);
}

export function begin(n: number): void {
  gtid(n);
  query('BEGIN');
}

export function query(text: string, charset: 'utf8' | 'latin1' = 'utf8'): void {
  const body = Buffer.concat([Buffer.alloc(13), Buffer.from('d\0'), Buffer.from(text, charset)]);
  body.writeUInt32LE(33, 0);
  body[8] = 1;
  send(EVENT.QUERY, body);
}

export function tableMap(id: number, db = 'd', table = 't'): void {
  const head = Buffer.alloc(8);
  head.writeUIntLE(id, 0, 6);
  const name = (s: string): Buffer =>
    Buffer.concat([Buffer.from([s.length]), Buffer.from(`${s}\0`)]);
  send(EVENT.TABLE_MAP, Buffer.concat([head, name(db), name(table), Buffer.from([2, 3, 3])]));
}

export function insert(id: number, rows: number[], bitmap = 3): void {
  const head = Buffer.alloc(12);
  head.writeUIntLE(id, 0, 6);
  head.writeUInt16LE(2, 8);
  head[10] = 2;
  head[11] = bitmap;
  const images = rows.map(r => {
    const image = Buffer.alloc(9);
    image.writeInt32LE(r, 1);
    image.writeInt32LE(5, 5);
    return image;
  });
  send(EVENT.WRITE_ROWS, Buffer.concat([head, ...images]));
}

export const commit = (): void => send(EVENT.XID, Buffer.alloc(8));
