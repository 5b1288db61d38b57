-- Tables with rows of the past: a delete is a change in the binary log, each change a new row beside.
-- flavor: mariadb
-- refused: this is a system-versioned table
-- table
CREATE TABLE system_versioned (id INT NOT NULL PRIMARY KEY, n INT NULL) WITH SYSTEM VERSIONING;
