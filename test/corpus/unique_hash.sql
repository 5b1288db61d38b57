-- Unique keys of values that are too long for an index: MariaDB keeps hashes of them in a column
-- that nobody sees, but the binlog.
-- flavor: mariadb
-- refused: is kept as hashes of its values
-- table
CREATE TABLE unique_hash (
  id INT NOT NULL PRIMARY KEY,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL,
  grp INT NOT NULL,
  data LONGBLOB NULL,
  UNIQUE KEY by_body (body),
  UNIQUE KEY by_data (grp, data)
);
