import { describe, expect, test } from 'vitest';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { CheckBed, found, foundByOracle } from '../../../test/support/checker/bed.ts';
import { documentShapes } from './document-shapes.ts';
import { SessionSet } from './session-set.ts';

const TIMEOUT_MS = 60_000;

/** One column of every type, with a value and values that are not it. */
const CASES: { type: string; value: string; others: string[] }[] = [
  { type: 'TINYINT', value: '-128', others: ['-127', '127', 'NULL', '0'] },
  { type: 'SMALLINT UNSIGNED', value: '65535', others: ['65534', 'NULL'] },
  { type: 'MEDIUMINT', value: '0', others: ['1', '-1', 'NULL'] },
  { type: 'INT', value: '12', others: ['120', '-12', '1'] },
  { type: 'BIGINT', value: '-9223372036854775808', others: ['-9223372036854775807'] },
  { type: 'BIGINT UNSIGNED', value: '18446744073709551615', others: ['18446744073709551614'] },
  { type: 'DECIMAL(65,30)', value: '1.5', others: ['1.500000000000000000000000000001', '-1.5'] },
  {
    type: 'FLOAT',
    value: '1.1',
    others: ['1.10000014', '1.0999999', '-1.1', '1.1e-38', 'NULL', '0'],
  },
  {
    type: 'DOUBLE',
    value: '-1.2345678901234567e-300',
    others: ['-1.2345678901234565e-300', '-1.2345678901234569e-300', '1.2345678901234567e-300'],
  },
  { type: 'DOUBLE', value: '0e0', others: ['-0e0', '5e-324'] },
  { type: 'DATE', value: "'2024-02-29'", others: ["'0000-00-00'", "'2024-02-28'", 'NULL'] },
  {
    type: 'TIME(6)',
    value: "'-00:00:00.000001'",
    others: ["'00:00:00.000001'", "'00:00:00'", "'-00:00:00.000002'"],
  },
  {
    type: 'DATETIME(6)',
    value: "'9999-12-31 23:59:59.999999'",
    others: ["'9999-12-31 23:59:59.999998'", "'0000-00-00 00:00:00'", 'NULL'],
  },
  {
    type: 'TIMESTAMP(3) NULL',
    value: "'2001-01-01 00:00:00.001'",
    others: ["'2001-01-01 00:00:00.002'", "'2001-01-01 01:00:00.001'", 'NULL'],
  },
  { type: 'YEAR', value: '2000', others: ['0', '1901', '2155', 'NULL'] },
  { type: 'CHAR(10)', value: "'a'", others: ["'A'", "'á'", "''", 'NULL'] },
  {
    type: 'VARCHAR(100)',
    value: "'Ångström'",
    others: [
      "CONCAT('A', _utf8mb4 x'CC8A', 'ngström')",
      "'angstrom'",
      "'Ångström '",
      "'Ångstrom'",
      "''",
      'NULL',
    ],
  },
  {
    type: 'VARCHAR(100) CHARACTER SET latin1',
    value: "'é,x'",
    others: ["'e,x'", "'É,x'", "'é,x,'", "'€,x'"],
  },
  // The server has no character for these codes: converted, all of them are question marks.
  {
    type: 'VARCHAR(20) CHARACTER SET gbk',
    value: "_gbk x'A2A0'",
    others: ["_gbk x'A2AB'", "'?'", "'\\\\'", 'NULL'],
  },
  { type: 'VARCHAR(20) CHARACTER SET cp1251', value: "_cp1251 x'98'", others: ["'?'"] },
  { type: 'TEXT CHARACTER SET utf16', value: "'日本'", others: ["'日'", "''"] },
  { type: "ENUM('?','x')", value: "'?'", others: ["'x'", 'NULL'] },
  {
    type: 'GEOMETRY',
    value: "ST_GeomFromText('POINT(1 2)', 4326)",
    others: ["ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('POINT(2 1)', 4326)", 'NULL'],
  },
  { type: 'TEXT', value: "'🚚'", others: ["'📦'", "'?'", "'🚚\\0'", "'NULL'"] },
  { type: 'LONGTEXT', value: "REPEAT('ab', 50000)", others: ["CONCAT(REPEAT('ab', 49999), 'aB')"] },
  { type: 'BINARY(4)', value: "x'0001'", others: ["x'00010001'", "x'0000'", 'NULL'] },
  {
    type: 'VARBINARY(20)',
    value: "x'00ff2c00'",
    others: ["x'00ff2c'", "x'00ff2d00'", "x'80ff2c00'", "''"],
  },
  { type: 'BLOB', value: "x'c328'", others: ["x'c3a8'", "x'c32800'", 'NULL'] },
  { type: 'MEDIUMBLOB', value: "''", others: ["x'00'", 'NULL', "' '"] },
  { type: "ENUM('a','b','a,b')", value: "'a,b'", others: ["'a'", "'b'", 'NULL'] },
  { type: "SET('x','y','z')", value: "'x,z'", others: ["'x'", "'z'", "'x,y,z'", "''", 'NULL'] },
  { type: 'BIT(64)', value: '18446744073709551615', others: ['9223372036854775807', '0', 'NULL'] },
  { type: 'BIT(1)', value: "b'0'", others: ["b'1'", 'NULL'] },
  {
    type: 'JSON',
    value: `'{"a": [1, 1.5, "x", null, true], "b": {}}'`,
    others: [
      `'{"a": [1, 1.5, "x", null, false], "b": {}}'`,
      `'{"a": [1.0, 1.5, "x", null, true], "b": {}}'`,
      `'{"a": ["1", 1.5, "x", null, true], "b": {}}'`,
      `'{"a": [1, 1.5, "x", "null", true], "b": {}}'`,
      `'{"a": [1, 1.5, "x", null, true], "b": []}'`,
      `'{"a": [1, 1.5, "X", null, true], "b": {}}'`,
      'NULL',
      `'null'`,
      `'"N"'`,
    ],
  },
];

