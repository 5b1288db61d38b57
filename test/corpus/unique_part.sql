-- Unique keys of the first characters of columns, alone and with whole ones, also of bytes: rows
-- that differ behind them are in each other's way. Values change places, wander and come back.
-- table
CREATE TABLE unique_part (
  id INT NOT NULL PRIMARY KEY,
  name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL,
  code VARBINARY(60) NOT NULL,
  grp INT NOT NULL,
  body TEXT CHARACTER SET utf8mb4 NULL,
  UNIQUE KEY by_name (name(5)),
  UNIQUE KEY by_code (grp, code(3)),
  UNIQUE KEY by_body (body(20), id)
);
-- rows
INSERT INTO unique_part VALUES (1, 'größe one', 'abc-1', 1, 'x'), (2, 'breite one', 'abd-2', 1, NULL);
INSERT INTO unique_part VALUES (3, NULL, 'abc-3', 2, REPEAT('é', 50)), (4, NULL, 'xyz', 1, '');
INSERT INTO unique_part VALUES (5, 'gone', 'gone', 1, 'gone');
-- changes
UPDATE unique_part SET name = 'a third one' WHERE id = 1;
UPDATE unique_part SET name = 'GRÖSSE two' WHERE id = 2;
UPDATE unique_part SET name = 'Breite two' WHERE id = 1;
UPDATE unique_part SET code = '---' WHERE id = 1;
UPDATE unique_part SET code = 'abc-of 2' WHERE id = 2;
UPDATE unique_part SET code = 'abd-of 1' WHERE id = 1;
DELETE FROM unique_part WHERE id = 5;
INSERT INTO unique_part VALUES (6, 'gone again', 'gone again', 1, 'gone');
-- events
{"id": "1", "name": "Breite two", "grp": "1"}
{"id": "2", "name": "GRÖSSE two", "grp": "1"}
{"id": "6", "name": "gone again", "body": "gone"}
