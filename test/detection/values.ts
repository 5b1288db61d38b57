/**
 * Values that are changed by the smallest amount that their type knows: one column of the table
 * `kinds` for each, one row for each damage. Where another text of the same value is meant to be
 * told, the table of a peer that did not tell it is the reason (docs/CHECKS.md).
 */
import { type Damage, type DetectionTable, targetOf } from './damage.ts';

interface ValueDamage {
  what: string;
  type: string;
  /** In every row of the source. */
  value: string;
  /** On the target, in one row. */
  instead: string;
}

const CI = 'VARCHAR(40) COLLATE utf8mb4_0900_ai_ci';

const VALUES: readonly ValueDamage[] = [
  { what: 'TINYINT, lowest bit', type: 'TINYINT', value: '5', instead: '4' },
  { what: 'INT, sign', type: 'INT', value: '7', instead: '-7' },
  {
    what: 'BIGINT beyond 2^53, lowest bit',
    type: 'BIGINT',
    value: '9007199254740993',
    instead: '9007199254740992',
  },
  {
    what: 'BIGINT UNSIGNED, highest bit',
    type: 'BIGINT UNSIGNED',
    value: '18446744073709551615',
    instead: '9223372036854775807',
  },
  {
    what: 'DECIMAL, last fractional digit of 30',
    type: 'DECIMAL(65,30)',
    value: '1.5',
    instead: '1.500000000000000000000000000001',
  },
  { what: 'FLOAT, last bit', type: 'FLOAT', value: '1.1', instead: '1.1000001' },
  {
    what: 'DOUBLE, last bit',
    type: 'DOUBLE',
    value: '1.2345678901234567e0',
    instead: '1.2345678901234569e0',
  },
  { what: 'DOUBLE, -0 for 0', type: 'DOUBLE', value: '0e0', instead: '-0e0' },
  { what: 'FLOAT, NULL for 0', type: 'FLOAT', value: '0e0', instead: 'NULL' },
  { what: 'BIT(64), highest bit', type: 'BIT(64)', value: "b'1'", instead: '9223372036854775809' },
  { what: 'text, a space at its end', type: CI, value: "'a'", instead: "'a '" },
  { what: 'text, case', type: CI, value: "'straße'", instead: "'Straße'" },
  { what: 'text, accent', type: CI, value: "'resume'", instead: "'résumé'" },
  { what: 'text, letters that are equal', type: CI, value: "'straße'", instead: "'strasse'" },
  {
    what: 'text, composed for decomposed',
    type: CI,
    value: "'Å'",
    instead: "CONCAT('A', _utf8mb4 x'CC8A')",
  },
  { what: 'text, invisible character', type: CI, value: "'ab'", instead: "_utf8mb4 x'61C2AD62'" },
  { what: 'text, NUL at its end', type: 'CHAR(10)', value: "'a'", instead: "_utf8mb4 x'6100'" },
  { what: 'text, NULL for empty', type: 'VARCHAR(9)', value: "''", instead: 'NULL' },
  { what: "text, 'NULL' for NULL", type: 'VARCHAR(9)', value: 'NULL', instead: "'NULL'" },
  { what: "text, '0' for NULL", type: 'VARCHAR(9)', value: 'NULL', instead: "'0'" },
  {
    what: 'latin1 text, one byte',
    type: 'VARCHAR(9) CHARACTER SET latin1',
    value: "'é'",
    instead: "'è'",
  },
  {
    what: 'long text, case of its last letter',
    type: 'MEDIUMTEXT',
    value: "REPEAT('ab', 20000)",
    instead: "CONCAT(REPEAT('ab', 19999), 'aB')",
  },
  {
    what: 'VARBINARY, a zero byte at its end',
    type: 'VARBINARY(9)',
    value: "x'6100'",
    instead: "x'61'",
  },
  { what: 'BINARY, one bit', type: 'BINARY(4)', value: "x'00000001'", instead: "x'00000000'" },
  { what: 'BLOB, one bit', type: 'BLOB', value: "x'00ff2c'", instead: "x'00ff2d'" },
  { what: 'BLOB, NULL for empty', type: 'BLOB', value: "''", instead: 'NULL' },
  { what: 'ENUM, next member', type: "ENUM('a','b','a,b')", value: "'b'", instead: "'a,b'" },
  { what: 'ENUM, empty member for NULL', type: "ENUM('','b')", value: 'NULL', instead: "''" },
  { what: 'SET, one member', type: "SET('x','y','z')", value: "'x,z'", instead: "'x,y,z'" },
  { what: 'DATE, one day', type: 'DATE', value: "'2024-02-29'", instead: "'2024-02-28'" },
  { what: 'DATE, NULL for zero', type: 'DATE', value: "'0000-00-00'", instead: 'NULL' },
  { what: 'DATE, day zero', type: 'DATE', value: "'2024-02-01'", instead: "'2024-02-00'" },
  {
    what: 'DATETIME, microsecond',
    type: 'DATETIME(6)',
    value: "'2024-02-29 01:02:03.000001'",
    instead: "'2024-02-29 01:02:03'",
  },
  {
    what: 'TIMESTAMP, an hour of summer time',
    type: 'TIMESTAMP NULL',
    value: "'2024-10-27 00:30:00'",
    instead: "'2024-10-27 01:30:00'",
  },
  {
    what: 'TIME, sign of a microsecond',
    type: 'TIME(6)',
    value: "'00:00:00.000001'",
    instead: "'-00:00:00.000001'",
  },
  { what: 'YEAR, 0 for 2000', type: 'YEAR', value: '2000', instead: '0' },
  {
    what: 'JSON, kind of a number',
    type: 'JSON',
    value: `'{"a": 1}'`,
    instead: `'{"a": 1.0}'`,
  },
  {
    what: 'JSON, text for a number',
    type: 'JSON',
    value: `'{"a": 1}'`,
    instead: `'{"a": "1"}'`,
  },
  {
    what: 'JSON, DOUBLE for DECIMAL',
    type: 'JSON',
    value: "JSON_OBJECT('a', 1.5)",
    instead: `'{"a": 1.5}'`,
  },
  {
    what: 'JSON, signed for UNSIGNED',
    type: 'JSON',
    value: "JSON_OBJECT('a', CAST(1 AS UNSIGNED))",
    instead: `'{"a": 1}'`,
  },
  {
    what: 'JSON, string for DATE',
    type: 'JSON',
    value: "JSON_OBJECT('a', DATE'2024-01-02')",
    instead: `'{"a": "2024-01-02"}'`,
  },
  { what: 'JSON, null for NULL', type: 'JSON', value: 'NULL', instead: `'null'` },
  {
    what: 'JSON, case of a key',
    type: 'JSON',
    value: `'{"a": {"b": []}}'`,
    instead: `'{"a": {"B": []}}'`,
  },
  {
    what: 'geometry, one coordinate',
    type: 'GEOMETRY',
    value: "ST_GeomFromText('POINT(1 2)', 4326)",
    instead: "ST_GeomFromText('POINT(1 2.000000000000001)', 4326)",
  },
  {
    what: 'geometry, its reference system',
    type: 'GEOMETRY',
    value: "ST_GeomFromText('POINT(1 2)', 4326)",
    instead: "ST_GeomFromText('POINT(1 2)')",
  },
];

