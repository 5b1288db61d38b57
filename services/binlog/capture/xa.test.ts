/** XA transactions in the stream: nothing of one is in the log before its commit, all behind it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { GtidSet } from '../../../shared/change/gtid.ts';
import {
  at,
  gtid,
  insert,
  open,
  query,
  record,
  send,
  tableMap,
  UUID,
} from '../../../test/support/binlog/event-stream.ts';
import { EVENT, type RawEvent, readMariadbXid } from './binlog-event.ts';
import { carriesXa } from './source-facts.ts';

const XID = "x'61',x'',1";

beforeEach(() => {
  at.prepared = {};
  at.inBinlog = Buffer.alloc(0);
  at.copiedFromHere = false;
  open();
});

const start = (n: number): void => {
  gtid(n);
  query("XA START X'61',X'',1");
};
const rows = (...lists: number[][]): void => {
  tableMap(7);
  for (const list of lists) insert(7, list);
};
const prepare = (inOnePhase = false): void =>
  send(EVENT.XA_PREPARE, Buffer.alloc(20, inOnePhase ? 1 : 0));
const end = async (n: number, how: string): Promise<void> => {
  gtid(n);
  query(`XA ${how} X'61',X'',1`);
  await Promise.all(at.held);
};
const prepared = (n: number, ...lists: number[][]): void => {
  start(n);
  rows(...lists);
  query("XA END X'61',X'',1");
  prepare();
};
const until = (n: number): string => `${UUID}:1-${n}`;
const skipping = (n: number): void => open(null, 0, name => name, GtidSet.parse(until(n)));
const known = (n: number | null): void => {
  const preparedIn = n === null ? {} : { preparedIn: { [XID]: `${UUID}:${n}` } };
  at.prepared = { prepared: [{ xid: XID, tables: ['t'] }], ...preparedIn };
};
/** More than is kept of one. */
const MANY = Array.from({ length: 70 }, () => Array.from({ length: 2000 }, (_, i) => i % 60));

describe('rows of an XA transaction', () => {
  test('are in the log behind its commit, and not before', async () => {
    prepared(10, [1, 2], [3]);
    expect([at.appended, at.position.resume()]).toMatchObject([[], { gtid: until(10) }]);
    expect(at.capture.prepared()).toEqual({
      prepared: [{ xid: XID, tables: ['t'] }],
      preparedIn: { [XID]: `${UUID}:10` },
    });
    await end(11, 'COMMIT');
    expect([at.appended, at.reread]).toEqual([['1', '2', '3'], []]);
    expect(at.position.resume()).toMatchObject({ gtid: until(11), partialGtid: null });
    expect(at.capture.prepared()).toEqual({ prepared: [], preparedIn: {} });
  });

  test('are never in it when it is rolled back', async () => {
    prepared(10, [1]);
    await end(11, 'ROLLBACK');
    expect([at.appended, at.capture.prepared().prepared]).toEqual([[], []]);
  });

  test('of one that is committed in one phase are in it at once', async () => {
    start(10);
    rows([1, 2]);
    prepare(true);
    await Promise.all(at.held);
    expect([at.appended, at.position.resume().gtid]).toEqual([['1', '2'], until(10)]);
    expect(at.capture.prepared().prepared).toEqual([]);
  });

  test('are read again by the next reader, from the transaction that has them', async () => {
    known(10);
    at.inBinlog = record(() => rows([4], [5]));
    open();
    await end(11, 'COMMIT');
    expect([at.appended, at.reread]).toEqual([['4', '5'], [`${UUID}:10`]]);
    expect(at.position.resume().gtid).toBe(`${UUID}:1-9:11`);
  });

  test('that are many are not kept, but read again', async () => {
    prepared(10, ...MANY);
    at.inBinlog = record(() => rows([1]));
    await end(11, 'COMMIT');
    expect([at.appended, at.reread]).toEqual([['1'], [`${UUID}:10`]]);
  });

  test('that are in the log in part go on at the next one', async () => {
    known(10);
    at.inBinlog = record(() => rows([4, 5], [6]));
    open(`${UUID}:11`, 2);
    await end(11, 'COMMIT');
    expect(at.appended).toEqual(['6']);
  });

  test('are known to a reader that begins in the middle of them', async () => {
    prepared(10, [1]);
    const room = Promise.withResolvers<void>();
    at.room = room.promise;
    gtid(11);
    at.capture.filePos = 0;
    query("XA COMMIT X'61',X'',1");
    expect(at.capture.filePos).toBe(0);
    expect(at.capture.prepared().preparedIn).toEqual({ [XID]: `${UUID}:10` });
    expect(() => gtid(12)).toThrow(/before the one before was read to its end/);
    at.room = null;
    room.resolve();
    await Promise.all(at.held);
    expect([at.appended, at.capture.prepared().preparedIn]).toEqual([['1'], {}]);
    expect(at.capture.filePos).toBe(4711);
  });

  test('that a copy has not seen are appended, though it has seen the prepare', async () => {
    skipping(10);
    prepared(10, [1]);
    await end(11, 'COMMIT');
    expect(at.appended).toEqual(['1']);
    skipping(11);
    prepared(10, [1]);
    await end(11, 'COMMIT');
    expect(at.appended).toEqual([]);
  });

  test('of a table that the job has got meanwhile are read again by the next reader', async () => {
    start(10);
    tableMap(8, 'd', 'later');
    insert(8, [1]);
    prepare();
    at.prepared = at.capture.prepared();
    expect(at.prepared.prepared).toEqual([{ xid: XID, tables: ['later'] }]);
    at.inBinlog = record(() => {
      tableMap(8, 'd', 'later');
      insert(8, [1]);
    });
    open(null, 0, name => name, null, 'later');
    await end(11, 'COMMIT');
    expect([at.appended, at.reread]).toEqual([['1'], [`${UUID}:10`]]);
  });

  test('that lack columns are refused at the commit', async () => {
    start(10);
    tableMap(7);
    insert(7, [1], 1);
    prepare();
    await expect(end(11, 'COMMIT')).rejects.toThrow(/row images lack columns/);
  });

  test('that are a difference of a JSON column are refused at the commit', async () => {
    skipping(10);
    start(10);
    rows([1]);
    send(EVENT.PARTIAL_UPDATE_ROWS, Buffer.from([7, 0, 0, 0, 0, 0, 0, 0]));
    prepare();
    await expect(end(11, 'COMMIT')).rejects.toThrow(/JSON column was logged as a difference/);
  });
});

