-- Dates that no calendar has, which sessions without NO_ZERO_DATE and with ALLOW_INVALID_DATES
-- store. Null or the epoch, as other tools make of them, would be other values.
-- table
CREATE TABLE zero_dates (
  id INT NOT NULL PRIMARY KEY,
  d DATE NOT NULL DEFAULT '0000-00-00',
  t DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00',
  t6 DATETIME(6) NULL,
  s TIMESTAMP NOT NULL DEFAULT '0000-00-00 00:00:00',
  s3 TIMESTAMP(3) NULL
);
-- rows
INSERT INTO zero_dates (id) VALUES (1);
INSERT INTO zero_dates VALUES
  (2, '2024-00-00', '2024-00-00 10:20:30', '2024-00-00 23:59:59.999999',
   '2024-01-01 00:00:00', '0000-00-00 00:00:00'),
  (3, '2024-05-00', '2024-05-00 00:00:00', '0000-00-00 00:00:00.000001',
   '1970-01-01 00:00:01', '2038-01-19 03:14:07.999'),
  (4, '2023-02-31', '2023-02-29 01:02:03', '9999-11-31 23:59:59.000009',
   '0000-00-00 00:00:00', NULL),
  (5, '0000-01-01', '0000-01-01 00:00:00', '0000-01-01 00:00:00.000001',
   '2024-02-29 00:00:00', NULL);
-- changes
UPDATE zero_dates SET d = '0000-12-00', t6 = '0000-00-00 00:00:00' WHERE id = 5;
DELETE FROM zero_dates WHERE id = 3;
-- events
{"id": "1", "d": "0000-00-00", "t": "0000-00-00 00:00:00", "t6": null, "s": "0000-00-00 00:00:00"}
{"id": "2", "d": "2024-00-00", "t": "2024-00-00 10:20:30", "t6": "2024-00-00 23:59:59.999999"}
{"id": "4", "d": "2023-02-31", "t": "2023-02-29 01:02:03", "t6": "9999-11-31 23:59:59.000009"}
{"id": "5", "d": "0000-12-00", "t": "0000-01-01 00:00:00", "t6": "0000-00-00 00:00:00"}
