import { describe, expect, test } from 'vitest';
import { NO_EFFECT } from './alter.ts';
import { classify } from './statement.ts';

const tracked = { db: 'shop', tables: new Set(['orders', 'order_items']) };
const kind = (text: string, schema = 'shop'): string => classify(text, schema, tracked).kind;

/** Targets of a data change as `db.table`, and `name()` for each routine that it may call. */
function reach(text: string, schema = 'shop'): string[] {
  const s = classify(text, schema, tracked);
  if (s.kind !== 'data') return [s.kind];
  const names = s.targets.map(t => `${t.db}.${t.name}`.toLowerCase());
  return [...names, ...s.calls.map(c => `${c}()`), ...(s.unclear ? ['unclear'] : [])];
}

function ddl(text: string): string {
  const s = classify(text, 'shop', tracked);
  if (s.kind !== 'ddl') return s.kind;
  const { adds, removes, redeclares, acts } = s.effect ?? NO_EFFECT;
  const columns = [...adds.map(a => `adds ${a}`), ...removes.map(a => `drops ${a}`)];
  const extra = [...columns, redeclares && 'declares', acts && 'acts'];
  return [...s.tables, s.effect && 'keeps rows', ...extra].filter(Boolean).join(' ');
}

describe('marks of transactions', () => {
  test.each([
    ['BEGIN', 'begin'],
    ['COMMIT', 'commit'],
    ['COMMIT /* implicit, from Xid_log_event */', 'commit'],
    ['ROLLBACK', 'rollback'],
    ['ROLLBACK TO `s1`', 'rollback-to'],
    ['ROLLBACK TO SAVEPOINT s1', 'rollback-to'],
    ['SAVEPOINT `s1`', 'harmless'],
    ["XA START X'61',X'',1", 'xa'],
    ["XA END X'61',X'',1", 'xa'],
    ["XA COMMIT X'61',X'',1", 'xa'],
  ])('%s', (text, expected) => {
    expect(kind(text)).toBe(expected);
  });
});

describe('XA', () => {
  test('the id is what the server prints, in one form', () => {
    const xid = (text: string) => classify(text, '', tracked);
    expect(xid("XA COMMIT X'62',X'',1 ONE PHASE")).toMatchObject({ xid: "x'62',x'',1" });
    expect(xid("XA COMMIT X'4A',X'620072',7")).toMatchObject({ xid: "x'4a',x'620072',7" });
    expect(xid("XA START X'61',X'',1")).toMatchObject({ step: 'start', xid: "x'61',x'',1" });
    expect(xid("XA ROLLBACK X'61',X'',1")).toMatchObject({ step: 'rollback' });
    expect(kind('XA RECOVER CONVERT XID')).toBe('unknown');
  });
});