describe('what cannot be carried', () => {
  test('rows whose binlog is purged, with the table to copy', async () => {
    known(10);
    at.inBinlog = null;
    open();
    await expect(end(11, 'COMMIT')).rejects.toMatchObject({
      kind: 'unsafe-event',
      message: expect.stringMatching(/rows are not in the binlog any more/),
      remedy: expect.stringMatching(/`reshard recopy <job file> --source s --tables t`$/),
    });
    expect([at.appended, at.position.resume().gtid]).toEqual([[], until(9)]);
  });

  test('one of which an older version has not noted where its rows are', async () => {
    known(null);
    open();
    await expect(end(10, 'COMMIT')).rejects.toThrow(/that changed our tables is committed/);
    known(null);
    skipping(10);
    await end(10, 'COMMIT');
    expect(at.position.resume().gtid).toBe(until(10));
  });

  test('one that has changed a table by a statement that its copy had passed', async () => {
    skipping(10);
    start(10);
    query('UPDATE t SET n = 1');
    expect(at.position.resume().gtid).toBe(until(9));
    prepare();
    await expect(end(11, 'COMMIT')).rejects.toThrow(/that changed our tables is committed/);
  });

  test('one that was rolled back before it was prepared, and yet has rows', () => {
    start(10);
    rows([1]);
    expect(() => query("XA ROLLBACK X'61',X'',1")).toThrow(/rolled back are in the binlog/);
  });

  test('one whose savepoint was rolled back behind rows', async () => {
    start(10);
    rows([1]);
    expect(() => query('ROLLBACK TO `s`')).toThrow(/rolled back are in the binlog/);
    skipping(10);
    start(10);
    rows([1]);
    query('ROLLBACK TO `s`');
    prepare();
    await expect(end(11, 'COMMIT')).rejects.toThrow(/that changed our tables is committed/);
  });

  test('the end of one that nobody has seen, unless nothing is copied yet', async () => {
    await expect(end(10, 'COMMIT')).rejects.toThrow(/prepared before the log began/);
    open();
    at.copiedFromHere = true;
    await end(10, 'COMMIT');
    expect(at.position.resume().gtid).toBe(until(10));
    at.copiedFromHere = false;
    open();
    await end(10, 'ROLLBACK');
    expect(at.position.resume().gtid).toBe(until(10));
  });

  test("MariaDB's, before any is appended", () => {
    open(null, 0, name => name, null, 't', 'mariadb');
    const body = Buffer.alloc(21);
    body[12] = 0x40;
    body[17] = 1;
    body[19] = 0x61;
    send(EVENT.MARIADB_GTID, body);
    tableMap(7);
    expect(() => insert(7, [1])).toThrow(/an XA transaction changed our tables \(t\)/);
    expect(at.appended).toEqual([]);
  });
});

test('one of tables of others passes, and is remembered until it ends', async () => {
  start(10);
  tableMap(8, 'other');
  insert(8, [1]);
  prepare();
  const { prepared: list } = at.capture.prepared();
  expect(list).toEqual([{ xid: XID, tables: [] }]);
  await end(11, 'COMMIT');
  expect([at.capture.prepared().prepared, at.position.resume().gtid]).toEqual([[], until(11)]);
});

test.each([
  ['mysql', '8.0.29', false],
  ['mysql', '8.0.30-debug', true],
  ['mysql', '8.4.6', true],
  ['mysql', '9.7.4', true],
  ['mariadb', '11.4.9', false],
] as const)('its commit is visible with its rows: %s %s: %s', (flavor, version, wanted) => {
  expect(carriesXa({ flavor, version })).toBe(wanted);
});

test("MariaDB's is known by its id event", () => {
  const flags = Buffer.alloc(19 + 6 + 4);
  flags[12] = 0x40 | 0x02;
  flags.writeUInt32LE(7, 21);
  flags[25] = 1;
  flags[26] = 1;
  flags[27] = 0x64;
  flags[28] = 0x62;
  const event = { buf: flags, start: 0, end: flags.length } as RawEvent;
  expect(readMariadbXid(event)).toBe("x'64',x'62',7");
  flags[12] = 0x0c;
  expect(readMariadbXid(event)).toBeNull();
});
