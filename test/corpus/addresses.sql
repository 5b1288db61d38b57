-- MariaDB's UUID, INET6 and INET4: bytes that are shown as text; trailing zero bytes, which a row
-- image drops; a UUID as the key.
-- flavor: mariadb
-- table
CREATE TABLE addresses (
  u UUID NOT NULL,
  id INT NOT NULL,
  v UUID NULL,
  i INET6 NULL,
  j INET4 NULL,
  PRIMARY KEY (u)
);
-- rows
INSERT INTO addresses VALUES ('123e4567-e89b-12d3-a456-426655440000', 1, NULL, '::1', '0.0.0.0');
INSERT INTO addresses VALUES ('00000000-0000-0000-0000-000000000000', 2,
  'ffffffff-ffff-ffff-ffff-ffffffffffff', '::ffff:1.2.3.4', '255.254.0.0');
INSERT INTO addresses VALUES ('9de0cb54-eb40-11f1-ae1c-02fc00000001', 3,
  '00000000-0000-0000-0000-000000000001', '2001:db8::', '1.2.3.4');
-- changes
UPDATE addresses SET v = '10000000-0000-0000-0000-000000000000', i = '::' WHERE id = 1;
DELETE FROM addresses WHERE id = 3;
-- events
{"id": "1", "u": "123e4567-e89b-12d3-a456-426655440000", "i": "0000:0000:0000:0000:0000:0000:0000:0000", "j": "0.0.0.0"}
