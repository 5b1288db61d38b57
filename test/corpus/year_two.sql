-- YEAR(2) prints two digits of the year; the binary log has all of it.
-- flavor: mariadb
-- refused: two of its four digits
-- table
CREATE TABLE year_two (id INT NOT NULL PRIMARY KEY, y YEAR(2) NULL);
