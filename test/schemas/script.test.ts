import { expect, test } from 'vitest';
import { statements } from './script.ts';

test('a delimiter in a text, a name or a comment ends nothing', () => {
  const script = `
-- a comment; of two parts
CREATE TABLE \`a;b\` (x INT COMMENT 'it''s; \\'so\\'') /* ; */ ENGINE=InnoDB; # the end;
INSERT INTO t VALUES ("a;b", 'c--d'); SELECT 5--1;SELECT 2`;
  expect(statements(script)).toEqual([
    "CREATE TABLE `a;b` (x INT COMMENT 'it''s; \\'so\\'') /* ; */ ENGINE=InnoDB",
    'INSERT INTO t VALUES ("a;b", \'c--d\')',
    'SELECT 5--1',
    'SELECT 2',
  ]);
});

test('DELIMITER holds bodies together, in any case, and is no statement', () => {
  const script = `SELECT 1;
delimiter //
CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END//
DELIMITER ;
/*!40101 SET NAMES utf8 */;
/* nothing */;`;
  expect(statements(script)).toEqual([
    'SELECT 1',
    'CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW BEGIN SET @a = 1; SET @b = 2; END',
    '/*!40101 SET NAMES utf8 */',
  ]);
});
