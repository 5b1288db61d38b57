/** Statements and XA transactions in the stream: what passes, what is asked for, what halts. */
import { beforeEach, describe, expect, test } from 'vitest';
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import {
  at,
  begin,
  commit,
  gtid,
  open,
  query,
  schema,
  UUID,
} from '../../../test/support/binlog/event-stream.ts';

beforeEach(() => open());

describe('statements that row events do not tell all of', () => {
  const until = (n: number): string => `${UUID}:1-${n}`;

  test('the stream stands still until the source has answered, then goes on', async () => {
    begin(10);
    query('INSERT INTO other VALUES (1)');
    expect(at.asked).toEqual(['INSERT']);
    expect(() => commit()).toThrow(/before the one before was read to its end/);
    await Promise.all(at.held);
    commit();
    expect(at.position.resume().gtid).toBe(until(10));
  });

  test('doubt ends it with the session, and a way out for all tables', async () => {
    at.doubt = { why: 'd.other has triggers' };
    begin(10);
    query('INSERT INTO other VALUES (1)');
    await expect(Promise.all(at.held)).rejects.toMatchObject({
      kind: 'unsafe-event',
      message: expect.stringMatching(/INSERT is in the binlog as a statement, and d.other has/),
      context: expect.objectContaining({ gtid: `${UUID}:10`, thread: 33 }),
      remedy: expect.stringMatching(/; then `reshard recopy <job file> --source s`$/),
    });
    expect(() => commit()).toThrow(/before the one before was read to its end/);
  });

  test('one of ours is refused without a question, and names the table to copy', () => {
    begin(10);
    expect(() => query('UPDATE t SET n = 1')).toThrow(
      expect.objectContaining({ remedy: expect.stringMatching(/--source s --tables t`$/) }),
    );
    expect(at.asked).toEqual([]);
  });

  test('DDL that changes neither rows nor columns passes without a question', () => {
    at.doubt = { why: 'the server has gone on' };
    gtid(10);
    query('CREATE TABLE IF NOT EXISTS t (id INT)');
    gtid(11);
    query('ALTER TABLE t ADD INDEX (n), COMMENT = "x"');
    expect([at.asked, at.position.resume().gtid]).toEqual([[], until(11)]);
  });

  test('a column that is declared once more is compared with the plan; a difference halts', async () => {
    gtid(10);
    query('ALTER TABLE t MODIFY n INT COMMENT "x"');
    await Promise.all(at.held);
    expect([at.asked, at.position.resume().gtid]).toEqual([['t'], until(10)]);
    at.doubt = { why: 'it differs' };
    at.held = [];
    gtid(11);
    query('ALTER TABLE t MODIFY n BIGINT');
    await expect(Promise.all(at.held)).rejects.toMatchObject({ kind: 'schema-changed' });
  });

  test('the index of a key that row images do not show must stay, under its name', () => {
    const texts = [
      'ALTER TABLE t DROP INDEX `The Key`',
      'ALTER TABLE t ADD COLUMN a INT, DROP KEY `the key`',
      'ALTER TABLE t RENAME INDEX `the key` TO other',
      'ALTER TABLE t ALTER INDEX `the key` INVISIBLE',
      'ALTER TABLE t DROP CONSTRAINT `the key`',
      'DROP INDEX IF EXISTS `the key` ON t',
    ];
    const named = (serverKey: string[]) =>
      open(null, 0, n => n, null, 't', 'mysql', { name: 'the key', serverKey });
    for (const text of texts) {
      named(['n']);
      gtid(10);
      expect(() => query(text), text).toThrow(/the index by which its rows are told apart/);
    }
    named(['n']);
    gtid(10);
    query('ALTER TABLE t DROP INDEX another');
    expect(at.position.resume().gtid).toBe(until(10));
    // Of the server's own key every row image tells whether it is there.
    named(['id']);
    gtid(10);
    query('DROP INDEX `the key` ON t');
    expect(at.position.resume().gtid).toBe(until(10));
  });

  test('columns that are added halt, and are named', () => {
    gtid(10);
    expect(() => query('ALTER TABLE t ADD a INT, ADD COLUMN (`b` INT, c CHAR(3) NULL)')).toThrow(
      'ALTER of t at the source adds a, b, c',
    );
  });

  test('columns that were only made wider halt, and are named, beside those that are added', async () => {
    const halts = async (text: string): Promise<unknown> => {
      open();
      at.widened = ['n'];
      gtid(10);
      query(text);
      return await Promise.all(at.held).catch(e => [e.message, e.context.added, e.context.widened]);
    };
    const type = [{ name: 'n', type: 'varchar(20)' }];
    expect(await halts('ALTER TABLE t MODIFY n VARCHAR(20)')).toEqual([
      ...['ALTER of t at the source widens n', '', JSON.stringify(type)],
    ]);
    expect(await halts('ALTER TABLE t ADD a INT, CHANGE n n VARCHAR(20)')).toEqual([
      ...['ALTER of t at the source adds a, widens n', 'a', JSON.stringify(type)],
    ]);
    expect(at.asked).toEqual([]);
  });

  test('a column that is dropped halts, and one that the plan does not have passes', () => {
    gtid(10);
    query('ALTER TABLE t DROP COLUMN IF EXISTS gone');
    expect(at.position.resume().gtid).toBe(until(10));
    gtid(11);
    expect(() => query('ALTER TABLE t DROP N')).toThrow('ALTER of t at the source drops n');
    open();
    gtid(10);
    expect(() => query('ALTER TABLE t ADD a INT, DROP COLUMN N')).toThrow(
      expect.objectContaining({
        message: 'ALTER of t at the source adds a, drops n',
        context: expect.objectContaining({ table: 't', added: 'a', removed: '["n"]' }),
      }),
    );
  });

  test('columns that the plan has are passed: they were there, or came while it was made', () => {
    gtid(10);
    query('ALTER TABLE t ADD COLUMN IF NOT EXISTS N INT');
    expect(at.position.resume().gtid).toBe(until(10));
    gtid(11);
    const text = 'ALTER TABLE t ADD COLUMN IF NOT EXISTS n INT, ADD IF NOT EXISTS a INT';
    expect(() => query(text)).toThrow(/ALTER of t at the source adds a$/);
  });

  test('those with a constant halt with it, for whoever takes them up', () => {
    gtid(10);
    const text = "ALTER TABLE t ADD a INT NOT NULL DEFAULT 5, ADD B CHAR(3) DEFAULT 'x', ADD c INT";
    const constants = [
      { name: 'a', type: 'int', notNull: true, literal: '5' },
      { name: 'b', type: 'char(3)', notNull: false, literal: "'x'" },
    ];
    expect(() => query(text)).toThrow(
      expect.objectContaining({
        message: 'ALTER of t at the source adds a, b, c',
        context: expect.objectContaining({
          added: 'a, b, c',
          constants: JSON.stringify(constants),
        }),
      }),
    );
  });

  test('a column that was taken up with another value than its statement has halts there', () => {
    const [, n] = schema.columns;
    if (n === undefined) throw new Error('no column');
    const came = { ...n, name: 'came', fill: '0a' };
    const readWith = (column: Column, text: string): void => {
      open(null, 0, name => name, null, 't', 'mysql', undefined, [column]);
      gtid(10);
      query(`ALTER TABLE t ADD ${text}`);
    };
    readWith(came, 'came INT DEFAULT 5');
    expect(at.position.resume().gtid).toBe(until(10));
    readWith(came, "Came INT NOT NULL DEFAULT '5'");
    readWith({ ...n, name: 'came' }, 'came INT');
    for (const text of ['came INT DEFAULT 6', 'came INT', 'came INT NOT NULL']) {
      expect(() => readWith(came, text), text).toThrow(
        expect.objectContaining({
          message: expect.stringMatching(
            /rows that were there have another came than it was taken/,
          ),
          remedy: expect.stringMatching(/`reshard recopy <job file> --source s --tables t`/),
        }),
      );
    }
    const taken = { ...n, name: 'came' };
    expect(() => readWith(taken, 'came INT DEFAULT 0')).toThrow(/have another came/);
  });

  test('a statement is passed over on the word of somebody, and no other one', async () => {
    const texts = ['DROP TABLE t', 'ALTER TABLE t ADD a INT DEFAULT (1)', 'FROBNICATE x'];
    for (const text of texts) {
      open();
      at.skipped = new Map([[`${UUID}:10`, 'ann']]);
      gtid(10);
      query(text);
      expect([at.changes, at.position.resume().gtid]).toEqual([['t skipped ann'], until(10)]);
      gtid(11);
      expect(() => query(text), text).toThrow(
        expect.objectContaining({ context: expect.objectContaining({ halt: 'ddl' }) }),
      );
    }
    open();
    at.doubt = { why: 'it differs' };
    gtid(10);
    query('ALTER TABLE t MODIFY n BIGINT');
    await Promise.all(at.held);
    expect(at.changes).toEqual(['t skipped ann']);
    // Rows are never passed over, nor what has changed them as text.
    open();
    begin(10);
    expect(() => query('UPDATE t SET n = 1')).toThrow(
      expect.not.objectContaining({ context: expect.objectContaining({ halt: 'ddl' }) }),
    );
    at.skipped = new Map();
  });

  test('what was doubted is not told: the stream is not behind it', async () => {
    gtid(10);
    expect(() => query('ALTER TABLE t DROP n')).toThrow(/at the source/);
    open();
    at.doubt = { why: 'it differs' };
    gtid(10);
    query('ALTER TABLE t MODIFY n BIGINT');
    await expect(Promise.all(at.held)).rejects.toMatchObject({ kind: 'schema-changed' });
    expect(at.changes).toEqual([]);
  });

  test('what the stream goes on behind is told, with what was decided', async () => {
    const [, n] = schema.columns;
    if (n === undefined) throw new Error('no column');
    const came = { ...n, name: 'came', fill: '0a' };
    open(null, 0, name => name, null, 't', 'mysql', undefined, [came]);
    const texts = [
      'ALTER TABLE t ADD INDEX (n)',
      'ALTER TABLE t ADD came INT DEFAULT 5',
      'CREATE TABLE IF NOT EXISTS t (id INT)',
      'ALTER TABLE other ADD INDEX (n)',
      'ALTER TABLE t MODIFY n INT',
    ];
    for (const [i, text] of texts.entries()) {
      gtid(10 + i);
      query(text);
      await Promise.all(at.held);
    }
    const passed = ['t passed', 't taken up came', 't passed'];
    expect(at.changes).toEqual(passed);
    open(null, 0, name => name, GtidSet.parse(`${UUID}:1-10`));
    gtid(10);
    query('ALTER TABLE t DROP n');
    expect(at.changes).toEqual(['t copied']);
  });

  test.each(['TRUNCATE t', 'DROP TABLE t', 'FROBNICATE t', 'CREATE OR REPLACE DATABASE d'])(
    'halts at once: %s',
    text => {
      gtid(10);
      expect(() => query(text)).toThrow(
        expect.objectContaining({ remedy: expect.stringMatching(/`reshard recopy <job file>/) }),
      );
      expect(at.position.resume().gtid).toBe(until(9));
    },
  );

  test('a text that is no utf8 is doubted where it may name a table of ours', () => {
    gtid(10);
    query('TRUNCATE größe', 'latin1');
    open(null, 0, name => name, null, 'größe');
    gtid(10);
    expect(() => query('TRUNCATE größe', 'latin1')).toThrow(/another character set/);
    open(null, 0, name => name, null, 'größe');
    gtid(10);
    expect(() => query('TRUNCATE größe')).toThrow(/its rows are gone/);
  });

  test('a definition that takes back what an answer rested on halts', () => {
    at.doubt = { why: 'a trigger was changed afterwards' };
    gtid(10);
    expect(() => query('DROP TRIGGER tr')).toThrow(/a trigger was changed afterwards/);
  });

  test.each(['UPDATE t SET n = 1', 'TRUNCATE t', 'DROP TABLE t', 'ALTER TABLE t ADD x INT'])(
    'a table that is copied anew passes over %s, as the copy has it',
    text => {
      open(null, 0, name => name, GtidSet.parse(`${UUID}:1-10`));
      gtid(10);
      query(text);
      expect(at.position.resume().gtid).toBe(until(10));
      gtid(11);
      expect(() => query(text)).toThrow(/at the source|as a statement/);
    },
  );
});
