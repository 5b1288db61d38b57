/** Constants of columns that are added: what is one by its text alone, and what is none. */
import { expect, test } from 'vitest';
import { classify } from './statement.ts';

test.each([
  ['MODIFY COLUMN `A b` VARCHAR(200) CHARACTER SET latin1 NOT NULL', ['a b varchar(200)!']],
  [
    'CHANGE a A CHARACTER VARYING (20), MODIFY b VARBINARY(9) FIRST',
    ['a varchar(20)', 'b varbinary(9)'],
  ],
  [
    'MODIFY IF EXISTS a INTEGER(11) unsigned NOT NULL, MODIFY b dec(8, 2), MODIFY c MEDIUMTEXT',
    ['a int unsigned!', 'b decimal(8,2)', 'c mediumtext'],
  ],
  ["MODIFY a ENUM('X', 'it''s'), CONVERT TO CHARACTER SET latin1", ["a enum('X','it''s')"]],
  [
    "MODIFY a INT NOT NULL COMMENT 'x', MODIFY b TIMESTAMP(3), MODIFY c TIMESTAMP NULL",
    ['a int!', 'b timestamp(3)!', 'c timestamp'],
  ],
  // What another sql_mode or character set reads otherwise, and what is too long for a report.
  [`MODIFY a ENUM('é'), MODIFY b ENUM("a"), MODIFY c ENUM('${'x'.repeat(1000)}')`, []],
  ['ADD a VARCHAR(20)', []],
])('types that are declared once more: %s', (clauses, wanted) => {
  const found = classify(`ALTER TABLE t ${clauses}`, 'shop', {
    db: 'shop',
    tables: new Set(['t']),
  });
  if (found.kind !== 'ddl') throw new Error(found.kind);
  expect(found.effect?.declared.map(d => `${d.name} ${d.type}${d.nullable ? '' : '!'}`)).toEqual(
    wanted,
  );
});

test.each([
  ['MODIFY COLUMN `A b` VARCHAR(200), CHANGE c C INT', ['a b', 'c']],
  ['MODIFY a INT, CONVERT TO CHARACTER SET latin1', null],
  ['CONVERT TO CHARACTER SET latin1, MODIFY a INT', null],
  ['ADD a VARCHAR(20)', []],
])('columns that are declared once more are named, or may be any: %s', (clauses, wanted) => {
  const found = classify(`ALTER TABLE t ${clauses}`, 'shop', {
    db: 'shop',
    tables: new Set(['t']),
  });
  if (found.kind !== 'ddl') throw new Error(found.kind);
  expect(found.effect?.redeclared).toEqual(wanted);
});

const constants = (clause: string): unknown => {
  const tracked = { db: 'shop', tables: new Set(['t']) };
  const found = classify(`ALTER TABLE t ADD ${clause}`, 'shop', tracked);
  if (found.kind !== 'ddl') return found.kind;
  return found.effect?.constants.map(c => [c.type, c.notNull, c.literal]) ?? null;
};

test.each<[string, string, boolean, string | null]>([
  ['x INT NOT NULL DEFAULT 7', 'int', true, '7'],
  ['COLUMN x INT DEFAULT 7 NOT NULL FIRST', 'int', true, '7'],
  ['x INT(11) UNSIGNED DEFAULT +7 AFTER `a b`', 'int(11) unsigned', false, '7'],
  ['x int default - 7', 'int', false, '-7'],
  ['x DECIMAL(8, 2) NULL DEFAULT -1.50', 'decimal(8,2)', false, '-1.50'],
  ['x DOUBLE PRECISION DEFAULT .5', 'double precision', false, '.5'],
  ['x DOUBLE DEFAULT -1.5e-3 COMMENT "in s"', 'double', false, '-1.5e-3'],
  [
    "x VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT 'a, b'",
    'varchar(9)',
    false,
    "'a, b'",
  ],
  ["x CHAR(9) CHARSET ascii NOT NULL DEFAULT ''", 'char(9)', true, "''"],
  ["x VARCHAR(9) DEFAULT 'it''s' COMMENT 'NOT ''NULL'''", 'varchar(9)', false, "'it''s'"],
  ['x VARCHAR(9) DEFAULT "it\'s"', 'varchar(9)', false, "'it''s'"],
  [
    "x ENUM('a','B c') NOT NULL DEFAULT /* the first */ 'a' INVISIBLE",
    "enum('a','B c')",
    true,
    "'a'",
  ],
  ['x BOOLEAN NOT NULL DEFAULT TRUE', 'boolean', true, '1'],
  ["x DATE NOT NULL DEFAULT '2020-01-02'", 'date', true, "'2020-01-02'"],
  ['x BIGINT NOT NULL', 'bigint', true, null],
])('%s', (clause, type, notNull, literal) => {
  expect(constants(clause)).toEqual([[type, notNull, literal]]);
});

test('of several columns each has its own; those that are NULL have none', () => {
  expect(constants('(x INT DEFAULT NULL, y INT DEFAULT 1, z INT), ADD w INT NOT NULL')).toEqual([
    ['int', false, '1'],
    ['int', true, null],
  ]);
});

test.each([
  'x INT DEFAULT (1)',
  'x INT DEFAULT (1 + 1)',
  'x INT DEFAULT 1 + 1',
  'x INT DEFAULT 1 DEFAULT 2',
  'x INT NOT NULL DEFAULT NULL',
  'x INT DEFAULT 1, ALTER COLUMN `X` SET DEFAULT 2',
  'x INT DEFAULT 1, ALTER x DROP DEFAULT',
  'x INT DEFAULT 1, MODIFY y INT',
  'x VARCHAR(9) DEFAULT 1, CONVERT TO CHARACTER SET latin1',
  'x INT NOT NULL NULL DEFAULT 1',
  'x INT DEFAULT 1 CHECK (x > 0)',
  'x INT DEFAULT 1 UNIQUE',
  'x INT DEFAULT 1 REFERENCES other (id)',
  'x INT DEFAULT NEXTVAL(s)',
  'x INT DEFAULT 0x41',
  'x INT ZEROFILL DEFAULT 1',
  'x DATETIME DEFAULT CURRENT_TIMESTAMP',
  'x DATETIME DEFAULT NOW()',
  'x DATETIME DEFAULT 0 ON UPDATE CURRENT_TIMESTAMP',
  "x DATE DEFAULT DATE '2020-01-02'",
  "x BIT(3) DEFAULT b'101'",
  "x VARCHAR(9) DEFAULT x'41'",
  "x VARCHAR(9) DEFAULT _latin1'a'",
  "x VARCHAR(9) DEFAULT N'a'",
  "x VARCHAR(9) DEFAULT 'a' 'b'",
  "x VARCHAR(9) DEFAULT 'é'",
  'x VARCHAR(9) DEFAULT "é"',
  String.raw`x VARCHAR(9) DEFAULT 'a\n'`,
  String.raw`x VARCHAR(9) DEFAULT "a\n"`,
  String.raw`x ENUM('a\n') DEFAULT 1`,
  'x VARCHAR(9) DEFAULT `a`',
])('is doubted: %s', clause => {
  expect(constants(clause)).toBeNull();
});