describe('data changes as text: which tables they may write to', () => {
  test.each([
    ['INSERT INTO orders VALUES (1)', 'shop.orders'],
    ['insert ignore into shop.orders values (1)', 'shop.orders'],
    ['INSERT INTO `orders` SELECT * FROM other', 'shop.orders'],
    ['INSERT INTO orders(a, b) VALUES (1, 2)', 'shop.orders'],
    ['INSERT INTO orders SET a = 1', 'shop.orders'],
    ['INSERT INTO orders (a) VALUES (1) ON DUPLICATE KEY UPDATE a = VALUES(a)', 'shop.orders'],
    ['/* app */ UPDATE orders SET a = 1', 'shop.orders'],
    ['REPLACE INTO Orders VALUES (1)', 'shop.orders'],
    ['DELETE FROM orders WHERE id IN (1, 2) ORDER BY id LIMIT 5', 'shop.orders'],
    ['UPDATE "orders" SET a = 1', 'shop.orders'],
    ['INSERT /*!50000 IGNORE */ INTO /*! orders */ VALUES (1)', 'shop.orders'],
    ['/*!50000 INSERT INTO orders VALUES (1) */', 'shop.orders'],
    ['/*M!100100 UPDATE orders SET a = 1 */', 'shop.orders'],
    ["LOAD DATA INFILE '/tmp/x' INTO TABLE `orders` FIELDS TERMINATED BY ','", 'shop.orders'],
    ["SET STATEMENT max_statement_time=1 FOR INSERT INTO orders VALUES (5,'z')", 'shop.orders'],
    ["SET STATEMENT sql_mode='a,b', x=(SELECT 1) FOR UPDATE orders SET a = 1", 'shop.orders'],
    [
      'WITH c AS (SELECT 1) DELETE FROM order_items WHERE id IN (SELECT * FROM c)',
      'shop.order_items',
    ],
    ['ANALYZE UPDATE orders SET a = 1', 'shop.orders'],
    ['ANALYZE FORMAT=JSON DELETE FROM orders', 'shop.orders'],
    ["INSERT INTO other VALUES ('orders')", 'shop.other'],
    ['INSERT INTO archive.orders VALUES (1)', 'archive.orders'],
    ['UPDATE other SET a = 1 -- orders', 'shop.other'],
    ['DELETE FROM other # orders', 'shop.other'],
    ['DELETE /* orders */ FROM other', 'shop.other'],
    ['UPDATE other SET n = (SELECT COUNT(*) FROM orders)', 'shop.other'],
    ['INSERT INTO other SELECT * FROM orders', 'shop.other'],
  ])('%s', (text, table) => {
    expect(reach(text)).toEqual([table]);
  });

  test('each table of a join may be written to', () => {
    const join = 'shop.other shop.orders';
    expect(reach('UPDATE other JOIN orders USING (id) SET a = 1').join(' ')).toBe(join);
    expect(reach('UPDATE other x, shop.orders AS o SET o.a = 1').join(' ')).toBe(join);
    expect(reach('DELETE o FROM other x JOIN `shop`.`orders` o USING (id)').join(' ')).toBe(join);
    expect(reach('DELETE FROM o USING other x JOIN orders o WHERE x.id = 1').join(' ')).toBe(join);
    expect(reach('UPDATE (other, orders) SET a = 1')).toContain('unclear');
    expect(reach('UPDATE other JOIN (SELECT 1) d SET a = 1')).toContain('unclear');
  });

  test('an unqualified name is of the default database', () => {
    expect(reach('INSERT INTO orders VALUES (1)', 'archive')).toEqual(['archive.orders']);
    expect(reach('INSERT INTO shop.orders VALUES (1)', 'archive')).toEqual(['shop.orders']);
  });

  test.each([
    ['SELECT `shop`.`f`(41)', 'f()'],
    ['DO f(41)', 'f()'],
    ['SET @a = f(39)', 'f()'],
    ['CALL refresh', 'refresh()'],
    ['CALL shop.refresh(1)', 'shop() refresh()'],
    ['INSERT INTO other VALUES (f(1))', 'shop.other f()'],
    ['INSERT INTO other (id) VALUES (shop.concat(1))', 'shop.other concat()'],
    ['INSERT INTO other SELECT `f`(id) FROM other', 'shop.other f()'],
    ['UPDATE other SET a = 1 WHERE g(id) > 0', 'shop.other g()'],
    ['DELETE FROM other WHERE id = f()', 'shop.other f()'],
    ['CREATE TABLE copy_of AS SELECT f(id) FROM other', 'f()'],
    ['CREATE TEMPORARY TABLE tmp SELECT f(1)', 'f()'],
    ['ANALYZE SELECT f(1)', 'f()'],
    ["INSERT INTO other VALUES (nextval('x'))", 'shop.other nextval()'],
    ["INSERT INTO other VALUES ('a\\\\', f(1))", 'shop.other shop.other f()'],
    ["INSERT INTO other VALUES ('\\'), (f(1), '')", 'shop.other shop.other f()'],
  ])('a routine that is called: %s', (text, expected) => {
    expect(new Set(reach(text))).toEqual(new Set(expected.split(' ')));
  });

  test.each([
    ['UPDATE other o SET o.n = 1.5 WHERE o.id = 2', 'shop'],
    ['UPDATE other SET n = 0.5', 'shop'],
    [
      'INSERT INTO archive.other SELECT o.id FROM orders AS o JOIN x ON x.id = o.id',
      'archive shop',
    ],
    ['INSERT INTO other SELECT * FROM archive.v', 'archive shop'],
    ['INSERT INTO other SELECT id FROM x, archive.v', 'archive shop'],
    ['INSERT INTO other SELECT archive.v.id FROM archive.v', 'archive shop'],
    ['DELETE FROM other WHERE id IN (SELECT v.id FROM v)', 'shop'],
    ['UPDATE other SET n = archive.f(1)', 'archive shop'],
  ])('the databases that it names: %s', (text, expected) => {
    const s = classify(text, 'shop', tracked);
    expect(s.kind === 'data' && [...s.databases].sort().join(' ')).toBe(expected);
  });

  test('numbers are no names', () => {
    const s = classify('INSERT INTO other VALUES (1, 2.5, 1e5, 0x1F)', 'shop', tracked);
    expect(s.kind === 'data' && s.words).toEqual(['insert', 'into', 'other', 'values']);
  });

  test("a checksum tool's statement writes to its own table only, and calls nothing", () => {
    const text =
      'REPLACE INTO `percona`.`checksums` (db, tbl, chunk, chunk_index, lower_boundary,' +
      " upper_boundary, this_cnt, this_crc) SELECT 'shop', 'orders', '1', 'PRIMARY', '1', '100'," +
      " COUNT(*) AS cnt, COALESCE(LOWER(CONV(BIT_XOR(CAST(CRC32(CONCAT_WS('#', `id`, convert(" +
      '`v` using utf8mb4), CONCAT(ISNULL(`v`)))) AS UNSIGNED)), 10, 16)), 0) AS crc FROM' +
      " `shop`.`orders` FORCE INDEX(`PRIMARY`) WHERE ((`id` >= '1')) AND ((`id` <= '100'))" +
      ' /*checksum chunk*/';
    expect(reach(text)).toEqual(['percona.checksums']);
    expect(
      reach(
        "UPDATE `percona`.`checksums` SET chunk_time = '0.01', master_crc = 'a', master_cnt = '2'" +
          " WHERE db = 'shop' AND tbl = 'orders' AND chunk = '1'",
      ),
    ).toEqual(['percona.checksums']);
  });

  test('what is too long to be read is not taken for harmless', () => {
    const text = `INSERT INTO other VALUES ('${'x'.repeat(1 << 20)}'), (f(1))`;
    expect(reach(text)).toContain('unclear');
  });

  test.each([
    ['TRUNCATE orders', 'orders'],
    ['TRUNCATE TABLE .orders', 'orders'],
    ['TRUNCATE TABLE `shop`.`orders`', 'orders'],
    ['/*!50000 TRUNCATE TABLE orders */', 'orders'],
    ['/* 99999 DO */ TRUNCATE TABLE orders', 'orders'],
    ['SET STATEMENT max_statement_time=10 FOR TRUNCATE TABLE orders', 'orders'],
  ])('%s', (text, table) => {
    expect(ddl(text)).toBe(table);
  });
});

