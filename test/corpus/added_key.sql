-- A primary key that the server adds by itself is one like any other: an invisible column, which is
-- copied with its values.
-- flavor: mysql
-- table
SET SESSION sql_generate_invisible_primary_key = ON;
CREATE TABLE added_key (id INT NOT NULL, v VARCHAR(20) NULL);
-- rows
INSERT INTO added_key (my_row_id, id, v) VALUES (1, 1, 'a'), (2, 1, 'a'), (3, 2, NULL), (4, 3, 'c');
-- changes
UPDATE added_key SET v = 'b' WHERE id = 2;
DELETE FROM added_key WHERE id = 3;
INSERT INTO added_key (id, v) VALUES (4, 'd');
