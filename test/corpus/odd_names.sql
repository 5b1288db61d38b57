-- Names: Chinese ones, which are all underscores in Avro; those of our own envelope; spaces,
-- dashes, dots, quotes, reserved words, mixed case; the longest.
-- table
CREATE TABLE odd_names (
  id INT NOT NULL PRIMARY KEY,
  `客户` INT NULL,
  `订单` INT NULL,
  `a b` INT NULL,
  `a-b` INT NULL,
  `a.b` INT NULL,
  `a``b` INT NULL,
  `a'b` INT NULL,
  `a"b` INT NULL,
  `before` INT NULL,
  `after` INT NULL,
  `op` INT NULL,
  `source` INT NULL,
  `select` INT NULL,
  `Mixed` INT NULL,
  `größe` INT NULL,
  `1st` INT NULL,
  `x?y` INT NULL,
  `reshard_source` INT NULL,
  `columns_of_sixty_four_characters_are_the_longest_there_are_in_it` INT NULL
);
-- rows
INSERT INTO odd_names VALUES (1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19);
INSERT INTO odd_names (id) VALUES (2), (3);
-- changes
UPDATE odd_names SET `订单` = 22, `a b` = 33, `source` = 44 WHERE id = 2;
DELETE FROM odd_names WHERE id = 3;
-- events
{"id": "1", "_u5ba2_u6237": "1", "_u8ba2_u5355": "2", "a_u0020b": "3", "a_u002db": "4", "source": "12"}
{"id": "2", "_u5ba2_u6237": null, "_u8ba2_u5355": "22", "a_u0020b": "33", "source": "44"}
