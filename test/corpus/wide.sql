-- As many columns as fit, 1,000, with names of 64 characters, all of which begin alike.
-- flavor: mysql
-- table
SET SESSION group_concat_max_len = 1000000;
SET @columns = (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)
  SELECT GROUP_CONCAT('`columns_of_sixty_four_characters_are_the_longest_there_are_in', RIGHT(i + 1000, 3), '` ',
    ELT(1 + i % 4, 'TINYINT', 'DATE', 'VARCHAR(9) CHARACTER SET latin1', 'DECIMAL(5,2)'), ' NULL' ORDER BY i) FROM n);
SET @create = CONCAT('CREATE TABLE wide (id INT NOT NULL PRIMARY KEY, ', @columns, ')');
PREPARE made FROM @create;
EXECUTE made;
-- rows
INSERT INTO wide (id, columns_of_sixty_four_characters_are_the_longest_there_are_in001,
  columns_of_sixty_four_characters_are_the_longest_there_are_in999) VALUES (1, '2024-02-29', 1.25);
INSERT INTO wide (id, columns_of_sixty_four_characters_are_the_longest_there_are_in500) VALUES (2, 7), (3, 8);
-- changes
UPDATE wide SET columns_of_sixty_four_characters_are_the_longest_there_are_in998 = 'last' WHERE id = 2;
DELETE FROM wide WHERE id = 3;
