-- A vector in front of texts: it counts among the columns that have a character set.
-- flavor: mysql
-- table
CREATE TABLE vector_texts (id INT NOT NULL PRIMARY KEY, a VARCHAR(9) CHARACTER SET utf8mb4, v VECTOR(2) NULL, b VARCHAR(9) CHARACTER SET latin1, c TEXT CHARACTER SET utf8mb4, p POINT SRID 0, d CHAR(3) CHARACTER SET ucs2);
-- rows
INSERT INTO vector_texts VALUES (1, 'é', STRING_TO_VECTOR('[1,2]'), 'ÿ', '名', ST_GeomFromText('POINT(1 2)'), 'ö');
-- changes
INSERT INTO vector_texts VALUES (2, 'é', NULL, 'ÿ', '名', NULL, 'ö');
UPDATE vector_texts SET v = STRING_TO_VECTOR('[3]'), b = 'é' WHERE id = 1;
