/**
 * What a table of others' sinks is tried with: one column of each type, in rows that are copied
 * and in rows that come by the binlog, and keys of each type.
 */

export interface SinkCase {
  /** Table; a row of the page has `what`. */
  table: string;
  what: string;
  /** Declaration of the column `v`, or of the key `k`. */
  declared: string;
  isKey: boolean;
  /** Values, as SQL. */
  values: readonly string[];
  /** What the sink's connection.url has besides. */
  url?: string;
}

function column(what: string, declared: string, ...values: string[]): SinkCase {
  return { table: `v_${nameOf(what)}`, what, declared, isKey: false, values };
}

function key(what: string, declared: string, ...values: string[]): SinkCase {
  return { table: `k_${nameOf(what)}`, what: `key of ${what}`, declared, isKey: true, values };
}

function nameOf(what: string): string {
  return what.toLowerCase().replace(/[^a-z0-9]+/g, '_');
}

const EVERY_BYTE = `0x${Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('hex')}`;
const POINT = `ST_GeomFromText('POINT(1.5 -2)'`;

const INSTANTS = [
  `'1970-01-01 00:00:01'`,
  `'2024-11-03 05:30:00'`,
  `'2024-11-03 06:30:00'`,
  `'2038-01-19 03:14:07.499999'`,
];

