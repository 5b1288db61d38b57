-- One member beyond the basic plane, which both flavors print as `?` (to MariaDB's older collations
-- two of them are one member).
-- table
CREATE TABLE enum_smile (
  id INT NOT NULL PRIMARY KEY,
  e ENUM('a','😀') NULL,
  s SET('b','😀') NOT NULL
) CHARACTER SET utf8mb4;
-- rows
INSERT INTO enum_smile VALUES (1, '😀', '😀,b'), (2, 'a', ''), (3, NULL, '😀');
-- changes
UPDATE enum_smile SET e = '😀' WHERE id = 2;
UPDATE enum_smile SET s = 'b' WHERE id = 3;
-- events
{"id": "1", "e": "😀", "s": "b,😀"}
{"id": "2", "e": "😀", "s": ""}
{"id": "3", "e": null, "s": "b"}
