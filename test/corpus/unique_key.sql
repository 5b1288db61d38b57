-- No primary key: rows are told apart by the first unique index whose columns are all NOT NULL, here
-- one of two columns behind one that allows NULL; another one that would do comes later.
-- table
CREATE TABLE unique_key (
  note VARCHAR(20) NULL,
  id INT NOT NULL,
  code VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  other BIGINT NOT NULL,
  UNIQUE KEY allows_null (note, id),
  KEY plain (other),
  UNIQUE KEY `the key` (code, id),
  UNIQUE KEY later (other)
);
-- rows
INSERT INTO unique_key VALUES (NULL, 1, 'a', 11), (NULL, 2, 'a', 12), ('x', 3, 'B ', 13);
INSERT INTO unique_key VALUES ('y', 4, 'é', 14), (NULL, 5, 'gone', 15);
-- changes
UPDATE unique_key SET code = 'A', note = 'spelt otherwise' WHERE id = 1;
UPDATE unique_key SET code = 'moved', other = 22 WHERE id = 2;
UPDATE unique_key SET other = -other WHERE id = 4;
DELETE FROM unique_key WHERE id = 5;
INSERT INTO unique_key VALUES (NULL, 6, 'a', 16);
-- events
{"id": "1", "code": "A", "note": "spelt otherwise", "other": "11"}
{"id": "2", "code": "moved", "other": "22"}
{"id": "4", "code": "é", "other": "-14"}
