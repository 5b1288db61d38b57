-- Generated columns: nobody writes them, targets compute them. Stored ones are in the topic, those
-- that are virtual are not; both are compared. A unique key over a virtual column, one in the
-- middle of the table, before the key, NULL; columns that are invisible or have an expression as
-- their default.
-- table
CREATE TABLE generated_columns (
  v_first INT GENERATED ALWAYS AS (id * 2) VIRTUAL,
  id INT NOT NULL PRIMARY KEY,
  a INT NULL,
  v_text VARCHAR(40) GENERATED ALWAYS AS (CONCAT(name, '!')) VIRTUAL,
  name VARCHAR(20) CHARACTER SET utf8mb4 NULL,
  v_sum BIGINT GENERATED ALWAYS AS (a + id) VIRTUAL,
  s_sum BIGINT GENERATED ALWAYS AS (a + id) STORED,
  price DECIMAL(10,2) NOT NULL DEFAULT (1.5 + 1),
  v_price DECIMAL(12,3) GENERATED ALWAYS AS (price * 1.190) VIRTUAL,
  made VARCHAR(10) NOT NULL DEFAULT (REPEAT('x', 3)),
  hidden INT INVISIBLE NULL,
  v_day DATE GENERATED ALWAYS AS (DATE(moment)) VIRTUAL,
  moment DATETIME NULL,
  v_last VARCHAR(64) GENERATED ALWAYS AS (LEFT(doc, 64)) VIRTUAL,
  doc MEDIUMTEXT CHARACTER SET utf8mb4 NULL,
  UNIQUE KEY u (v_sum)
);
-- rows
INSERT INTO generated_columns (id, a, name, hidden, moment, doc)
  VALUES (1, 5, 'größe', 7, '2024-05-06 07:08:09', REPEAT('d', 100));
INSERT INTO generated_columns (id, price, made) VALUES (2, 99.99, '');
INSERT INTO generated_columns (id, a, name) VALUES (3, 10, 'three'), (4, 20, '');
-- changes
UPDATE generated_columns SET a = a + 100, name = CONCAT(name, ' new') WHERE id IN (1, 3);
UPDATE generated_columns SET hidden = 8, moment = '0000-00-00 00:00:00' WHERE id = 4;
DELETE FROM generated_columns WHERE id = 3;
INSERT INTO generated_columns (id, a) VALUES (5, 108);
-- events
{"id": "1", "a": "105", "s_sum": "106", "price": "2.50", "made": "xxx", "hidden": "7"}
{"id": "2", "a": null, "s_sum": null, "price": "99.99", "made": "", "hidden": null}
