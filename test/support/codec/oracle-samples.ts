/**
 * Test values: for each declared type the SQL expressions to store, ends of the range first, then
 * random ones from a seed. A type that a new codec carries is added here.
 */
import { randomBytes } from 'node:crypto';
import { MADE_JSONS } from './made-jsons.ts';

import {
  digits,
  doubles,
  floats,
  hexOf,
  JSONS,
  json,
  many,
  quote,
  random,
  TEXTS,
  two,
} from './oracle-values.ts';

export type Carried = { type: string; values: string[]; how?: string };

function integer(type: string, bits: number): Carried[] {
  const top = 2n ** BigInt(bits);
  const some = many(20, () => BigInt(`0x${hexOf(bits / 8)}`));
  const near = [127n, 128n, 8191n, 8192n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 10n ** 15n, 10n ** 16n];
  const unsigned = [0n, 1n, top - 1n, top / 2n, top / 2n - 1n, ...near, ...some];
  const signed = unsigned
    .map(v => v - top / 2n)
    .concat(
      near,
      near.map(v => -v),
    );
  const within = (v: bigint, low: bigint, high: bigint) => v >= low && v <= high;
  return [
    {
      type,
      values: signed.filter(v => within(v, -top / 2n, top / 2n - 1n)).map(String),
    },
    {
      type: `${type} UNSIGNED`,
      values: unsigned.filter(v => within(v, 0n, top - 1n)).map(String),
    },
  ];
}

function decimal(precision: number, scale: number): Carried {
  const nines = '9'.repeat(precision - scale) || '0';
  const fraction = scale > 0 ? `.${'9'.repeat(scale)}` : '';
  const values = ['0', '-0', '-0.0', '1', '-1', `${nines}${fraction}`, `-${nines}${fraction}`];
  const made = many(40, () => {
    const whole = digits(random(precision - scale + 1)) || '0';
    const part = scale > 0 ? `.${digits(scale)}` : '';
    return `${random(2) ? '-' : ''}${whole}${part}`;
  });
  const small = scale > 0 ? many(scale, i => `-0.${'0'.repeat(i)}1`) : [];
  const fits = precision > scale ? values : values.filter(v => !/^-?1$/.test(v));
  return { type: `DECIMAL(${precision},${scale})`, values: [...fits, ...made, ...small] };
}

const DOUBLES = [
  '0e0',
  '-0e0',
  '1e0',
  '-1.5e0',
  '0.1e0',
  '1.7976931348623157e308',
  '-1.7976931348623157e308',
  '2.2250738585072014e-308',
  '4.9406564584124654e-324',
  '123456789012345678e0',
  '1e15',
  '1e16',
  '1e-14',
  '1e-15',
  '1e-16',
  '9007199254740993e0',
];

function date(): string {
  return `${String(random(10000)).padStart(4, '0')}-${two(1 + random(12))}-${two(1 + random(28))}`;
}

function clock(): string {
  return `${two(random(24))}:${two(random(60))}:${two(random(60))}`;
}

function fraction(fsp: number): string {
  return fsp > 0 ? `.${digits(fsp)}` : '';
}

/** Dates that no calendar has: sessions that allow them store them. */
const NO_DATES = [
  '0000-00-00',
  '0000-00-31',
  '0000-12-00',
  '0000-02-30',
  '2024-00-00',
  '2024-05-00',
  '2024-00-05',
  '2023-02-29',
  '2021-02-31',
  '1900-02-29',
  '9999-00-00',
  '9999-11-31',
];

const DATES = [
  '0000-01-01',
  '0001-01-01',
  '1000-01-01',
  '1582-10-15',
  '1600-02-29',
  '1900-02-28',
  '1969-12-31',
  '1970-01-01',
  '2000-02-29',
  '2038-01-19',
  '9999-12-31',
];

function temporal(fsp: number): Carried[] {
  const f = fraction(fsp).replace(/\d/g, '0');
  const top = f.replaceAll('0', '9');
  const tick = f.replace(/0$/, '1');
  const instants = ['1970-01-01 00:00:01', '2038-01-19 03:14:07', '2000-02-29 23:59:59'];
  const spans = ['00:00:00', '00:00:01', '-00:00:01', '-01:00:00', '-00:01:00', '838:59:59'];
  return [
    {
      type: `DATETIME(${fsp})`,
      values: [
        ...[...DATES, ...NO_DATES].flatMap(d => [
          `'${d} 00:00:00${f}'`,
          `'${d} 00:00:00${tick}'`,
          `'${d} 23:59:59${top}'`,
        ]),
        ...many(60, () => `'${date()} ${clock()}${fraction(fsp)}'`),
      ],
    },
    {
      type: `TIMESTAMP(${fsp})`,
      values: [
        `'0000-00-00 00:00:00'`,
        ...instants.map(t => `'${t}${t.startsWith('2038') ? f : top}'`),
        ...many(60, () => {
          const day = `${1971 + random(67)}-${two(1 + random(12))}-${two(1 + random(28))}`;
          return `'${day} ${clock()}${fraction(fsp)}'`;
        }),
      ].map(v => (v.startsWith("'1970") ? `'1970-01-01 00:00:01${f}'` : v)),
    },
    {
      type: `TIME(${fsp})`,
      values: [
        ...spans.map(s => `'${s}'`),
        `'-838:59:59'`,
        `'-00:00:00${tick}'`,
        `'-00:00:59${top}'`,
        `'837:59:59${top}'`,
        `'-837:59:59${top}'`,
        ...many(80, () => {
          const hours = two(random(838));
          const sign = random(2) ? '-' : '';
          return `'${sign}${hours}:${two(random(60))}:${two(random(60))}${fraction(fsp)}'`;
        }),
      ],
    },
  ];
}

