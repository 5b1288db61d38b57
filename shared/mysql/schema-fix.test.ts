/** Definitions of columns are taken from what a server prints, and changed where they are code. */
import { expect, test } from 'vitest';
import { notNullDefinition, withTextOf } from './schema-fix.ts';

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
