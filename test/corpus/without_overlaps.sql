-- A key by which periods of rows do not overlap: no INSERT says what becomes of a duplicate there.
-- flavor: mariadb
-- refused: is WITHOUT OVERLAPS
-- table
CREATE TABLE without_overlaps (
  id INT NOT NULL,
  since DATE NOT NULL,
  until DATE NOT NULL,
  n INT NULL,
  PERIOD FOR valid (since, until),
  PRIMARY KEY (id, valid WITHOUT OVERLAPS)
);
