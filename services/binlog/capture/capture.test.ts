/** The stream as a state machine, by events made byte by byte: what a live server rarely does. */
import { beforeEach, describe, expect, test } from 'vitest';
import { GtidSet } from '../../../shared/change/gtid.ts';
import { StreamPosition } from '../../../shared/change/position.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { EVENT, FLAG_IGNORABLE, HEADER_BYTES, type RawEvent, readHeader } from './binlog-event.ts';
import { Capture } from './capture.ts';
import { CapturedTable } from './captured-table.ts';
import type { SeenTable } from './zongji.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const schema: TableSchema = {
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

const SEEN: SeenTable = {
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

let seen: SeenTable | undefined;
let decoded: number;
let appended: string[];
let capture: Capture;
let position: StreamPosition;

function open(
  partial: string | null = null,
  partialRows = 0,
  nameKey = (name: string): string => name,
): void {
  seen = SEEN;
  decoded = 0;
  appended = [];
  position = new StreamPosition(GtidSet.parse(`${UUID}:1-9`), partial, partialRows);
  const table = new CapturedTable({
    schema,
    generation: 1,
    prefix: 's',
    topic: 's.d.t',
    partitions: 1,
    keySchemaId: 1,
    valueSchemaId: 2,
    maxMessageBytes: 1 << 20,
    skipped: null,
  });
  let ordinal = 0;
  capture = new Capture({
    flavor: 'mysql',
    db: 'd',
    tables: new Map([['t', table]]),
    nameKey,
    position,
    sink: {
      epoch: 1,
      nextOrdinal: () => {
        ordinal += 1;
        return ordinal;
      },
      append: (_t, _p, key, start) => appended.push(`${(key[start + 5] ?? 0) >> 1}`),
    },
    decoder: {
      decodeTableMap: () => {
        decoded += 1;
        return seen;
      },
      decodeGtid: () => {
        throw new Error('not asked for');
      },
      decodeQuery: () => '',
    },
    onProgress: () => {},
  });
}

function send(type: number, body: Buffer, flags = 0): void {
  const buf = Buffer.alloc(HEADER_BYTES + body.length);
  buf.writeUInt32LE(1_700_000_000, 0);
  buf[4] = type;
  buf.writeUInt32LE(buf.length, 9);
  buf.writeUInt32LE(4711, 13);
  buf.writeUInt16LE(flags, 17);
  body.copy(buf, HEADER_BYTES);
  const event = {} as RawEvent;
  readHeader(event, buf, 0, buf.length);
  capture.onEvent(event);
}

function begin(n: number): void {
  const body = Buffer.alloc(25);
  Buffer.from(UUID.replaceAll('-', ''), 'hex').copy(body, 1);
  body.writeUInt32LE(n, 17);
  send(EVENT.GTID, body);
  query('BEGIN');
}

function query(text: string): void {
  const body = Buffer.concat([Buffer.alloc(13), Buffer.from('d\0'), Buffer.from(text)]);
  body.writeUInt32LE(33, 0);
  body[8] = 1;
  send(EVENT.QUERY, body);
}

function tableMap(id: number, db = 'd', table = 't'): void {
  const head = Buffer.alloc(8);
  head.writeUIntLE(id, 0, 6);
  const name = (s: string): Buffer =>
    Buffer.concat([Buffer.from([s.length]), Buffer.from(`${s}\0`)]);
  send(EVENT.TABLE_MAP, Buffer.concat([head, name(db), name(table), Buffer.from([2, 3, 3])]));
}

function insert(id: number, rows: number[], bitmap = 3): void {
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

const commit = (): void => send(EVENT.XID, Buffer.alloc(8));

beforeEach(() => open());

describe('transactions', () => {
  test('rows go out in order; the position moves at the commit', () => {
    begin(10);
    tableMap(7);
    insert(7, [1, 2, 3]);
    expect(position.resume().gtid).toBe(`${UUID}:1-9`);
    commit();
    expect(appended).toEqual(['1', '2', '3']);
    expect(position.resume()).toEqual({
      gtid: `${UUID}:1-10`,
      partialGtid: null,
      partialRows: 0,
    });
  });

  test('a statement of its own is a transaction', () => {
    const body = Buffer.alloc(25);
    Buffer.from(UUID.replaceAll('-', ''), 'hex').copy(body, 1);
    body.writeUInt32LE(10, 17);
    send(EVENT.GTID, body);
    query('CREATE TABLE other (id INT)');
    expect(position.resume().gtid).toBe(`${UUID}:1-10`);
  });

  test('one that is in the log in part is skipped up to there, across its events', () => {
    open(`${UUID}:10`, 3);
    begin(10);
    tableMap(7);
    insert(7, [1, 2]);
    insert(7, [3, 4]);
    commit();
    expect(appended).toEqual(['4']);
  });

  test('a commit that is missing is not made up', () => {
    begin(10);
    expect(() => begin(11)).toThrow(/inside another/);
  });
});

describe('table maps', () => {
  test('the same bytes are looked at once; another table under the same id is looked at', () => {
    begin(10);
    tableMap(7);
    tableMap(7);
    expect(decoded).toBe(1);
    tableMap(7, 'other');
    insert(7, [1]);
    expect(appended).toEqual([]);
    tableMap(7);
    insert(7, [2]);
    expect(decoded).toBe(2);
    expect(appended).toEqual(['2']);
  });

  test('after a change of file an id means nothing any more', () => {
    const rotate = (file: string): void =>
      send(EVENT.ROTATE, Buffer.from(`\x04\0\0\0\0\0\0\0${file}`));
    rotate('b.1');
    begin(10);
    tableMap(7);
    commit();
    rotate('b.1');
    rotate('b.2');
    begin(11);
    expect(() => insert(7, [1])).toThrow(/not named before/);
  });

  test('a name of other letters is another table, unless the server says that it is not', () => {
    begin(10);
    tableMap(7, 'd', 'T');
    tableMap(8, 'D', 't');
    insert(7, [1]);
    insert(8, [2]);
    commit();
    expect([appended, decoded]).toEqual([[], 0]);
    open(null, 0, name => name.toLowerCase());
    begin(10);
    tableMap(7, 'D', 'T');
    insert(7, [3]);
    commit();
    expect(appended).toEqual(['3']);
  });

  test('one without names is refused, with the setting', () => {
    seen = undefined;
    begin(10);
    expect(() => tableMap(7)).toThrow(expect.objectContaining({ kind: 'server-setting' }));
  });

  test('one that differs from the plan is refused, with the column and the session', () => {
    seen = { ...SEEN, columns: SEEN.columns.map(c => ({ ...c, unsigned: c.name === 'n' })) };
    begin(10);
    expect(() => tableMap(7)).toThrow(
      expect.objectContaining({
        kind: 'schema-changed',
        message: expect.stringMatching(
          /column n was .*"unsigned":false.* and is .*"unsigned":true/,
        ),
        context: expect.objectContaining({ gtid: `${UUID}:10`, thread: 33, table: 'd.t' }),
      }),
    );
  });
});

describe('what must not pass', () => {
  test('an image without all columns', () => {
    begin(10);
    tableMap(7);
    expect(() => insert(7, [1], 1)).toThrow(/row images lack columns/);
    expect(appended).toEqual([]);
  });

  test('an unknown event, unless it may be ignored', () => {
    expect(() => send(99, Buffer.alloc(4))).toThrow(/unknown type 99/);
    send(99, Buffer.alloc(4), FLAG_IGNORABLE);
  });

  test('events that say that something is lost', () => {
    expect(() => send(EVENT.INCIDENT, Buffer.alloc(4))).toThrow(/incident/);
    expect(() => send(EVENT.ANONYMOUS_GTID, Buffer.alloc(25))).toThrow(/without a global id/);
    expect(() => send(EVENT.TRANSACTION_PAYLOAD, Buffer.alloc(4))).toThrow(/compressed/);
  });

  test.each(['ROLLBACK', 'ROLLBACK TO `s`'])('%s after rows of ours', text => {
    begin(10);
    tableMap(7);
    insert(7, [1]);
    expect(() => query(text)).toThrow(/rolled back are in the binlog/);
  });

  test('a row image that runs past its event', () => {
    begin(10);
    tableMap(7);
    const head = Buffer.from([7, 0, 0, 0, 0, 0, 0, 0, 2, 0, 2, 3, 0, 1]);
    expect(() => send(EVENT.WRITE_ROWS, head)).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    );
  });

  test('an event shorter or longer than it says', () => {
    const buf = Buffer.alloc(40);
    buf.writeUInt32LE(41, 9);
    expect(() => readHeader({} as RawEvent, buf, 0, 40)).toThrow(/is cut/);
    expect(() => readHeader({} as RawEvent, buf, 0, 18)).toThrow(/shorter than its header/);
  });
});
