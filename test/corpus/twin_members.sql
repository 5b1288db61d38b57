-- A session that is not strict takes members that are one and the same: each is a number of its own,
-- but a text in the log, and the text is that of the first.
-- refused: two of its members are the same text
-- table
SET SESSION sql_mode = '';
CREATE TABLE twin_members (id INT PRIMARY KEY, e ENUM('a','b','a'));
-- rows
INSERT INTO twin_members VALUES (1, 3);
