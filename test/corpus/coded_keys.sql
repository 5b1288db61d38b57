-- A key of text in a character set with codes of two bytes, one of them without a character, and of
-- floating point: 0 and -0, which are one key, and neighbours that six digits do not tell apart.
-- table
CREATE TABLE coded_keys (
  id INT NOT NULL,
  g VARCHAR(20) CHARACTER SET gbk NOT NULL,
  f FLOAT NOT NULL,
  d DOUBLE NOT NULL,
  v INT NULL,
  PRIMARY KEY (g, f, d)
);
-- rows
INSERT INTO coded_keys VALUES (1, '中文', 1.1, -0e0, 1), (2, '中', 16777216, 0.1, 2), (3, 'b', -0e0, 0, 3);
INSERT INTO coded_keys VALUES (4, _gbk x'A2A1', 0, 0.30000000000000004, 4), (5, _gbk x'A2A2', 0, 0.3, 5);
INSERT INTO coded_keys VALUES (6, 'gone', 3.4e38, 4.9e-324, 6);
-- changes
UPDATE coded_keys SET d = 0 WHERE id = 1;
UPDATE coded_keys SET g = 'B', f = 0 WHERE id = 3;
UPDATE coded_keys SET v = 44 WHERE id = 4;
UPDATE coded_keys SET f = -0e0, v = NULL WHERE id = 5;
DELETE FROM coded_keys WHERE id = 6;
-- events
{"id": "1", "g": "中文", "d": "0"}
{"id": "3", "g": "B", "f": "0"}
{"id": "5", "g": "ⅱ", "v": null}