export const CASES: readonly SinkCase[] = [
  column('TINYINT', 'TINYINT', '-128', '127', '0'),
  column('TINYINT(1)', 'TINYINT(1)', '-128', '1', '0', '7'),
  column('TINYINT UNSIGNED', 'TINYINT UNSIGNED', '0', '255'),
  column('SMALLINT', 'SMALLINT', '-32768', '32767'),
  column('SMALLINT UNSIGNED', 'SMALLINT UNSIGNED', '0', '65535'),
  column('MEDIUMINT', 'MEDIUMINT', '-8388608', '8388607'),
  column('MEDIUMINT UNSIGNED', 'MEDIUMINT UNSIGNED', '0', '16777215'),
  column('INT', 'INT', '-2147483648', '2147483647'),
  column('INT UNSIGNED', 'INT UNSIGNED', '0', '4294967295'),
  column('BIGINT', 'BIGINT', '-9223372036854775808', '9223372036854775807'),
  column('BIGINT UNSIGNED', 'BIGINT UNSIGNED', '0', '18446744073709551615'),
  column('DECIMAL', 'DECIMAL(65,30)', `-${'9'.repeat(35)}.${'9'.repeat(30)}`, '0.1', '1e-30'),
  column('FLOAT', 'FLOAT', '3.402823e38', '-1.17549e-38', '0.1', '16777217', '1e-45'),
  column('FLOAT and DOUBLE -0', 'DOUBLE', '-0e0', '0e0'),
  column('DOUBLE', 'DOUBLE', '1.7976931348623157e308', '5e-324', '0.1', '-2.2250738585072014e-308'),
  column('BIT(1)', 'BIT(1)', `b'0'`, `b'1'`),
  column('BIT(n)', 'BIT(64)', `b'0'`, `b'1'`, '0xFEDCBA9876543210', '0xFFFFFFFFFFFFFFFF'),
  column('YEAR', 'YEAR', '1901', '2155', '2024'),
  column('YEAR 0000', 'YEAR', `'0000'`),
  column('DATE', 'DATE', `'1000-01-01'`, `'9999-12-31'`, `'1582-10-10'`, `'2024-02-29'`),
  column('dates that no calendar has', 'DATE', `'0000-00-00'`, `'2024-05-00'`, `'2024-02-31'`),
  column('DATETIME', 'DATETIME', `'1000-01-01 00:00:00'`, `'9999-12-31 23:59:59'`),
  column('DATETIME(3)', 'DATETIME(3)', `'1969-12-31 23:59:59.999'`, `'2024-03-10 02:30:00.001'`),
  column(
    'DATETIME(6)',
    'DATETIME(6)',
    `'1500-06-01 12:00:00.000001'`,
    `'9999-12-31 23:59:59.999999'`,
  ),
  column(
    'DATETIME that no calendar has',
    'DATETIME(6)',
    `'0000-00-00 00:00:00'`,
    `'2024-05-00 01:02:03'`,
  ),
  column(
    'TIMESTAMP',
    'TIMESTAMP NULL',
    `'1970-01-01 00:00:01'`,
    `'2024-11-03 05:30:00'`,
    `'2024-11-03 06:30:00'`,
  ),
  column(
    'TIMESTAMP(6)',
    'TIMESTAMP(6) NULL',
    `'2038-01-19 03:14:07.499999'`,
    `'2024-03-10 07:30:00.000001'`,
  ),
  {
    ...column('TIMESTAMP by connectionTimeZone=UTC', 'TIMESTAMP(6) NULL', ...INSTANTS),
    url: 'connectionTimeZone=UTC',
  },
  column('TIMESTAMP 0000-00-00', 'TIMESTAMP NULL', `'0000-00-00 00:00:00'`),
  column('TIME', 'TIME(6)', `'00:00:00'`, `'23:59:59.999999'`, `'12:00:00.000001'`),
  column(
    'TIME below 0 or from 24:00:00 on',
    'TIME(6)',
    `'-838:59:59'`,
    `'838:59:59'`,
    `'24:00:00'`,
    `'-00:00:00.000001'`,
  ),
  column('CHAR', 'CHAR(10)', `''`, `' a'`, `'é😀'`),
  column('VARCHAR', 'VARCHAR(300)', `''`, `'a '`, `'😀\\\\\\'"\\0\\n'`, `REPEAT('ж', 300)`),
  column('TEXT', 'TEXT', `''`, `REPEAT('é', 30000)`),
  column('LONGTEXT', 'LONGTEXT', `REPEAT('x', 1000000)`),
  column('latin1', 'VARCHAR(300) CHARACTER SET latin1', `_latin1 0xE9FF80`, `'a'`),
  column('bytes that are no character', 'VARCHAR(9) CHARACTER SET cp932', `_cp932 0x87908754`),
  column('gbk', 'VARCHAR(30) CHARACTER SET gbk', `'客户'`),
  column('utf16', 'VARCHAR(30) CHARACTER SET utf16', `'客😀'`),
  column('BINARY', 'BINARY(8)', `0x0000`, `0x61FF`, `0x2020202020202020`),
  column('VARBINARY', 'VARBINARY(300)', `''`, EVERY_BYTE, `0x610000`),
  column('BLOB', 'BLOB', `''`, EVERY_BYTE),
  column('LONGBLOB', 'LONGBLOB', `REPEAT(0xFF00, 500000)`),
  column('ENUM', `ENUM('a','B','x y','é')`, `'a'`, `'é'`, `'x y'`),
  column('ENUM with the error value', `ENUM('a','b')`, `0`),
  column('ENUM with a comma', `ENUM('a,b','c')`, `'a,b'`, `'c'`),
  column('SET', `SET('a','b','c')`, `''`, `'a'`, `'a,c'`),
  column('JSON', 'JSON', `'{}'`, `'{"b":1,"aa":[1.0,"é😀",null]}'`, `'null'`, `'"\\\\n"'`),
  column('JSON with numbers', 'JSON', `'18446744073709551615'`, `'1e300'`, `'-0.0'`, `'1.0'`),
  column('GEOMETRY', 'GEOMETRY', `${POINT})`, `ST_GeomFromText('LINESTRING(0 0,1 1)')`),
  column('GEOMETRY with an SRID', 'GEOMETRY', `${POINT}, 4326)`, `${POINT}, 3857)`),
  column('POINT', 'POINT', `${POINT})`),
  column('POLYGON', 'POLYGON', `ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')`),
  column('VECTOR', 'VECTOR(3)', `STRING_TO_VECTOR('[1.5,-2,0.1]')`),
  column('invisible', 'INT INVISIBLE', '5'),
  column('DEFAULT where the row has NULL', `INT DEFAULT 7`, 'NULL', '7'),
  column('generated STORED', 'INT AS (id * 2) STORED'),
  column('generated VIRTUAL', 'INT AS (id * 2) VIRTUAL'),
  key('BIGINT UNSIGNED', 'BIGINT UNSIGNED', '0', '18446744073709551615', '9223372036854775808'),
  key('SMALLINT', 'SMALLINT', '-32768', '0', '32767'),
  key('DECIMAL', 'DECIMAL(30,10)', '-0.0000000001', '12345678901234567890.5', '7'),
  key('VARCHAR', 'VARCHAR(100)', `'a'`, `'é'`, `'ß'`, `'b '`),
  key('VARCHAR of bytes', 'VARCHAR(100) COLLATE utf8mb4_0900_bin', `'a'`, `'A'`, `'a '`),
  key('latin1', 'VARCHAR(100) CHARACTER SET latin1', `'a'`, `_latin1 0xE9`, `_latin1 0x80`),
  key('VARBINARY', 'VARBINARY(100)', `0x00`, `0xFF00`, `0xFF`),
  key('BINARY', 'BINARY(4)', `0x00000000`, `0x61000000`, `0xFFFFFFFF`),
  key('DATE', 'DATE', `'1000-01-01'`, `'2024-02-29'`, `'9999-12-31'`),
  key(
    'DATETIME(6)',
    'DATETIME(6)',
    `'2024-03-10 02:30:00.000001'`,
    `'1969-12-31 23:59:59.9'`,
    `'2000-01-01'`,
  ),
  key(
    'TIMESTAMP(6)',
    'TIMESTAMP(6)',
    `'2024-11-03 05:30:00.5'`,
    `'2024-11-03 06:30:00.5'`,
    `'2000-01-01'`,
  ),
  key('TIME(6)', 'TIME(6)', `'00:00:00.000001'`, `'23:59:59.999999'`, `'12:00:00'`),
  key('ENUM', `ENUM('b','a','c')`, `'a'`, `'b'`, `'c'`),
  key('SET', `SET('b','a')`, `''`, `'a'`, `'b,a'`),
  key('YEAR', 'YEAR', '1901', '2024', '2155'),
  key('BIT(n)', 'BIT(64)', `b'0'`, '0xFEDCBA9876543210', `b'1'`),
];

