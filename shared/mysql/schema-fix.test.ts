/** Definitions of columns are taken from what a server prints, and changed where they are code. */
import { expect, test } from 'vitest';
import {
  alterTable,
  notNullDefinition,
  textClause,
  widened,
  withDefault,
  withTextOf,
} from './schema-fix.ts';

const CREATE = [
  'CREATE TABLE `t` (',
  '  `a` int DEFAULT NULL,',
  "  `b` varchar(9) COLLATE utf8mb4_bin DEFAULT 'it''s DEFAULT NULL' COMMENT 'NULL DEFAULT NULL',",
  '  `c` timestamp NULL DEFAULT NULL,',
  "  `d DEFAULT NULL` enum('x DEFAULT NULL') DEFAULT NULL,",
  '  `e` int /*!80023 INVISIBLE */,',
  '  UNIQUE KEY `a` (`a`)',
  ') ENGINE=InnoDB',
].join('\n');

test.each([
  ['a', '`a` int NOT NULL'],
  [
    'b',
    "`b` varchar(9) COLLATE utf8mb4_bin NOT NULL DEFAULT 'it''s DEFAULT NULL' COMMENT 'NULL DEFAULT NULL'",
  ],
  ['c', '`c` timestamp NOT NULL'],
  ['d DEFAULT NULL', "`d DEFAULT NULL` enum('x DEFAULT NULL') NOT NULL"],
  ['e', '`e` int /*!80023 INVISIBLE */ NOT NULL'],
  ['f', undefined],
])('the column %s, but NOT NULL', (name, wanted) => {
  expect(notNullDefinition(CREATE, name)).toBe(wanted);
});

test.each([
  ['`a` varchar(9) DEFAULT NULL', '`a` varchar(9) X DEFAULT NULL'],
  ['`a b``c` longtext', '`a b``c` longtext X'],
  ["`a` enum('x)','it''s (y') NOT NULL", "`a` enum('x)','it''s (y') X NOT NULL"],
  ['`a` varchar(9) COLLATE utf8mb4_bin DEFAULT NULL', null],
  ['`a` varchar(9) CHARACTER SET latin1 COLLATE latin1_bin DEFAULT NULL', null],
  ["`char(1) ` int COMMENT 'a text NULL'", null],
  ['`text` json DEFAULT NULL', null],
  ['`a` varbinary(9) DEFAULT NULL', null],
])('a text column of the table without a character set of its own: %s', (definition, wanted) => {
  expect(withTextOf(definition, 'X')).toBe(wanted ?? definition);
});

test.each([
  ['`a` int DEFAULT NULL', '`a` int DEFAULT 7'],
  ['`a` int NOT NULL', '`a` int NOT NULL DEFAULT 7'],
  [
    "`a` int NOT NULL DEFAULT '-1' COMMENT 'x DEFAULT 2'",
    "`a` int NOT NULL DEFAULT 7 COMMENT 'x DEFAULT 2'",
  ],
  ['`a` int NOT NULL DEFAULT -1.5e10 COMMENT "x"', '`a` int NOT NULL DEFAULT 7 COMMENT "x"'],
  ["`x DEFAULT 1` enum('a DEFAULT 1') DEFAULT 'a'", "`x DEFAULT 1` enum('a DEFAULT 1') DEFAULT 7"],
  [
    "`a` varchar(9) DEFAULT 'it''s' /*!80023 INVISIBLE */",
    '`a` varchar(9) DEFAULT 7 /*!80023 INVISIBLE */',
  ],
  ["`a` bit(3) DEFAULT b'101'", '`a` bit(3) DEFAULT 7'],
  ['`a` datetime DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP', undefined],
  ["`a` varchar(9) DEFAULT (concat('a','b'))", undefined],
  ['`a` int DEFAULT (1 + 2)', undefined],
])('a column with another default: %s', (definition, wanted) => {
  expect(withDefault(definition, '7')).toBe(wanted);
});

