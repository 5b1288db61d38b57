/**
 * Enforces T5 and I10 at the source: what cannot be replayed exactly stops the source loudly, with
 * the session as evidence, and everything before it is in the log.
 */
import { describe, expect, test } from 'vitest';
import { BinlogRig } from './binlog-rig.ts';

const TABLES = [
  { name: 't', sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20), doc JSON)' },
];

interface Case {
  name: string;
  statements: string[];
  shown: RegExp;
}

const CASES: Case[] = [
  {
    name: 'a session with minimal row images',
    statements: ['SET SESSION binlog_row_image = MINIMAL', "UPDATE t SET v = 'x' WHERE id = 1"],
    shown: /unsafe-event: row images lack columns.*thread=\d+[\s\S]*binlog_row_image = FULL/,
  },
  {
    name: 'a JSON column logged as a difference',
    statements: [
      'SET SESSION binlog_row_value_options = PARTIAL_JSON',
      "UPDATE t SET doc = JSON_SET(doc, '$.a', 2) WHERE id = 1",
    ],
    shown: /unsafe-event: .*JSON.*difference[\s\S]*binlog_row_value_options/,
  },
  {
    name: 'a data change as a statement',
    statements: ['SET SESSION binlog_format = STATEMENT', "UPDATE t SET v = 'x' WHERE id = 1"],
    shown: /unsafe-event: UPDATE of t is in the binlog as a statement.*thread=\d+/,
  },
  {
    name: 'TRUNCATE',
    statements: ['TRUNCATE TABLE t'],
    shown: /unsafe-event: TRUNCATE of t/,
  },
  {
    name: 'DDL',
    statements: ['ALTER TABLE t ADD COLUMN w INT'],
    shown: /schema-changed: ALTER of t.*[\s\S]*recopy/,
  },
  {
    name: 'RENAME',
    statements: ['RENAME TABLE t TO u'],
    shown: /schema-changed: RENAME of t/,
  },
];

describe('stops loudly', () => {
  test.each(CASES)('$name', async ({ name, statements, shown }) => {
    const short = name.replace(/\W+/g, '').slice(0, 8).toLowerCase();
    await using rig = await BinlogRig.open({ name: short, tables: TABLES });
    await using _ = rig.start();
    await rig.sql(`INSERT INTO t VALUES (1, 'a', '{"a": 1}'), (2, 'b', NULL)`);
    const c = await rig.connect(rig.name);
    for (const s of statements) await c.query(s);
    await c.end();
    await rig.sql("INSERT IGNORE INTO t (id, v) VALUES (3, 'after')").catch(() => undefined);
    const error = await rig.untilHalted();
    expect(error).toMatch(shown);
    const records = await rig.records('t');
    expect(records.map(r => r.op)).toEqual(['c', 'c']);
  });
});

test('the same on tables that are not ours passes', async () => {
  await using rig = await BinlogRig.open({ name: 'foreign', tables: TABLES });
  await using _ = rig.start();
  await rig.sql(
    'CREATE TABLE other (id INT NOT NULL PRIMARY KEY, doc JSON)',
    `INSERT INTO other VALUES (1, '{"a": 1}')`,
    'ALTER TABLE other ADD COLUMN t INT',
    'CREATE TABLE from_select (PRIMARY KEY (id)) AS SELECT id FROM other',
    'CREATE TEMPORARY TABLE t2 (id INT)',
    "XA START 'f'; INSERT INTO other VALUES (2, NULL, 1); XA END 'f'; XA PREPARE 'f'; XA COMMIT 'f'",
    'TRUNCATE TABLE other',
    'CREATE INDEX by_v ON t (v)',
    'ANALYZE TABLE t',
    "BEGIN; INSERT INTO t VALUES (1, 'a', NULL); SAVEPOINT s; INSERT INTO t VALUES (2, 'b', NULL);" +
      " ROLLBACK TO s; INSERT INTO t VALUES (3, 'c', NULL); COMMIT",
  );
  await rig.sql('SET SESSION binlog_format = STATEMENT', 'INSERT INTO from_select VALUES (7)');
  // What it wrote to must be there still when the source is asked.
  await rig.untilCaughtUp();
  await rig.sql('DROP TABLE other, from_select');
  await rig.untilCaughtUp();
  expect((await rig.records('t')).map(r => r.after?.[0]).sort()).toEqual([1, 3]);
});