describe('DDL', () => {
  test.each([
    'ALTER TABLE orders ADD COLUMN x INT',
    'alter table `shop`.`orders` drop column x',
    'ALTER ONLINE IGNORE TABLE orders ENGINE=InnoDB',
    'ALTER TABLE other RENAME TO orders',
    'ALTER TABLE other RENAME orders',
    'ALTER TABLE other EXCHANGE PARTITION p0 WITH TABLE orders',
    'DROP TABLE `other`,`orders` /* generated by server */',
    'DROP TABLE IF EXISTS orders',
    'DROP DATABASE shop',
    'DROP SCHEMA IF EXISTS `shop`',
    'RENAME TABLE orders TO old, fresh TO orders2',
    'RENAME TABLE fresh TO orders',
    'CREATE TABLE orders (id INT)',
    'CREATE OR REPLACE TABLE orders (id INT)',
    'CREATE TABLE IF NOT EXISTS orders (id INT)',
    'RENAME TABLE IF EXISTS orders TO gone',
    'RENAME TABLE orders WAIT 5 TO old',
    'CREATE OR REPLACE DATABASE shop',
    'CREATE OR REPLACE SCHEMA shop',
    '/*!40000 DROP DATABASE IF EXISTS `shop`*/',
    'ALTER TABLE other CONVERT PARTITION p TO TABLE orders',
    'ALTER TABLE other CONVERT TABLE orders TO PARTITION p VALUES LESS THAN (9)',
    'CREATE UNIQUE INDEX u ON orders (a)',
  ])('%s', text => {
    expect(kind(text)).toBe('ddl');
  });

  test.each([
    'CREATE TABLE IF NOT EXISTS orders (id INT)',
    'CREATE UNIQUE INDEX u ON orders (a)',
    'ALTER TABLE orders',
    'ALTER TABLE orders FORCE',
    'ALTER TABLE orders WAIT 5 ADD INDEX (a)',
    "ALTER TABLE orders COMMENT 'DROP COLUMN a'",
    "ALTER TABLE orders COMMENT 'a\\n'",
    'ALTER TABLE orders STATS_PERSISTENT=1, STATS_AUTO_RECALC=0, STATS_SAMPLE_PAGES=20',
    'ALTER TABLE orders ADD VECTOR INDEX v (a), ALTER INDEX by_a INVISIBLE',
    'ALTER TABLE orders RENAME INDEX a TO b, ALTER CHECK c NOT ENFORCED',
    'ALTER TABLE orders DROP FOREIGN KEY fk, DROP CONSTRAINT c',
    'ALTER TABLE orders ALTER a DROP DEFAULT, ALTER COLUMN b SET INVISIBLE',
    'ALTER TABLE orders REORGANIZE PARTITION p0 INTO (PARTITION a VALUES LESS THAN (5))',
    'ALTER TABLE orders REORGANIZE PARTITION p0, `p1` INTO (PARTITION a VALUES LESS THAN (5))',
    'ALTER TABLE orders COALESCE PARTITION 2',
    'ALTER TABLE orders ADD PARTITION (PARTITION p9 VALUES LESS THAN MAXVALUE)',
    'ALTER TABLE orders REBUILD PARTITION ALL',
    'ALTER TABLE orders PARTITION BY HASH (id) PARTITIONS 4',
    'ALTER TABLE orders REMOVE PARTITIONING',
    'ALTER TABLE orders ORDER BY a',
    'DROP INDEX by_a ON shop.orders',
    'ALTER TABLE orders ENGINE InnoDB ROW_FORMAT=DYNAMIC',
    'ALTER TABLE orders ADD INDEX by_a (a, b), ALGORITHM=INPLACE, LOCK=NONE',
    'ALTER TABLE orders ADD UNIQUE KEY (a)',
    'ALTER TABLE orders DROP INDEX by_a, COMMENT = "x"',
    'ALTER TABLE orders ENGINE=InnoDB',
    'ALTER TABLE orders AUTO_INCREMENT = 5',
    'ALTER TABLE orders ALTER COLUMN a SET DEFAULT 5',
    'ALTER TABLE orders ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES other (id)',
  ])('changes no row by itself: %s', text => {
    expect(ddl(text)).toBe('orders keeps rows');
  });

  test.each([
    ['ADD COLUMN x INT', 'adds x'],
    ['ADD COLUMN x TIMESTAMP(3) NULL DEFAULT NULL', 'adds x'],
    ['ADD x INT NULL DEFAULT NULL AFTER a, ADD INDEX (x)', 'adds x'],
    ['ADD COLUMN IF NOT EXISTS `X` VARCHAR(9) COLLATE utf8mb4_bin FIRST', 'adds x'],
    ['ADD COLUMN (x INT, `y` DECIMAL(5,2) NULL COMMENT "z"), ALGORITHM=INSTANT', 'adds x adds y'],
    ["ADD s SET('a','b'), COMMENT='new'", 'adds s'],
    ['ADD (x INT, INDEX by_x (x), `key` INT, CONSTRAINT c CHECK (x > 1))', 'adds x adds key'],
    ['ADD (x INT, FOREIGN KEY (x) REFERENCES p (id) ON DELETE CASCADE)', 'adds x acts'],
    ['MODIFY a VARCHAR(20) COMMENT "x"', 'declares'],
    ['ADD x INT, MODIFY a VARCHAR(20)', 'adds x declares'],
    ['CHANGE COLUMN `a` a VARCHAR(20) NOT NULL', 'declares'],
    ['CONVERT TO CHARACTER SET utf8mb4', 'declares'],
    ["CONVERT TO CHARSET 'utf8mb4' COLLATE utf8mb4_bin", 'declares'],
    ['CONVERT TO CHARACTER SET DEFAULT, ALGORITHM=COPY', 'declares'],
    ['ROW_FORMAT=DYNAMIC, CONVERT TO CHARACTER SET `utf8mb4` COLLATE `utf8mb4_bin`', 'declares'],
    ['DROP COLUMN a', 'drops a'],
    ['ADD x INT, DROP COLUMN IF EXISTS `A b` RESTRICT, ALGORITHM=INSTANT', 'adds x drops a b'],
    ['DROP a, DROP `key` CASCADE, DROP INDEX by_a, COMMENT "x"', 'drops a drops key'],
    ['ADD FOREIGN KEY (a) REFERENCES other (id) ON DELETE CASCADE', 'acts'],
    ['ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES other (id) ON UPDATE SET NULL', 'acts'],
  ])('ALTER TABLE orders %s: %s', (clauses, effect) => {
    expect(ddl(`ALTER TABLE orders ${clauses}`)).toBe(`orders keeps rows ${effect}`);
  });

  test.each([
    'ALTER TABLE orders ADD x INT DEFAULT (5)',
    'ALTER TABLE orders ADD x INT AS (a + 1)',
    'ALTER TABLE orders ADD x INT GENERATED ALWAYS AS (a + 1) STORED',
    'ALTER TABLE orders ADD (x INT, PRIMARY KEY (x))',
    'ALTER TABLE orders ADD x INT AUTO_INCREMENT UNIQUE',
    'ALTER TABLE orders ADD x SERIAL',
    'ALTER TABLE orders ADD x TIMESTAMP',
    "ALTER TABLE orders COMMENT 'a\\', DROP COLUMN v, COMMENT 'b'",
    "ALTER TABLE other COMMENT 'a\\', RENAME TO orders, COMMENT 'b'",
    'ALTER TABLE orders DROP COLUMN x, ADD X INT',
    'ALTER TABLE orders DROP COLUMN x, MODIFY y INT',
    'ALTER TABLE orders DROP COLUMN x, ADD FOREIGN KEY (a) REFERENCES p (id) ON DELETE CASCADE',
    'ALTER TABLE orders DROP COLUMN x y',
    'ALTER TABLE orders COMMENT "x" DROP COLUMN a',
    'ALTER TABLE orders DROP SYSTEM VERSIONING',
    'ALTER TABLE orders NOWAIT DROP PARTITION p0',
    'ALTER TABLE orders REBUILD PARTITION p0, DROP COLUMN a',
    'ALTER TABLE orders REBUILD PARTITION p0 DROP PARTITION p1',
    'ALTER TABLE orders WAIT 5 TRUNCATE PARTITION p0',
    'ALTER TABLE orders COMMENT "x" DROP PARTITION p0',
    'ALTER TABLE orders DROP INDEX `PRIMARY`',
    'DROP INDEX `PRIMARY` ON shop.orders',
    'ALTER TABLE orders CHANGE a b INT',
    'ALTER TABLE orders CHANGE a b INT, CHANGE b a INT',
    'ALTER TABLE orders MODIFY a INT AS (b)',
    'ALTER TABLE orders MODIFY id INT AUTO_INCREMENT',
    'ALTER TABLE orders MODIFY a INT REFERENCES other (id) ON DELETE CASCADE',
    'ALTER TABLE orders RENAME COLUMN a TO b',
    'ALTER TABLE orders ADD SYSTEM VERSIONING',
    'ALTER TABLE orders ADD PERIOD FOR SYSTEM_TIME (a, b)',
    'ALTER TABLE orders IMPORT PARTITION p0 TABLESPACE',
    'ALTER TABLE orders ADD x INT UNIQUE',
    'ALTER TABLE orders DROP PARTITION p0',
    'ALTER TABLE orders TRUNCATE PARTITION p0',
    'ALTER TABLE orders EXCHANGE PARTITION p0 WITH TABLE other',
    'ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4, DROP COLUMN a',
    'ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4 DROP COLUMN a',
    'ALTER TABLE orders CONVERT TO CHARACTER SET utf8mb4 RENAME TO other',
    'ALTER TABLE orders FORCE CONVERT TO CHARACTER SET latin1',
    'ALTER TABLE orders CONVERT PARTITION p TO TABLE other',
    'ALTER TABLE orders CONVERT TABLE other TO PARTITION p VALUES LESS THAN (9)',
    'ALTER IGNORE TABLE orders ADD UNIQUE KEY (a)',
    'ALTER TABLE orders ADD PRIMARY KEY (a)',
    'ALTER TABLE orders DISCARD TABLESPACE',
    'ALTER TABLE orders ENGINE=BLACKHOLE',
    "ALTER TABLE orders COMMENT='a' ENGINE MEMORY",
    'CREATE TABLE IF NOT EXISTS orders AS SELECT 1',
    'CREATE OR REPLACE TABLE orders (id INT)',
    'DROP TABLE IF EXISTS orders',
  ])('may change rows: %s', text => {
    expect(ddl(text)).toBe('orders');
  });

  test.each([
    'CREATE TEMPORARY TABLE orders (id INT)',
    'DROP TEMPORARY TABLE IF EXISTS orders',
    'DROP TEMPORARY TABLE `tmp` /* generated by server */',
    'CREATE INDEX i ON orders (a)',
    'CREATE FULLTEXT INDEX i ON orders (a)',
    'CREATE VECTOR INDEX i ON orders (a)',
    'DROP INDEX i ON other',
    'ANALYZE TABLE orders',
    'ANALYZE LOCAL TABLE orders',
    'ANALYZE NO_WRITE_TO_BINLOG TABLE orders',
    'OPTIMIZE TABLE orders',
    'GRANT SELECT ON orders TO u',
    "REVOKE IF EXISTS SELECT ON shop.* FROM u@'%'",
    'FLUSH TABLES',
    'ALTER USER root IDENTIFIED BY "orders"',
    "CREATE USER 'u'@'%' IDENTIFIED WITH 'caching_sha2_password'",
    "SET PASSWORD FOR 'u'@'%'='*0D3CED9BEC10A777AEC23CCC353A8C08A633045E'",
    "SET DEFAULT ROLE NONE TO u@'%'",
    'CREATE DATABASE other',
    'ALTER DATABASE shop CHARACTER SET utf8mb4',
    'CREATE TABLESPACE t ADD DATAFILE "x"',
    'TRUNCATE other',
    '# Dummy event replacing event type 160 that slave cannot handle.',
  ])('no matter to the rows: %s', text => {
    expect(kind(text)).toBe('harmless');
  });

  test.each([
    ['ALTER TABLE other ADD COLUMN orders INT', 'table removes'],
    ['ALTER TABLE other RENAME COLUMN a TO orders', 'table removes'],
    ['CREATE TABLE copy_of LIKE orders', 'table'],
    ['DROP TABLE other', 'table removes'],
    ['RENAME TABLE other TO another', 'table removes'],
    ['CREATE VIEW v AS SELECT * FROM orders', 'program'],
    [
      'CREATE OR REPLACE ALGORITHM=MERGE DEFINER=`a`@`%` SQL SECURITY DEFINER VIEW v AS SELECT 1',
      'program removes',
    ],
    ['CREATE DEFINER=`root`@`%` TRIGGER tr AFTER INSERT ON o FOR EACH ROW SET @a = 1', 'program'],
    ['CREATE DEFINER=`root`@`%` EVENT ev ON SCHEDULE EVERY 1 DAY DO SELECT 1', 'program'],
    ['DROP TRIGGER IF EXISTS tr', 'program removes'],
    ['ALTER EVENT ev DISABLE', 'program removes'],
    ['DROP FUNCTION f', 'program removes'],
    ['CREATE SEQUENCE sq', 'program'],
    ['DROP DATABASE other', 'program removes'],
    ['CREATE OR REPLACE DATABASE other', 'program removes'],
  ])('a definition of something else: %s', (text, expected) => {
    const s = classify(text, 'shop', tracked);
    const words =
      s.kind === 'definition' ? [s.program ? 'program' : 'table', s.removes && 'removes'] : [];
    expect(words.filter(Boolean).join(' ')).toBe(expected);
  });

  test.each(['FROBNICATE TABLE orders', 'HANDLER orders OPEN', 'CREATE THING x', 'EXECUTE p'])(
    'what is not known is doubted: %s',
    text => {
      expect(kind(text)).toBe('unknown');
    },
  );

  test('a CREATE ... SELECT leaves its transaction open', () => {
    expect(kind('CREATE TABLE `c` (\n `id` int) START TRANSACTION')).toBe('opens');
  });
});
