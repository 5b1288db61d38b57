/** Compressed transactions: the rows of plain ones, in bounded memory; damaged ones are refused. */
import { createZstdCompress, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import {
  at,
  begin,
  commit,
  eventOf,
  gtid,
  insert,
  open,
  query,
  record,
  send,
  tableMap,
  UUID,
} from '../../../test/support/binlog/event-stream.ts';
import { EVENT } from './binlog-event.ts';
import { CapturedTable } from './captured-table.ts';
import { EventCutter } from './event-cutter.ts';

beforeEach(() => open());

const UNTIL_10 = `${UUID}:1-10`;

interface Written {
  compression: number;
  /** What the payload says of itself; null: nothing. */
  inflatedBytes: number | null;
  bytes: number;
}

const number = (n: number): Buffer => {
  if (n < 251) return Buffer.from([n]);
  const wide = Buffer.alloc(9, 254);
  wide.writeBigUInt64LE(BigInt(n), 1);
  return wide;
};
const field = (type: number, n: number): Buffer =>
  Buffer.concat([number(type), number(number(n).length), number(n)]);

function payload(packed: Buffer, o: Written): Buffer {
  const sizes = [field(2, o.compression)];
  if (o.inflatedBytes !== null) sizes.push(field(3, o.inflatedBytes));
  return Buffer.concat([...sizes, field(1, o.bytes), number(0), packed]);
}

function sendPacked(
  events: Buffer,
  o: Partial<Written> = {},
  packed: Buffer = zstdCompressSync(events),
): void {
  const told = { compression: 0, inflatedBytes: events.length, bytes: packed.length, ...o };
  send(EVENT.TRANSACTION_PAYLOAD, payload(packed, told));
}

function sendRaw(events: Buffer, o: Partial<Written> = {}): void {
  sendPacked(events, { compression: 255, inflatedBytes: null, ...o }, events);
}

/** BEGIN, what `make` sends, the commit. */
const transaction = (make: () => void): Buffer =>
  record(() => {
    query('BEGIN');
    make();
    commit();
  });

const rows = (...lists: number[][]): Buffer =>
  transaction(() => {
    tableMap(7);
    for (const list of lists) insert(7, list);
  });

/** More than is inflated at once. */
const MANY = Array.from({ length: 4000 }, (_, i) => Array.from({ length: 20 }, () => i % 60));

describe('a compressed transaction', () => {
  test.each([
    ['by zstd', sendPacked],
    ['not at all', sendRaw],
  ])('packed %s gives what a plain one gives, and the same position', (_, sendIt) => {
    gtid(10);
    sendIt(rows([1, 2], [3]));
    expect(at.appended).toEqual(['1', '2', '3']);
    expect(at.position.resume()).toMatchObject({ gtid: UNTIL_10, partialGtid: null });
    expect([at.held, at.capture.filePos]).toEqual([[], 4711]);
    begin(11);
    insert(7, [4]);
    commit();
    expect(at.appended).toEqual(['1', '2', '3', '4']);
  });

  test('a large one gives all rows, in order, and only then is its end passed', async () => {
    gtid(10);
    at.capture.filePos = 0;
    sendPacked(rows(...MANY));
    expect(at.capture.filePos).toBe(0);
    expect(() => gtid(11)).toThrow(/before the one before was read to its end/);
    await Promise.all(at.held);
    expect(at.appended).toEqual(MANY.flat().map(String));
    expect(at.position.resume()).toMatchObject({ gtid: UNTIL_10, partialGtid: null });
    expect(at.capture.filePos).toBe(4711);
  });

  test('one without its size, as older servers may write it', async () => {
    gtid(10);
    sendPacked(rows([1]), { inflatedBytes: null });
    await Promise.all(at.held);
    expect([at.appended, at.position.resume().gtid]).toEqual([['1'], UNTIL_10]);
  });

  test('one that is in the log in part goes on at the next row', async () => {
    open(`${UUID}:10`, 79_998);
    gtid(10);
    sendPacked(rows(...MANY));
    await Promise.all(at.held);
    expect(at.appended).toEqual(['39', '39']);
    open(`${UUID}:10`, 2);
    gtid(10);
    sendPacked(rows([1, 2], [3]));
    expect(at.appended).toEqual(['3']);
  });

  test('its rows are numbered through, as they share a position', () => {
    const seen: number[] = [];
    const change = CapturedTable.prototype.change;
    const spy = vi.spyOn(CapturedTable.prototype, 'change').mockImplementation(function (
      this: CapturedTable,
      op,
      buf,
      pos,
      end,
      o,
    ) {
      seen.push(o.row);
      return change.call(this, op, buf, pos, end, o);
    });
    gtid(10);
    sendPacked(rows([1, 2], [3]));
    begin(11);
    insert(7, [4]);
    insert(7, [5]);
    spy.mockRestore();
    expect(seen).toEqual([0, 1, 2, 0, 0]);
    expect(at.capture.counts.c).toBe(5);
  });

  test('while the writer is full no event of it is taken', async () => {
    const room = Promise.withResolvers<void>();
    at.room = room.promise;
    gtid(10);
    sendPacked(rows([1], [2]));
    await new Promise(setImmediate);
    expect(at.appended).toEqual([]);
    at.room = null;
    room.resolve();
    await Promise.all(at.held);
    expect(at.appended).toEqual(['1', '2']);
  });

  test('a statement in it is judged before what comes after', async () => {
    const events = transaction(() => {
      query('INSERT INTO other VALUES (1)');
      tableMap(7);
      insert(7, [1]);
    });
    gtid(10);
    sendPacked(events);
    expect([at.asked, at.appended]).toEqual([['INSERT'], []]);
    await Promise.all(at.held);
    expect([at.appended, at.position.resume().gtid]).toEqual([['1'], UNTIL_10]);
    at.held = [];
    at.doubt = { why: 'd.other has triggers' };
    gtid(11);
    sendPacked(events);
    for (const held of at.held) await expect(held).rejects.toThrow(/d.other has triggers/);
    expect(at.appended).toEqual(['1']);
  });

  test('images that lack columns are refused in it, and the session told', () => {
    gtid(10);
    const events = transaction(() => {
      tableMap(7);
      insert(7, [1], 1);
    });
    expect(() => sendPacked(events)).toThrow(
      expect.objectContaining({
        kind: 'unsafe-event',
        message: expect.stringMatching(/row images lack columns/),
        context: expect.objectContaining({ gtid: `${UUID}:10`, thread: 33 }),
      }),
    );
  });
});

test('256 MB in one transaction take the memory of a few events', async () => {
  const total = 256 * 1024 * 1024;
  const other = record(() => tableMap(8, 'other'));
  const body = Buffer.alloc(64 * 1024);
  body.writeUIntLE(8, 0, 6);
  body.writeUInt16LE(2, 8);
  body[10] = 2;
  body[11] = 3;
  const filler = eventOf(EVENT.WRITE_ROWS, body);
  const count = Math.ceil(total / filler.length);
  const head = Buffer.concat([record(() => query('BEGIN')), other]);
  const tail = record(() => {
    tableMap(7);
    insert(7, [1]);
    commit();
  });
  const compress = createZstdCompress();
  const feed = async (): Promise<void> => {
    compress.write(head);
    for (let i = 0; i < count; i++) {
      if (!compress.write(filler)) await new Promise(resolve => compress.once('drain', resolve));
    }
    compress.end(tail);
  };
  const fed = feed();
  const packed: Buffer[] = [];
  for await (const piece of compress) packed.push(piece);
  await fed;
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const look = (): void => {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  };
  const looks = setInterval(look, 5);
  // At the last row all has been inflated, or nothing is held of it.
  const { appended } = at;
  vi.spyOn(appended, 'push').mockImplementation(row => {
    look();
    appended[appended.length] = row;
    return appended.length;
  });
  gtid(10);
  const inflatedBytes = head.length + count * filler.length + tail.length;
  sendPacked(
    Buffer.alloc(0),
    { inflatedBytes, bytes: Buffer.concat(packed).length },
    Buffer.concat(packed),
  );
  await Promise.all(at.held);
  clearInterval(looks);
  expect([at.appended, at.position.resume().gtid]).toEqual([['1'], UNTIL_10]);
  // What V8 lets lie before it collects is in it.
  expect(most).toBeLessThan(total / 2);
});

describe('a malformed one is refused', () => {
  const good = rows([1, 2, 3]);
  const packed = zstdCompressSync(good);
  const damaged = Buffer.from(packed);
  damaged.fill(0xff, 8);

  const nested = transaction(() => send(EVENT.ROTATE, Buffer.alloc(8)));
  const short = Buffer.from(good);
  short.writeUInt32LE(7, 9);
  const wide = Buffer.from(good);
  wide.writeUInt32LE(0xffffffff, 9);

  test.each<[string, RegExp, () => void]>([
    ['damaged bytes', /cannot be inflated/, () => sendPacked(good, {}, damaged)],
    [
      'bytes that are cut',
      /cannot be inflated/,
      () => sendPacked(good, {}, packed.subarray(0, 20)),
    ],
    ['more than it says', /cannot be inflated/, () => sendPacked(good, { inflatedBytes: 30 })],
    [
      'less than it says',
      /inflates to less/,
      () => sendPacked(good, { inflatedBytes: good.length + 1 }),
    ],
    ['half an event', /ends before/, () => sendRaw(good.subarray(0, good.length - 3))],
    ['an event without a header', /is cut/, () => sendRaw(short)],
    ['an event longer than all', /longer than it says/, () => sendPacked(wide)],
    [
      'bytes missing at its end',
      /payload is cut/,
      () => sendPacked(good, { bytes: packed.length + 1 }),
    ],
    ['an unknown compression', /unknown way \(7\)/, () => sendPacked(good, { compression: 7 })],
    ['an event of a file', /holds an event of type 4/, () => sendPacked(nested)],
    ['no fields', /payload is cut/, () => send(EVENT.TRANSACTION_PAYLOAD, Buffer.alloc(0))],
    [
      'an impossible number',
      /impossible number/,
      () => send(EVENT.TRANSACTION_PAYLOAD, Buffer.alloc(9, 251)),
    ],
  ])('%s', (_, message, sendIt) => {
    gtid(10);
    expect(sendIt).toThrow(
      expect.objectContaining({
        kind: 'corrupt',
        message: expect.stringMatching(message),
        context: expect.objectContaining({ gtid: `${UUID}:10` }),
      }),
    );
    expect(at.position.resume().gtid).toBe(`${UUID}:1-9`);
  });

  test('a large one too', async () => {
    const many = rows(...MANY);
    const cut = zstdCompressSync(many);
    gtid(10);
    sendPacked(many, { bytes: cut.length - 9 }, cut.subarray(0, cut.length - 9));
    await expect(Promise.all(at.held)).rejects.toMatchObject({ kind: 'corrupt' });
    open();
    gtid(10);
    sendPacked(many, { inflatedBytes: many.length - 1 });
    await expect(Promise.all(at.held)).rejects.toThrow(/longer than it says/);
    expect(at.position.resume()).toMatchObject({ gtid: `${UUID}:1-9`, partialGtid: `${UUID}:10` });
  });
});

test('property: however the bytes come in pieces, the events are the same', () => {
  const bodies = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 12 });
  const cuts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(bodies, cuts, (made, sizes) => {
      const all = Buffer.concat(made.map((body, i) => eventOf(i + 1, Buffer.from(body))));
      const cutter = new EventCutter(all.length, 99);
      const seen: string[] = [];
      for (let pos = 0, i = 0; pos < all.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        cutter.push(all.subarray(pos, pos + size));
        pos += size;
        for (let e = cutter.next(); e !== null; e = cutter.next()) {
          seen.push(`${e.type} ${e.logPos} ${e.buf.toString('hex', e.start, e.end)}`);
        }
      }
      cutter.end(all.length);
      const wanted = made.map((body, i) => `${i + 1} 99 ${Buffer.from(body).toString('hex')}`);
      expect(seen).toEqual(wanted);
    }),
  );
});
