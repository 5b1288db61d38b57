-- Times in the form of before MariaDB 10.1, as tables of then have them.
-- flavor: mariadb
-- refused: in a form of an older version
-- table
SET GLOBAL mysql56_temporal_format = OFF;
CREATE TABLE old_times (
  id INT NOT NULL PRIMARY KEY,
  at DATETIME NULL,
  at3 DATETIME(3) NULL,
  stamp TIMESTAMP(6) NULL,
  span TIME(2) NULL
);
SET GLOBAL mysql56_temporal_format = ON;
