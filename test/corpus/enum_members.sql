-- Members beyond the basic plane, which MySQL prints as `?` in every definition: two of them look
-- the same, and one may be a real question mark.
-- flavor: mysql
-- table
CREATE TABLE enum_members (
  id INT NOT NULL PRIMARY KEY,
  e ENUM('a','😀','𝒳','?','it''s','c)d,') NULL DEFAULT '𝒳',
  s SET('😀','b','𝒴') NOT NULL DEFAULT '😀,𝒴',
  l ENUM('ä','ÿ') CHARACTER SET latin1 NULL,
  k ENUM('中','文') CHARACTER SET gbk NULL
) CHARACTER SET utf8mb4;
-- rows
INSERT INTO enum_members VALUES (1, 1, 1, 1, 1), (2, 2, 2, 2, 2), (3, 3, 4, NULL, NULL), (4, 4, 7, 1, 2);
INSERT INTO enum_members (id) VALUES (5), (6);
-- changes
UPDATE enum_members SET e = '😀', s = '𝒴,😀' WHERE id = 1;
DELETE FROM enum_members WHERE id = 6;
-- events
{"id": "1", "e": "😀", "s": "😀,𝒴", "l": "ä", "k": "中"}
{"id": "2", "e": "😀", "s": "b", "l": "ÿ", "k": "文"}
{"id": "4", "e": "?", "s": "😀,b,𝒴"}
{"id": "5", "e": "𝒳", "s": "😀,𝒴"}
