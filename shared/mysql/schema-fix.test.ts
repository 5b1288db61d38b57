/** Definitions of columns are taken from what a server prints, and changed where they are code. */
import { expect, test } from 'vitest';
import { notNullDefinition } from './schema-fix.ts';

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
