-- A character set whose codes have four bytes, and for which there is no table here.
-- flavor: mysql
-- refused: character set gb18030 is not carried
-- table
CREATE TABLE gb18030 (id INT NOT NULL PRIMARY KEY, v VARCHAR(20) CHARACTER SET GB18030 NULL);
-- rows
INSERT INTO gb18030 VALUES (1, '中文');