const COLUMNS = CASES.map((c, i) => `c${i} ${c.type}`).join(', ');

describe('digest of rows', { timeout: TIMEOUT_MS }, () => {
  test('one changed value of any column type is found, and only that row', async () => {
    await using bed = await CheckBed.open('types', { targets: 1 });
    await bed.table('t', `id INT PRIMARY KEY, s INT NOT NULL, ${COLUMNS}`, { shardColumn: 's' });
    const base = CASES.map(c => c.value);
    const changed: string[] = [];
    const there: string[] = [];
    const here: string[] = [];
    let id = 0;
    const add = (row: string[]): void => {
      id += 1;
      there.push(`(${[id, 0, ...base].join(',')})`);
      here.push(`(${[id, 0, ...row].join(',')})`);
    };
    add(base);
    for (const [column, { others }] of CASES.entries()) {
      for (const other of others) {
        add(base.with(column, other));
        changed.push(`different ${id}`);
        add(base);
      }
    }
    await bed.source().rawQuery(`INSERT INTO t VALUES ${there.join(',')}`);
    await bed.target(0).rawQuery(`INSERT INTO t VALUES ${here.join(',')}`);
    expect(changed.length).toBeGreaterThan(90);
    expect(found(await bed.check({ leafRows: 10, rangeRows: 40 }))).toEqual(changed.sort());
    expect(foundByOracle(await bed.oracle())).toEqual(changed.sort());
  });

  test('a value of another type in a document is found, though it prints the same', async () => {
    await using bed = await CheckBed.open('json_kinds', { targets: 1 });
    await bed.table('t', 'id INT PRIMARY KEY, s INT NOT NULL, j JSON', { shardColumn: 's' });
    // Each made as another one here and there; all of them print alike.
    const pairs: [string, string][] = [
      ['1.5', '1.5e0'],
      ['7', 'CAST(7 AS UNSIGNED)'],
      ['7', 'CAST(7 AS DECIMAL(5,0))'],
      ["DATE'2024-01-02'", "'2024-01-02'"],
      ["TIMESTAMP'2024-01-02 03:04:05'", "'2024-01-02 03:04:05.000000'"],
      ["x'00ff'", "'base64:type15:AP8='"],
    ];
    const rows = pairs.flatMap(([one, other]) => [
      [`JSON_ARRAY(1, ${one})`, `JSON_ARRAY(1, ${other})`],
      [`JSON_OBJECT('a', ${one}, 'b', ${other})`, `JSON_OBJECT('a', ${other}, 'b', ${one})`],
      [`JSON_ARRAY(${one}, ${other})`, `JSON_ARRAY(${one}, ${other})`],
    ]);
    // Documents that have no such values are other ones as ever.
    rows.push(["'[1]'", "'[2]'"]);
    // Of the longest one that is looked into the kinds are compared, of a longer one the text.
    const long = (bytes: number, value: string): string =>
      `JSON_ARRAY(REPEAT('x', ${bytes - '["", 1.5]'.length}), ${value})`;
    rows.push([long(262_144, '1.5'), long(262_144, '1.5e0')]);
    const unseen = [long(262_145, '1.5'), long(262_145, '1.5e0')];
    const valuesOf = (side: 0 | 1): string =>
      rows.map((row, id) => `(${id}, 0, ${row[side]})`).join(',');
    await bed.source().rawQuery(`INSERT INTO t VALUES ${valuesOf(0)}`);
    await bed.target(0).rawQuery(`INSERT INTO t VALUES ${valuesOf(1)}`);
    const differing = rows.flatMap(([there, here], id) =>
      there === here ? [] : [`different ${id}`],
    );
    expect(differing).toHaveLength(2 * pairs.length + 2);
    expect(foundByOracle(await bed.oracle())).toEqual(differing.sort());
    const result = await bed.check({ leafRows: 4, rangeRows: 8 });
    expect(found(result)).toEqual(differing.sort());
    const columns = result.tables.flatMap(t => t.differences.map(d => d.columns));
    expect(columns).toEqual(differing.map(() => ['j']));
    await bed.source().rawQuery(`INSERT INTO t VALUES (100, 0, ${unseen[0]})`);
    await bed.target(0).rawQuery(`INSERT INTO t VALUES (100, 0, ${unseen[1]})`);
    expect(found(await bed.check({ leafRows: 4, rangeRows: 8 }))).toEqual(differing.sort());
  });

  test('a value of another type is found among documents of one shape, on either side', async () => {
    await using bed = await CheckBed.open('json_shape', { targets: 1 });
    await bed.table('t', 'id INT PRIMARY KEY, s INT NOT NULL, j JSON', { shardColumn: 's' });
    const like = (n: string, l: string, more = ''): string =>
      `JSON_OBJECT('n', ${n}, 'l', JSON_ARRAY(1, ${l}), 's', 'x'${more})`;
    const pairs: [string, string][] = [
      ['1.5', '1.5e0'],
      ['7', 'CAST(7 AS UNSIGNED)'],
      ["DATE'2024-01-02'", "'2024-01-02'"],
      ["x'00ff'", "'base64:type15:AP8='"],
    ];
    const odd = pairs
      .flatMap(([one, other]) => [
        [like(one, '2'), like(other, '2')],
        [like('1', one), like('1', other)],
        [like('1', `2, ${one}`), like('1', `2, ${other}`)],
        [like('1', '2', `, 'more', ${one}`), like('1', '2', `, 'more', ${other}`)],
        // Both have both, each at another place.
        [like(one, other), like(other, one)],
      ])
      .flatMap(([one = '', other = '']) => [
        [one, other],
        [other, one],
        [one, one],
      ]);
    const plain = Array.from({ length: 60 }, (_, i) => [like(`${i}`, "'y'"), like(`${i}`, "'y'")]);
    const rows = [...plain, ...odd, ...plain];
    const differing = rows.flatMap(([there, here], id) => {
      return there === here ? [] : [`different ${id}`];
    });
    expect(differing).toHaveLength(40);
    for (const [side, session] of [bed.source(), bed.target(0)].entries()) {
      const values = rows.map((row, id) => `(${id}, 0, ${row[side]})`);
      await session.rawQuery(`INSERT INTO t VALUES ${values.join(',')}`);
    }
    const schema = await inspectTable(bed.source(), bed.sources[0]?.database ?? '', 't');
    const sessionSet = new SessionSet(new Map());
    const [server] = bed.checkSources();
    if (server === undefined) throw new Error('no source');
    const shape = (await documentShapes(sessionSet, { server, schema })).get('j');
    await sessionSet.close();
    const [of] = await bed
      .source()
      .query<{ n: string }>(`SELECT COUNT(*) AS n FROM t WHERE ${shape?.isPlain('j')}`);
    expect(Number(of?.n)).toBeGreaterThanOrEqual(2 * plain.length);
    expect(Number(of?.n)).toBeLessThan(rows.length - differing.length / 2);
    expect(foundByOracle(await bed.oracle())).toEqual(differing.sort());
    expect(found(await bed.check({ leafRows: 4, rangeRows: 8 }))).toEqual(differing.sort());
  });

  test('values swapped between two columns of one type are found, for every type', async () => {
    await using bed = await CheckBed.open('swap', { targets: 1 });
    const twice = CASES.flatMap((c, i) => [`a${i} ${c.type}`, `b${i} ${c.type}`]).join(', ');
    await bed.table('t', `id INT PRIMARY KEY, s INT NOT NULL, ${twice}`, { shardColumn: 's' });
    for (const [i, { value, others }] of CASES.entries()) {
      const other = others[0] ?? 'NULL';
      const columns = `INSERT INTO t (id, s, a${i}, b${i}) VALUES`;
      await bed.source().rawQuery(`${columns} (${i}, 0, ${value}, ${other})`);
      await bed.target(0).rawQuery(`${columns} (${i}, 0, ${other}, ${value})`);
    }
    const all = CASES.map((_, i) => `different ${i}`).sort();
    expect(found(await bed.check())).toEqual(all);
  });

  test('equal values are equal in other character sets, widths and column orders', async () => {
    await using bed = await CheckBed.open('charset', { targets: 1 });
    await bed.table(
      't',
      `id INT PRIMARY KEY, s INT NOT NULL, a VARCHAR(50) CHARACTER SET latin1, b TEXT,
       n INT UNSIGNED, v VARBINARY(10)`,
      {
        shardColumn: 's',
        onTargets: `s BIGINT NOT NULL, n INT(10) UNSIGNED ZEROFILL, id BIGINT PRIMARY KEY,
          b LONGTEXT CHARACTER SET utf8mb3, v BLOB, a TEXT COLLATE utf8mb4_bin`,
      },
    );
    const rows = `(1, 0, 'é€', '漢字', 42, x'00ff'), (2, 1, '', NULL, 0, ''), (3, -1, NULL, '', NULL, NULL)`;
    const insert = `INSERT INTO t (id, s, a, b, n, v) VALUES ${rows}`;
    await bed.source().rawQuery(insert);
    await bed.target(0).rawQuery(insert);
    expect(await bed.check()).toMatchObject({ equal: true, rows: 3 });
    await bed.target(0).rawQuery("UPDATE t SET a = 'é€ ' WHERE id = 1");
    expect(found(await bed.check())).toEqual(['different 1']);
  });

  test('NULL flags of more columns than one number holds are all told', async () => {
    await using bed = await CheckBed.open('flags', { targets: 1 });
    const names = Array.from({ length: 90 }, (_, i) => `c${i}`);
    const columns = names.map(n => `${n} VARCHAR(5)`).join(', ');
    await bed.table('t', `id INT PRIMARY KEY, s INT NOT NULL, ${columns}`, { shardColumn: 's' });
    // One empty text among NULLs, in another column on the target: the same texts follow.
    for (const [i, name] of names.entries()) {
      await bed.source().rawQuery(`INSERT INTO t (id, s, ${name}) VALUES (${i}, 0, '')`);
      const other = names[(i + 1) % names.length];
      await bed.target(0).rawQuery(`INSERT INTO t (id, s, ${other}) VALUES (${i}, 0, '')`);
    }
    expect((await bed.check()).differences).toBe(names.length);
  });
});
