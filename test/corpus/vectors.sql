-- Vectors, also shorter than declared, with -0 and a denormal.
-- flavor: mysql
-- table
CREATE TABLE vectors (id INT NOT NULL PRIMARY KEY, v VECTOR(4) NULL, w VECTOR(2048) NULL, n INT NOT NULL);
-- rows
INSERT INTO vectors VALUES (1, STRING_TO_VECTOR('[1,-0.0,3.4e38,0.1]'), NULL, 7);
INSERT INTO vectors VALUES (2, x'01000000', STRING_TO_VECTOR('[1.5,2.5]'), 8), (3, NULL, NULL, 9);
-- changes
UPDATE vectors SET v = STRING_TO_VECTOR('[2]'), n = 10 WHERE id = 3;
DELETE FROM vectors WHERE id = 1;
