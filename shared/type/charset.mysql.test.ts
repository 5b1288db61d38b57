/**
 * I1: every code of every character set, as the server has it. Its text is the server's own where
 * the server has one; stored again by our literal it is the same bytes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dropScratch, openScratch } from '../../test/support/scratch-database.ts';
import type { MysqlSession } from '../mysql/connect.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import { charsetOf, isCarriedCharset } from './charset.ts';
import type { ColumnType } from './column-type.ts';
import { columnCodec } from './type-families.ts';

const DB = `charsets_${process.pid}`;
let session: MysqlSession;
let charsets: { name: string; bytes: number }[];

beforeAll(async () => {
  session = await openScratch(DB, { role: 'apply' });
  await session.rawQuery('CREATE TABLE codes (n INT PRIMARY KEY)');
  const numbers = Array.from({ length: 65536 }, (_, n) => `(${n})`).join(',');
  await session.rawQuery(`INSERT INTO codes VALUES ${numbers}`);
  const rows = await session.query<{ name: string; bytes: number }>(
    'SELECT CHARACTER_SET_NAME AS name, MAXLEN AS bytes FROM information_schema.CHARACTER_SETS',
  );
  charsets = rows.filter(r => charsetOf(r.name) !== null);
});

afterAll(() => dropScratch(session, DB));

/** The codes of a character set that are well-formed for the server, in a table of its own. */
async function fill(name: string, bytes: number): Promise<void> {
  await session.rawQuery(
    `CREATE TABLE ${name} (id INT PRIMARY KEY, v VARCHAR(4) CHARACTER SET ${name})`,
  );
  const forms =
    bytes === 1
      ? [['LPAD(HEX(n),2,"0")', 'n < 256', 0]]
      : [
          ['LPAD(HEX(n),2,"0")', 'n < 256', 0],
          ['HEX(n)', 'n > 32767', 65536],
          ['CONCAT("8F",HEX(n))', 'n > 41376', 131072],
        ];
  for (const [hex, where, first] of name.startsWith('u') && bytes !== 3 ? [] : forms) {
    const code = `CONVERT(UNHEX(${hex}) USING ${name})`;
    await session.rawQuery(
      `INSERT IGNORE INTO ${name} SELECT n + ${first}, ${code} FROM codes
        WHERE ${where} AND ${code} IS NOT NULL`,
    );
  }
  if (name.startsWith('u') && bytes !== 3) {
    // Those of Unicode: one of nine in the basic plane, and some past it.
    await session.rawQuery(
      `INSERT IGNORE INTO ${name} SELECT n, CONVERT(CONVERT(UNHEX(LPAD(HEX(n),8,'0')) USING utf32)
         USING ${name}) FROM codes WHERE n MOD 9 = 0 AND (n < 0xd800 OR n > 0xdfff)`,
    );
    if (name === 'ucs2') return;
    await session.rawQuery(
      `INSERT IGNORE INTO ${name} VALUES (70000, '😀'), (70001, '\u{10ffff}')`,
    );
  }
}

interface Seen {
  id: number;
  bytes: Buffer;
  text: string;
}

/** Wide forms of ASCII, which the servers take for ASCII: they have its text in their own right. */
const WIDE = ['815f', 'a1c0', '8fa2b7'];

test('every code has the server’s text, and goes back to its bytes', {
  timeout: 170_000,
}, async () => {
  expect(charsets.length).toBeGreaterThan(30);
  for (const { name, bytes } of charsets) {
    await fill(name, bytes);
    const type: ColumnType = {
      kind: 'text',
      charset: name,
      collation: '',
      length: 16,
      form: 'varchar',
    };
    const codec = columnCodec(name, {
      name: 'v',
      type,
      nullable: true,
      autoIncrement: false,
      generated: 'no',
      invisible: false,
    });
    const rows = await session.query<Seen>(
      `SELECT id, CAST(v AS BINARY) AS bytes, CONVERT(v USING utf8mb4) AS text FROM ${name}`,
    );
    expect(rows.length, name).toBeGreaterThan(bytes === 1 ? 200 : 6000);
    const differing: string[] = [];
    const literals: string[] = [];
    const texts = new Set<string>();
    for (const row of rows) {
      const out = new ByteWriter(16);
      codec.fromText(row.bytes, 0, row.bytes.length, out);
      const avro = out.take();
      const ours = String(codec.toJs(avro, 0));
      texts.add(ours);
      // The server has no character for it, or only one that is private, or has it by another code.
      const isOurs = /[\ue000-\uf8ff]|\?/u.test(row.text) || /[\u{f0000}-\u{10fffd}]/u.test(ours);
      if (ours !== row.text && !isOurs && !WIDE.includes(row.bytes.toString('hex')))
        differing.push(`${row.bytes.toString('hex')} ${ours} ${row.text}`);
      const literal = new ByteWriter(32);
      codec.toSql(avro, 0, literal);
      literals.push(`(${row.id},${literal.take().toString('latin1')})`);
    }
    expect({ [name]: differing }).toEqual({ [name]: [] });
    const codes = new Set(rows.map(r => r.bytes.toString('hex')));
    expect({ [name]: texts.size }).toEqual({ [name]: codes.size });
    await session.rawQuery(`CREATE TABLE ${name}_again LIKE ${name}`);
    const head = `INSERT INTO ${name}_again VALUES `;
    const { warnings } = await session.rawQuery(Buffer.from(head + literals.join(','), 'latin1'));
    expect({ [name]: warnings }).toEqual({ [name]: 0 });
    const [same] = await session.query<{ n: number }>(
      `SELECT COUNT(*) AS n FROM ${name} AS a JOIN ${name}_again AS b USING (id)
        WHERE HEX(a.v) = HEX(b.v)`,
    );
    expect({ [name]: Number(same?.n) }).toEqual({ [name]: rows.length });
  }
});

test('a character set that is not in our tables is refused, not guessed', async () => {
  const rows = await session.query<{ name: string }>(
    'SELECT CHARACTER_SET_NAME AS name FROM information_schema.CHARACTER_SETS',
  );
  const refused = rows.map(r => r.name).filter(name => !isCarriedCharset(name));
  expect(refused.sort()).toEqual(session.flavor === 'mysql' ? ['binary', 'gb18030'] : ['binary']);
});
