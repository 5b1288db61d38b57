-- Rows are told apart by a unique index that the job names, beside a primary key, which is then one
-- more unique key: values of it change places between rows.
-- key: code
-- table
CREATE TABLE named_key (
  id INT NOT NULL PRIMARY KEY,
  code VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
  v INT NULL,
  UNIQUE KEY by_code (code)
);
-- rows
INSERT INTO named_key VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3), (4, 'four', 4);
-- changes
UPDATE named_key SET code = 'ONE' WHERE id = 1;
DELETE FROM named_key WHERE id = 2;
UPDATE named_key SET id = 2 WHERE id = 3;
INSERT INTO named_key VALUES (3, 'two', 22);
UPDATE named_key SET v = 44 WHERE code = 'four';
-- events
{"id": "1", "code": "ONE"}
{"id": "2", "code": "three", "v": "3"}
{"id": "3", "code": "two", "v": "22"}
