-- The error value of an ENUM (number 0): what a session that is not strict has made of a value that
-- is no member, also where '' is a member itself; members that look like numbers.
-- table
CREATE TABLE enum_error (
  id INT NOT NULL PRIMARY KEY,
  e ENUM('a','b') NULL,
  f ENUM('','x') NOT NULL,
  g ENUM('1','0','10') NOT NULL DEFAULT '0',
  s SET('x','y','') NULL,
  n INT NOT NULL DEFAULT 0,
  UNIQUE KEY u (n)
);
-- rows
SET SESSION sql_mode = '';
INSERT INTO enum_error VALUES (1, 'zzz', 'zzz', 'zzz', 'zzz', 1);
INSERT INTO enum_error VALUES (2, 'a', '', '1', '', 2), (3, NULL, 'x', '0', 'x,y', 3);
INSERT INTO enum_error VALUES (4, '', '', 3, NULL, 4), (5, 0, 0, 0, 0, 5), (6, 2, 2, 2, 7, 6);
-- changes
SET SESSION sql_mode = '';
UPDATE enum_error SET e = 'no such member', n = n + 100 WHERE id IN (2, 3);
UPDATE enum_error SET f = 0 WHERE id = 6;
DELETE FROM enum_error WHERE id = 5;
-- events
{"id": "1", "e": "", "f": "\u0000", "g": "", "n": "1"}
{"id": "2", "e": "", "f": "", "g": "1", "n": "102"}
{"id": "6", "e": "b", "f": "\u0000", "g": "0", "n": "6"}
