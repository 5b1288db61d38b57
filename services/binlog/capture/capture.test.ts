/** The stream as a state machine, by events made byte by byte: what a live server rarely does. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  at,
  begin,
  commit,
  gtid,
  insert,
  open,
  query,
  SEEN,
  send,
  tableMap,
  UUID,
} from '../../../test/support/binlog/event-stream.ts';
import { EVENT, FLAG_IGNORABLE, type RawEvent, readHeader } from './binlog-event.ts';

beforeEach(() => open());

describe('transactions', () => {
  test('rows go out in order; the position moves at the commit', () => {
    begin(10);
    tableMap(7);
    insert(7, [1, 2, 3]);
    expect(at.position.resume().gtid).toBe(`${UUID}:1-9`);
    commit();
    expect(at.appended).toEqual(['1', '2', '3']);
    expect(at.position.resume()).toMatchObject({
      gtid: `${UUID}:1-10`,
      partialGtid: null,
      partialRows: 0,
    });
  });

  test('a statement of its own is a transaction', () => {
    gtid(10);
    query('CREATE TABLE other (id INT)');
    expect(at.position.resume().gtid).toBe(`${UUID}:1-10`);
  });

  test('one that is in the log in part is skipped up to there, across its events', () => {
    open(`${UUID}:10`, 3);
    begin(10);
    tableMap(7);
    insert(7, [1, 2]);
    insert(7, [3, 4]);
    commit();
    expect(at.appended).toEqual(['4']);
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
    expect(at.decoded).toBe(1);
    tableMap(7, 'other');
    insert(7, [1]);
    expect(at.appended).toEqual([]);
    tableMap(7);
    insert(7, [2]);
    expect(at.decoded).toBe(2);
    expect(at.appended).toEqual(['2']);
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

  test('when a file was begun is not known before it says so', () => {
    const begun = (): void => send(EVENT.FORMAT_DESCRIPTION, Buffer.alloc(84));
    const rotate = (file: string): void =>
      send(EVENT.ROTATE, Buffer.from(`\x04\0\0\0\0\0\0\0${file}`));
    rotate('b.1');
    begun();
    expect(at.capture.fileS).toBe(1_700_000_000);
    rotate('b.2');
    expect([at.capture.file, at.capture.fileS]).toEqual(['b.2', 0]);
    begun();
    expect(at.capture.fileS).toBe(1_700_000_000);
  });

  test('a name of other letters is another table, unless the server says that it is not', () => {
    begin(10);
    tableMap(7, 'd', 'T');
    tableMap(8, 'D', 't');
    insert(7, [1]);
    insert(8, [2]);
    commit();
    expect([at.appended, at.decoded]).toEqual([[], 0]);
    open(null, 0, name => name.toLowerCase());
    begin(10);
    tableMap(7, 'D', 'T');
    insert(7, [3]);
    commit();
    expect(at.appended).toEqual(['3']);
  });

  test('one without names is refused, with the setting', () => {
    at.seen = undefined;
    begin(10);
    expect(() => tableMap(7)).toThrow(expect.objectContaining({ kind: 'server-setting' }));
  });

  test('one that differs from the plan is refused, with the column and the session', () => {
    at.seen = { ...SEEN, columns: SEEN.columns.map(c => ({ ...c, unsigned: c.name === 'n' })) };
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
    expect(at.appended).toEqual([]);
  });

  test('an unknown event, unless it may be ignored', () => {
    expect(() => send(99, Buffer.alloc(4))).toThrow(/unknown type 99/);
    send(99, Buffer.alloc(4), FLAG_IGNORABLE);
  });

  test('events that say that something is lost', () => {
    expect(() => send(EVENT.INCIDENT, Buffer.alloc(4))).toThrow(/incident/);
    expect(() => send(EVENT.ANONYMOUS_GTID, Buffer.alloc(25))).toThrow(/without a global id/);
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
