-- A key of text in character sets of two bytes a character; spellings of it.
-- table
CREATE TABLE utf16_keys (
  id INT NOT NULL,
  u VARCHAR(20) CHARACTER SET utf16 NOT NULL,
  w VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_bin NOT NULL,
  v INT NULL,
  PRIMARY KEY (w, u)
);
-- rows
INSERT INTO utf16_keys VALUES (1, 'straße', 'я', 1), (2, '🚚', 'я ', 2), (3, 'a', '', 3), (4, 'b', '', 4);
-- changes
UPDATE utf16_keys SET u = 'STRASSE', v = 11 WHERE id = 1;
UPDATE utf16_keys SET w = 'я' WHERE id = 2;
DELETE FROM utf16_keys WHERE id = 3;
-- events
{"id": "2", "u": "🚚", "w": "я", "v": "2"}
