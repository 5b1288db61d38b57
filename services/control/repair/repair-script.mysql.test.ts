/**
 * What may happen to a script between its making and its end: it comes to another server, the
 * connection breaks, a client asks something in between. No row is lost by it.
 */
import { expect, test } from 'vitest';
import { CheckBed, found } from '../../../test/support/checker/bed.ts';
import { runScripts, scriptsOf } from '../../../test/support/repair-scripts.ts';
import { runScript } from '../../../test/support/sql-script.ts';

const TIMEOUT_MS = 120_000;
const BODY = 'id INT PRIMARY KEY, customer_id INT NOT NULL, note VARCHAR(20)';

test(
  'another server refuses it: a row that belongs there is not deleted',
  async () => {
    await using bed = await CheckBed.open('wrong');
    await bed.table('t', BODY, { shardColumn: 'customer_id' });
    const row = "INSERT INTO t VALUES (2, 2, 'x')";
    for (const session of [bed.source(), bed.target(1)]) await session.rawQuery(row);
    const { sql } = await scriptsOf(bed, await bed.check());
    // As where all servers have the database under one name.
    const [source] = bed.sources;
    const [, target] = bed.targets;
    if (source === undefined || target === undefined) throw new Error('no servers');
    const script = (sql[1] ?? '').replaceAll(target.database, source.database);
    expect(script).toContain('DELETE');
    await expect(runScript(source, script)).rejects.toThrow(/WRONG SERVER.* t1/);
    // Nor by a client that goes on behind an error, or with a part of the script.
    const statements = script.split(';\n').filter(s => !/PREPARE|EXECUTE/.test(s));
    await runScript(source, statements.join(';\n'));
    expect(found(await bed.check())).toEqual(['misplaced 2']);
    await runScripts(bed, sql);
    expect((await bed.oracle()).equal).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'what a client asks between statements loses no row',
  async () => {
    await using bed = await CheckBed.open('between');
    await bed.table('t', `${BODY}, doc JSON`, { shardColumn: 'customer_id' });
    for (const session of [bed.source(), bed.target(0)]) {
      await session.rawQuery(`INSERT INTO t VALUES (2, 2, 'x', '1')`);
    }
    await bed.target(0).rawQuery(`UPDATE t SET note = 'y'`);
    const { sql } = await scriptsOf(bed, await bed.check());
    await runScripts(
      bed,
      sql.map(s => s.replaceAll(';\n', ';\nSHOW WARNINGS;\n')),
    );
    expect((await bed.oracle()).equal).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'the session has its settings back at the end',
  async () => {
    await using bed = await CheckBed.open('session');
    await bed.table('t', BODY, { shardColumn: 'customer_id' });
    await bed.source().rawQuery(`INSERT INTO t VALUES (2, 2, 'x')`);
    const { sql } = await scriptsOf(bed, await bed.check());
    const names = ['sql_mode', 'time_zone', 'sql_safe_updates', 'foreign_key_checks'];
    const shown = `SELECT ${names.map(n => `@@${n}`).join()}, @@character_set_client;`;
    const before = `SET SESSION sql_safe_updates = 1, time_zone = '+05:00', sql_mode = 'ANSI';\n`;
    const [target] = bed.targets;
    if (target === undefined) throw new Error('no target');
    const rows = await runScript(target, `${before}${shown}\n${sql[0]}${shown}`);
    expect(rows.at(-1)).toEqual(rows[1]);
    expect((await bed.oracle()).equal).toBe(true);
  },
  TIMEOUT_MS,
);

test(
  'rows that hang on one that comes again stay, where the account does not see them, too',
  async () => {
    await using bed = await CheckBed.open('children');
    await bed.table('t', `${BODY}, doc JSON`, { shardColumn: 'customer_id' });
    for (const session of [bed.source(), bed.target(0)]) {
      await session.rawQuery(`INSERT INTO t VALUES (2, 2, 'x', '1')`);
    }
    const [place] = bed.targets;
    if (place === undefined) throw new Error('no target');
    const { database } = place;
    const other = `${database}_other`;
    const user = `script_${process.pid}`;
    try {
      for (const sql of [
        "UPDATE t SET note = 'y'",
        `CREATE DATABASE ${other}`,
        `CREATE TABLE ${other}.child (id INT PRIMARY KEY, FOREIGN KEY (id)
           REFERENCES ${database}.t (id) ON DELETE CASCADE)`,
        `INSERT INTO ${other}.child VALUES (2)`,
        `CREATE USER ${user}@'%' IDENTIFIED BY 'script'`,
        `GRANT SELECT ON ${database}.* TO ${user}@'%'`,
      ]) {
        await bed.target(0).rawQuery(sql);
      }
      const [, ...targets] = bed.targets;
      const limited = { ...place, database, user, password: 'script' };
      const servers = { sources: bed.sources, targets: [limited, ...targets] };
      const { sql } = await scriptsOf(servers, await bed.check());
      await runScripts(bed, sql);
      expect((await bed.oracle()).equal).toBe(true);
      expect(await bed.target(0).query(`SELECT id FROM ${other}.child`)).toHaveLength(1);
    } finally {
      await bed.target(0).rawQuery(`DROP DATABASE IF EXISTS ${other}`);
      await bed.target(0).rawQuery(`DROP USER IF EXISTS ${user}@'%'`);
    }
  },
  TIMEOUT_MS,
);

test(
  'many keys that are spelled otherwise are each told of once',
  async () => {
    await using bed = await CheckBed.open('spelled');
    const body = 'id VARCHAR(20) PRIMARY KEY, customer_id INT NOT NULL';
    await bed.table('t', body, { shardColumn: 'customer_id' });
    const rows = (letter: string): string =>
      Array.from({ length: 250 }, (_, i) => `('${letter}${i}', 2)`).join();
    await bed.source().rawQuery(`INSERT INTO t VALUES ${rows('A')}`);
    await bed.target(0).rawQuery(`INSERT INTO t VALUES ${rows('a')}`);
    const { sql, counts } = await scriptsOf(bed, await bed.check());
    expect(counts).toEqual({ rows: 500, left: 0 });
    await runScripts(bed, sql);
    expect((await bed.oracle()).equal).toBe(true);
  },
  TIMEOUT_MS,
);

/** A type, and values at its ends. */
const TYPES: readonly [type: string, ...values: string[]][] = [
  ['TINYINT', '-128', '127'],
  ['BIGINT', '-9223372036854775808', '9223372036854775807'],
  ['BIGINT UNSIGNED', '18446744073709551615', '0'],
  ['INT(9) ZEROFILL', '7', '0'],
  ['DECIMAL(65,30)', `${'9'.repeat(35)}.${'9'.repeat(30)}`, `-0.${'0'.repeat(29)}1`],
  ['FLOAT', '-0e0', '3.4028234663852886e38', '1.1754943508222875e-38', '16777217'],
  ['FLOAT UNSIGNED', '1.1', '0'],
  ['FLOAT(7,3)', '1.25', '-0.125'],
  ['DOUBLE', '-0e0', '1.7976931348623157e308', '5e-324', '0.1'],
  ['DOUBLE(10,2)', '1.25', '-3.5'],
  ['BIT(1)', "b'1'", "b'0'"],
  ['BIT(64)', '18446744073709551615', '0'],
  ['YEAR', '0', '2155'],
  ['DATE', "'0000-00-00'", "'2024-02-31'", "'9999-12-31'"],
  ['TIME(6)', "'-838:59:58.999999'", "'838:59:59'", "'-00:00:00.000001'"],
  ['DATETIME(6)', "'9999-12-31 23:59:59.999999'", "'0000-00-00'", "'2024-00-00'"],
  ['TIMESTAMP(6) NULL', "'1970-01-01 00:00:01'", "'0000-00-00'", "'2038-01-19 03:14:07.999999'"],
  ['CHAR(9)', "''", "'a'", "_utf8mb4 x'6100'"],
  ['VARCHAR(9)', "'a '", `'\\'"\\\\'`, "'\\n\\r\\t'", "_utf8mb4 x'F09F9880'"],
  ['VARCHAR(9) CHARACTER SET latin1', "'é'", "'€'", "_latin1 x'81'"],
  ['VARCHAR(9) CHARACTER SET cp932', "'表'", "'①'", "_cp932 x'8790'"],
  ['VARCHAR(9) CHARACTER SET gbk', "'縗'"],
  ['VARCHAR(9) CHARACTER SET ucs2', "'Ω'", "''"],
  ['VARCHAR(9) CHARACTER SET utf16', "'😀'", "'a'"],
  ['VARCHAR(9) CHARACTER SET ascii', "'a'"],
  ['VARCHAR(9) CHARACTER SET binary', "x'00ff'", "x'6100'"],
  ['TEXT', "REPEAT('ü', 20000)", "''"],
  ['MEDIUMBLOB', "REPEAT(x'00ff', 40000)", "''"],
  ['BINARY(4)', "x'00000000'", "x'61'"],
  ["ENUM('','b','it''s','a\\\\b','ü') CHARACTER SET latin1", "''", "'it''s'", "'a\\\\b'", "'ü'"],
  ["SET('x','y','ü')", "''", "'x,ü'", '2'],
  ['POINT SRID 4326', "ST_GeomFromText('POINT(1 2)', 4326)"],
  ['GEOMETRY', "ST_GeomFromText('POINT(1 2)')", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"],
  ['VECTOR(2)', "STRING_TO_VECTOR('[1,-0]')"],
];
const NUMBERS = '[1,1.0,-0.0,1e100,18446744073709551615,12345678901234567890.5]';
const DOC = `'{"n":${NUMBERS},"":"\\\\u0000 é"}'`;

test(
  'values at the ends of their types are exact, however the row is written',
  async () => {
    await using bed = await CheckBed.open('types');
    const columns = TYPES.map(([type], i) => `c${i} ${type}`).join();
    const most = Math.max(...TYPES.map(t => t.length)) - 1;
    const rows = Array.from({ length: most * 2 + 2 }, (_, r) => {
      const values = TYPES.map(([, ...v]) =>
        r < 2 ? 'NULL' : (v[(r >> 1) - 1] ?? v[0] ?? 'NULL'),
      );
      return `(${r}, 2, ${values.join()})`;
    });
    const body = `id INT PRIMARY KEY, customer_id INT NOT NULL, ${columns}`;
    // Changed, added again, and deleted and added: each has statements of its own.
    const tables = { plain: body, tied: `${body}, u INT, UNIQUE KEY (u)`, doc: `${body}, d JSON` };
    for (const [table, of] of Object.entries(tables)) {
      await bed.table(table, of, { shardColumn: 'customer_id' });
      for (const session of [bed.source(), bed.target(0)]) {
        const names = `id, customer_id, ${TYPES.map((_, i) => `c${i}`).join()}`;
        await session.rawQuery(`INSERT INTO ${table} (${names}) VALUES ${rows.join()}`);
      }
    }
    await bed.source().rawQuery(`UPDATE doc SET d = ${DOC} WHERE id > 1`);
    expect((await bed.oracle()).equal).toBe(false);
    for (const table of Object.keys(tables)) {
      await bed.target(0).rawQuery(`DELETE FROM ${table} WHERE id % 2 = 1`);
      const other = TYPES.map((_, i) => `c${i} = NULL`).join();
      await bed.target(0).rawQuery(`UPDATE ${table} SET ${other} WHERE id > 1`);
      await bed.target(0).rawQuery(`UPDATE ${table} SET c0 = 1 WHERE id < 2`);
    }
    const { sql, counts } = await scriptsOf(bed, await bed.check());
    expect(counts.left).toBe(0);
    await runScripts(bed, sql);
    const { tables: after } = await bed.check();
    expect(after.flatMap(t => t.differences.map(d => d.columns))).toEqual([]);
    expect((await bed.oracle()).equal).toBe(true);
  },
  TIMEOUT_MS,
);
