-- 1,000 columns; MariaDB takes no table of so many with names of 64 characters.
-- flavor: mariadb
-- table
SET SESSION group_concat_max_len = 1000000;
SET @columns = (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
  SELECT GROUP_CONCAT('`one_of_very_many_columns_', RIGHT(i + 1000, 3), '` ',
    ELT(1 + i % 4, 'TINYINT', 'DATE', 'VARCHAR(9) CHARACTER SET latin1', 'DECIMAL(5,2)'), ' NULL' ORDER BY i) FROM n);
SET @create = CONCAT('CREATE TABLE wide_table (id INT NOT NULL PRIMARY KEY, ', @columns, ')');
PREPARE made FROM @create;
EXECUTE made;
-- rows
INSERT INTO wide_table (id, one_of_very_many_columns_001,
  one_of_very_many_columns_999) VALUES (1, '2024-02-29', 1.25);
INSERT INTO wide_table (id, one_of_very_many_columns_500) VALUES (2, 7), (3, 8);
-- changes
UPDATE wide_table SET one_of_very_many_columns_998 = 'last' WHERE id = 2;
DELETE FROM wide_table WHERE id = 3;
