-- Unique keys of expressions: the server keeps them in columns that nobody sees.
-- flavor: mysql
-- table
CREATE TABLE unique_expression (
  id INT NOT NULL PRIMARY KEY,
  name VARCHAR(100) CHARACTER SET utf8mb4 NULL,
  a INT NOT NULL,
  b INT NOT NULL,
  tags JSON NULL,
  UNIQUE KEY by_name ((LEFT(LOWER(name), 4))),
  UNIQUE KEY by_sum ((a + b), id),
  UNIQUE KEY by_tag ((CAST(tags->'$.all' AS UNSIGNED ARRAY))),
  KEY plain ((a * b))
);
-- rows
INSERT INTO unique_expression VALUES (1, 'Anna 1', 1, 2, '{"all": [1, 2]}');
INSERT INTO unique_expression VALUES (2, 'Berta 2', 3, 4, '{"all": [3]}'), (3, NULL, 5, 6, NULL);
INSERT INTO unique_expression VALUES (4, 'Gone', 7, 8, '{}');
-- changes
UPDATE unique_expression SET name = NULL WHERE id = 1;
UPDATE unique_expression SET name = 'ANNA 2', a = a + 10 WHERE id = 2;
UPDATE unique_expression SET name = 'bert 1', tags = '{"all": [2]}' WHERE id = 1;
UPDATE unique_expression SET tags = '{"all": [1, 3, 4]}' WHERE id = 2;
DELETE FROM unique_expression WHERE id = 4;
INSERT INTO unique_expression VALUES (5, 'gone too', 7, 8, '{"all": []}');
-- events
{"id": "1", "name": "bert 1", "a": "1"}
{"id": "2", "name": "ANNA 2", "a": "13"}
{"id": "5", "name": "gone too", "b": "8"}