const COLUMNS = VALUES.map((_, i) => `c${i}`);

/** The rows that stay as they are have ids that are not those of a damage. */
const ROWS = 3 * VALUES.length;

export const KINDS: DetectionTable = {
  name: 'kinds',
  create: `CREATE TABLE kinds (id INT PRIMARY KEY, customer_id INT NOT NULL,
    ${VALUES.map(({ type }, i) => `c${i} ${type}`).join(', ')})`,
  fill: [
    `INSERT INTO kinds (id, customer_id, ${COLUMNS.join(', ')})
      WITH RECURSIVE n AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM n WHERE id < ${ROWS})
      SELECT id, id, ${VALUES.map(v => v.value).join(', ')} FROM n`,
  ],
};

export const VALUE_DAMAGES: readonly Damage[] = VALUES.map(({ what, instead }, i) => {
  const id = 3 * i + 2;
  return {
    what,
    // NULL first: MySQL would leave a JSON document as it is where it holds the new one equal.
    done: ['NULL', instead].map(sql => ({
      target: targetOf(id),
      sql: `UPDATE kinds SET c${i} = ${sql} WHERE id = ${id}`,
    })),
    told: [{ table: 'kinds', kind: 'different', key: `${id}`, columns: [`c${i}`] }],
  };
});