test.each([
  [
    "`a` varchar(9) CHARACTER SET latin1 DEFAULT 'varchar(9)' COMMENT 'x'",
    "`a` varchar(20) CHARACTER SET latin1 DEFAULT 'varchar(9)' COMMENT 'x'",
  ],
  [
    '`a` varbinary(9) NOT NULL /*!80023 INVISIBLE */',
    '`a` varchar(20) NOT NULL /*!80023 INVISIBLE */',
  ],
  ['`a` varchar(9)', '`a` varchar(20)'],
  ["`a` json COMMENT 'a varchar(9)'", undefined],
  ["`a` varchar(9) DEFAULT 'x?' COMMENT 'y'", undefined],
  ["`a` varchar(9) DEFAULT 'x' COMMENT 'why?'", "`a` varchar(20) DEFAULT 'x' COMMENT 'why?'"],
  ['`b` varchar(9)', undefined],
])('a column is made wider, and all else of it stays: %s', (definition, wanted) => {
  const create = `CREATE TABLE \`t\` (\n  \`id\` int,\n  ${definition},\n  KEY \`a\` (\`a\`)\n)`;
  const sql = widened('`t`', create, 'a', { type: 'varchar(20)' });
  expect(sql).toBe(wanted && `ALTER TABLE \`t\` MODIFY COLUMN ${wanted};`);
});

test.each([
  ["`a` int(5) unsigned zerofill NOT NULL DEFAULT '5'", "`a` varchar(20) NULL DEFAULT '5'"],
  ["`a` decimal(8,2) NOT NULL COMMENT 'NOT NULL'", "`a` varchar(20) NULL COMMENT 'NOT NULL'"],
  [
    "`a` enum('x NOT NULL','it''s') CHARACTER SET latin1 NOT NULL",
    '`a` varchar(20) CHARACTER SET latin1 NULL',
  ],
  ['`a` mediumblob NOT NULL', '`a` varchar(20) NULL'],
  ['`a` json NOT NULL', undefined],
])('a column gets another type and NULL: %s', (definition, wanted) => {
  const create = `CREATE TABLE \`t\` (\n  ${definition}\n)`;
  const sql = widened('`t`', create, 'a', { type: 'varchar(20)', nullable: true });
  expect(sql).toBe(wanted && `ALTER TABLE \`t\` MODIFY COLUMN ${wanted};`);
});

test.each([
  ["`a` set('x NOT NULL','y') NOT NULL", "`a` set('x NOT NULL','y') NULL"],
  [
    '`a` timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP',
    '`a` timestamp NULL DEFAULT CURRENT_TIMESTAMP',
  ],
  ['`a` json NOT NULL', '`a` json NULL'],
])('a column may be NULL, and all else of it stays: %s', (definition, wanted) => {
  const create = `CREATE TABLE \`t\` (\n  ${definition}\n)`;
  const sql = widened('`t`', create, 'a', { nullable: true });
  expect(sql).toBe(`ALTER TABLE \`t\` MODIFY COLUMN ${wanted};`);
});

test('a column is added with the default that is asked for', () => {
  const defaults = new Map([['a', '7']]);
  const collation = { flavor: 'mysql', name: 'utf8mb4_0900_ai_ci' } as const;
  const printed = { statement: CREATE, collation };
  const add = (column: string) =>
    alterTable('`t`', { kind: 'add', column }, printed, collation, defaults);
  expect(add('a')).toBe('ALTER TABLE `t` ADD COLUMN `a` int DEFAULT 7;');
  expect(add('c')).toBe('ALTER TABLE `t` ADD COLUMN `c` timestamp NULL DEFAULT NULL;');
});

test.each([
  ['latin1_swedish_ci', 'mysql', 'latin1_swedish_ci', ''],
  ['latin1_swedish_ci', 'mysql', 'utf8mb4_bin', 'CHARACTER SET latin1 COLLATE latin1_swedish_ci'],
  ['utf8mb4_bin', 'mysql', 'utf8mb4_0900_ai_ci', 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin'],
  ['utf8mb4_0900_ai_ci', 'mariadb', 'utf8mb4_uca1400_ai_ci', ''],
  ['utf8mb4_0900_ai_ci', 'mariadb', 'latin1_swedish_ci', 'CHARACTER SET utf8mb4'],
] as const)(
  'texts of a table in %s come to a %s table in %s with "%s"',
  (is, flavor, there, text) => {
    const [source, target] = [
      { flavor: 'mysql', name: is },
      { flavor, name: there },
    ] as const;
    expect(textClause(source, target)).toBe(text);
  },
);