function text(type: string, texts: readonly string[] = TEXTS): Carried {
  return { type, values: texts.map(quote) };
}

const LATIN1_ALL = `CONVERT(x'${many(256, i => i.toString(16).padStart(2, '0')).join('')}' USING latin1)`;
const codes = (t: string) => [...t].map(c => c.codePointAt(0) ?? 0);
const WESTERN = TEXTS.filter(t => codes(t).every(c => c < 0x80 || (c >= 0xa0 && c <= 0xff)));
const PLAIN = TEXTS.filter(t => codes(t).every(c => c < 0x80));
const BMP = TEXTS.filter(t => !/[\u{10000}-\u{10ffff}]/u.test(t));

function binary(length: number): string[] {
  const some = [1, 2, 127, 255].filter(n => n <= length);
  return [
    "''",
    "x'00'",
    "x'61'",
    ...(length > 2 ? ["x'610000'", "x'000061'", "'\\\\\\''"] : []),
    ...some.map(n => `x'${hexOf(n)}'`),
    `x'${'00'.repeat(length)}'`,
    `x'${randomBytes(length).toString('hex')}'`,
  ];
}

const MANY_MEMBERS = many(300, i => `'m${i}'`);

export const CARRIED: Carried[] = [
  ...integer('TINYINT', 8),
  ...integer('SMALLINT', 16),
  ...integer('MEDIUMINT', 24),
  ...integer('INT', 32),
  ...integer('BIGINT', 64),
  { type: 'BIGINT(20) UNSIGNED ZEROFILL', values: ['0', '12', '18446744073709551615'] },
  { type: 'TINYINT(1)', values: ['0', '1', '-128', '127'] },
  decimal(1, 0),
  decimal(5, 5),
  decimal(9, 9),
  decimal(10, 0),
  decimal(12, 2),
  decimal(15, 3),
  decimal(16, 0),
  decimal(18, 9),
  decimal(20, 19),
  decimal(30, 30),
  decimal(38, 10),
  decimal(65, 0),
  decimal(65, 30),
  { type: 'DECIMAL(10,2) UNSIGNED ZEROFILL', values: ['0', '1.5', '99999999.99'] },
  {
    type: 'FLOAT',
    values: [
      '0e0',
      '-0e0',
      '1.1e0',
      '3.4028234e38',
      '-3.4028234e38',
      '1.17549435e-38',
      '1.4e-45',
    ].concat('16777216e0', '123456.7e0', '0.333333333e0', ...floats(200)),
  },
  { type: 'FLOAT(7,3)', values: ['0', '-0', '1.1', '9999.999', '-1234.567'] },
  { type: 'DOUBLE', values: [...DOUBLES, ...doubles(300)] },
  {
    type: 'DOUBLE(16,4)',
    values: ['0', '1.1', '123456789012.3456', '-0.0001', '99999999999.9999'],
  },
  text('VARCHAR(20)'),
  text('VARCHAR(300)', [...TEXTS, '😀'.repeat(300), "'".repeat(300), 'x'.repeat(300)]),
  text('CHAR(20)'),
  text('CHAR(255)', [...TEXTS, '😀'.repeat(255), 'y'.repeat(255)]),
  text('CHAR(0)', ['']),
  text('TINYTEXT'),
  text('TEXT', [...TEXTS, 'z'.repeat(65535), '\\'.repeat(1000)]),
  text('MEDIUMTEXT', [...TEXTS, 'ß'.repeat(100000)]),
  text('LONGTEXT', [...TEXTS, "a'".repeat(100000)]),
  text('VARCHAR(300) CHARACTER SET utf8mb3', [...BMP, '日'.repeat(300)]),
  text('CHAR(20) CHARACTER SET utf8mb3', BMP),
  text('VARCHAR(300) CHARACTER SET ascii', [...PLAIN, 'a'.repeat(300)]),
  text('CHAR(20) CHARACTER SET ascii', PLAIN),
  {
    type: 'VARCHAR(300) CHARACTER SET latin1',
    values: [...WESTERN.map(quote), LATIN1_ALL, quote('€uro “quoted” ÿ'), quote('ü'.repeat(300))],
  },
  { type: 'TEXT CHARACTER SET latin1', values: [...WESTERN.map(quote), LATIN1_ALL] },
  { type: 'CHAR(20) CHARACTER SET latin1', values: WESTERN.map(quote) },
  text('VARCHAR(20) COLLATE utf8mb4_bin'),
  text('VARCHAR(20) COLLATE utf8mb4_0900_bin'),
  { type: 'BINARY(1)', values: ["''", "x'00'", "x'ff'"] },
  { type: 'BINARY(16)', values: binary(16) },
  { type: 'BINARY(255)', values: binary(255) },
  { type: 'VARBINARY(16)', values: binary(16) },
  { type: 'VARBINARY(1000)', values: binary(1000) },
  { type: 'TINYBLOB', values: binary(255) },
  { type: 'BLOB', values: binary(65535) },
  { type: 'MEDIUMBLOB', values: binary(70000) },
  { type: 'LONGBLOB', values: binary(70000) },
  {
    type: 'DATE',
    values: [...DATES, ...NO_DATES, ...many(200, date)].map(d => `'${d}'`),
  },
  ...many(7, i => temporal(i)).flat(),
  // MySQL begins a second later.
  { type: 'TIMESTAMP(2) /* of MariaDB */', values: ['FROM_UNIXTIME(0.25)', "'0000-00-00'"] },
  { type: 'YEAR', values: ['0', "'0000'", '1901', '1999', '2000', '2026', '2155'] },
  {
    type: "ENUM('a','b','it''s','größe','1','0')",
    values: ["'a'", "'it''s'", "'größe'", "'1'", "'0'"],
  },
  { type: "ENUM('','x')", values: ["''", "'x'"] },
  { type: `ENUM(${MANY_MEMBERS.join(',')})`, values: ['1', '255', '256', '300'] },
  { type: "ENUM('ä','ÿ') CHARACTER SET latin1", values: ["'ä'", "'ÿ'"] },
  { type: "SET('a','b','it''s','größe')", values: ["''", "'a'", "'a,b'", "'it''s,größe'", '15'] },
  {
    type: `SET(${MANY_MEMBERS.slice(0, 64).join(',')})`,
    values: ['0', '1', '9223372036854775808', '18446744073709551615', '1311768467463790320'],
  },
  { type: `SET(${MANY_MEMBERS.slice(0, 9).join(',')})`, values: ['0', '1', '256', '511'] },
  { type: `SET(${MANY_MEMBERS.slice(0, 20).join(',')})`, values: ['0', '1', '1048575'] },
  { type: `SET(${MANY_MEMBERS.slice(0, 33).join(',')})`, values: ['0', '1', '8589934591'] },
  { type: "SET('x','')", values: ['0', '1', '2', '3'] },
  { type: "SET('','x','?')", values: ['0', '1', '2', '3', '4', '5', '6', '7'] },
  { type: 'BIT(1)', values: ["b'0'", "b'1'"] },
  { type: 'BIT(2)', values: ['0', '1', '2', '3'] },
  { type: 'BIT(9)', values: ['0', '1', '256', '511'] },
  { type: 'BIT(64)', values: ['0', '1', '18446744073709551615', '9223372036854775808'] },
  {
    type: 'GEOMETRY',
    values: [
      "ST_GeomFromText('POINT(1 2)', 4326)",
      "ST_GeomFromText('POINT(1.5 -2e-300)')",
      "ST_GeomFromText('LINESTRING(0 0,1 1,2 0)', 3857)",
      "ST_GeomFromText('POLYGON((0 0,0 9,9 9,9 0,0 0),(1 1,1 2,2 2,2 1,1 1))')",
      "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(0 0),MULTIPOINT(1 1,2 2))', 4326)",
      "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",
    ],
  },
  { type: 'POINT', values: ["ST_GeomFromText('POINT(0 92)')"] },
  { type: 'POLYGON', values: ["ST_GeomFromText('POLYGON((0 0,0 9,9 9,0 0))')"] },
  {
    type: 'VECTOR(3)',
    values: ["STRING_TO_VECTOR('[1,-0.0,3.4e38]')", "x'01000000'", "STRING_TO_VECTOR('[0.1]')"],
  },
  { type: 'VECTOR(2048)', values: [`x'${hexOf(4 * 2048).replaceAll('f', '0')}'`] },
  {
    type: 'UUID',
    values: ["'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'"],
  },
  { type: 'INET6', values: ["'::1'", "'::'", "'2001:db8::ff00:42:8329'", "'::ffff:1.2.3.4'"] },
  { type: 'INET4', values: ["'0.0.0.0'", "'255.254.0.0'", "'1.2.3.4'"] },
  { type: 'JSON', values: [...JSONS, ...many(200, () => json(4))].map(quote) },
  { type: 'JSON /* made by functions */', values: MADE_JSONS },
];
