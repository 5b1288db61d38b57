-- Values in documents that only SQL functions make: to a parse of the text they are others. The
-- generated columns are computed by each server of the document that it has.
-- flavor: mysql
-- table
CREATE TABLE json_kinds (
  id INT NOT NULL PRIMARY KEY,
  j JSON NULL,
  a VARCHAR(30) AS (JSON_TYPE(JSON_EXTRACT(j, '$.a'))) STORED,
  b VARCHAR(30) AS (JSON_TYPE(JSON_EXTRACT(j, '$.b[1]'))) STORED,
  c VARCHAR(30) AS (JSON_TYPE(JSON_EXTRACT(j, '$."c.d".e'))) VIRTUAL
);
-- rows
INSERT INTO json_kinds (id, j) VALUES
  (1, JSON_OBJECT('a', 1.50, 'b', JSON_ARRAY(1, CAST(2 AS UNSIGNED)))),
  (2, JSON_OBJECT('a', DATE'2024-01-02', 'b', JSON_ARRAY(1.0e0, TIME'-03:04:05.5'))),
  (3, JSON_OBJECT('a', x'00ff', 'c.d', JSON_OBJECT('e', TIMESTAMP'2024-01-02 03:04:05.25'))),
  (4, '{"a": 1.5, "b": [1, 2], "c.d": {"e": "2024-01-02"}}'),
  (5, NULL),
  (6, JSON_OBJECT('a', CAST(7 AS DECIMAL(5,0)), 'c.d', JSON_OBJECT('e', 0.10)));
-- changes
UPDATE json_kinds SET j = JSON_SET(j, '$.a', 2.50) WHERE id = 4;
UPDATE json_kinds SET j = JSON_OBJECT('a', CAST(18446744073709551615 AS UNSIGNED)) WHERE id = 5;
UPDATE json_kinds SET j = '{"a": 7}' WHERE id = 6;
DELETE FROM json_kinds WHERE id = 2;