/** How it is made, in every database. */
export function tableOf({ table, declared, isKey }: SinkCase): string {
  return isKey
    ? `CREATE TABLE ${table} (k ${declared} NOT NULL PRIMARY KEY, id INT NOT NULL)`
    : `CREATE TABLE ${table} (id INT PRIMARY KEY, v ${declared})`;
}

/** Rows before the copy. */
export function rowsOf(c: SinkCase): string[] {
  const { table, values, isKey } = c;
  if (isKey) return values.slice(0, -1).map((v, i) => insertKey(table, v, i + 1));
  if (values.length === 0) return [1, 2, 3].map(id => `INSERT INTO ${table} (id) VALUES (${id})`);
  return [...values, 'NULL'].map((v, i) => insertValue(table, i + 1, v));
}

/** Inserts, updates, deletes and changes of keys, behind the copy. */
export function changesOf(c: SinkCase): string[] {
  const { table, values, isKey } = c;
  const last = values.at(-1) ?? '';
  const [first = '', second = ''] = values;
  if (isKey) {
    return [
      insertKey(table, last, 100),
      `UPDATE ${table} SET id = id + 1 WHERE k = ${first}`,
      `DELETE FROM ${table} WHERE k = ${second}`,
      `UPDATE ${table} SET k = ${second} WHERE k = ${first}`,
      insertKey(table, first, 200),
    ];
  }
  const moved = [
    `UPDATE ${table} SET id = id + 1000 WHERE id = 1`,
    `DELETE FROM ${table} WHERE id = 101`,
  ];
  if (values.length === 0) return [`INSERT INTO ${table} (id) VALUES (101), (102)`, ...moved];
  return [
    ...values.map((v, i) => insertValue(table, 100 + i, v)),
    `UPDATE ${table} SET v = ${last} WHERE id = 2`,
    ...moved,
  ];
}

function insertKey(table: string, k: string, id: number): string {
  return `INSERT INTO ${table} (k, id) VALUES (${k}, ${id})`;
}

function insertValue(table: string, id: number, v: string): string {
  return `INSERT INTO ${table} (id, v) VALUES (${id}, ${v})`;
}

/** The tried column, as text that people can read; bytes and texts as the first of their HEX. */
export function shownOf({ declared, isKey }: SinkCase): string {
  const c = isKey ? 'k' : 'v';
  if (/^(FLOAT)/.test(declared)) return `CAST(CAST(${c} AS DOUBLE) AS CHAR)`;
  if (/^BIT/.test(declared)) return `LPAD(HEX(CAST(${c} AS UNSIGNED)), 16, '0')`;
  if (/^(GEO|PO)/.test(declared)) return `CONCAT(ST_SRID(${c}), ' ', ST_AsText(${c}))`;
  const asHex = /^(CHAR|VARCHAR|TEXT|LONGTEXT|BINARY|VARBINARY|BLOB|LONGBLOB|VECTOR)/;
  return asHex.test(declared) ? `LEFT(HEX(${c}), 24)` : `CAST(${c} AS CHAR)`;
}
