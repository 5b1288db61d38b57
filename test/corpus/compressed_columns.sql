-- Columns that MariaDB keeps compressed: row images have them so, too.
-- flavor: mariadb
-- refused: row images have its values compressed
-- table
CREATE TABLE compressed_columns (
  id INT NOT NULL PRIMARY KEY,
  note TEXT COMPRESSED NULL,
  code VARCHAR(200) COMPRESSED NULL,
  data BLOB COMPRESSED NULL
);
