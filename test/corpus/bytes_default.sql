-- MariaDB prints the bytes of a default as they are, within UTF-8: what is none is lost on the way,
-- and a table that is made by it has another default.
-- flavor: mariadb
-- refused: the source does not print a default
-- table
CREATE TABLE bytes_default (id INT PRIMARY KEY, b VARBINARY(20) DEFAULT x'f986c4');
-- rows
INSERT INTO bytes_default (id) VALUES (1);
