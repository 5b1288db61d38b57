-- Rows that nothing tells apart.
-- refused: neither a primary key nor a unique index
-- table
CREATE TABLE no_key (id INT NOT NULL, v VARCHAR(20) NULL, UNIQUE KEY part (v(5)), KEY (id));
-- rows
INSERT INTO no_key VALUES (1, 'a');
