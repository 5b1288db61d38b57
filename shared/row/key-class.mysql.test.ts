/**
 * T2: keys that a server holds equal have one class, asked of both kinds of servers: for every
 * collation whose name has a class of its own, on texts made to be nearly the same, and by the
 * weights of each code point that has letters. FC_SEED repeats a run.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Servers, startServers } from '../../test/support/servers/servers.ts';
import { MysqlSession } from '../mysql/connect.ts';
import { ByteWriter } from '../runtime/bytes.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { ColumnType } from '../type/column-type.ts';
import { classOf, KeyClasses } from './key-class.ts';
import { letterTable } from './key-letters.ts';

const SEED = Number(process.env.FC_SEED ?? Date.now() % 1_000_000);
const TEXTS = 3000;
const FLAVORS = ['mysql', 'mariadb'] as const;
type Flavor = (typeof FLAVORS)[number];
const WIDE = ['utf16', 'utf16le', 'utf32'];
/** Of these the binary collations have a class. */
const CODED = ['gbk', 'big5', 'sjis', 'cp932', 'ujis', 'euckr', 'cp1251', 'latin2', 'koi8r'];
const CHARSETS = ['utf8mb4', 'utf8mb3', 'latin1', 'ascii', 'ucs2', ...WIDE, ...CODED];
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789';

let servers: Servers;
const sessions = new Map<Flavor, MysqlSession>();

beforeAll(async () => {
  console.log(`key classes: FC_SEED=${SEED} repeats it`);
  servers = await startServers({
    mysql: FLAVORS.map((flavor, i) => ({ name: flavor, serverId: 191 + i, flavor })),
  });
  for (const flavor of FLAVORS) {
    const session = await MysqlSession.open(servers.mysql(flavor).endpoint, { role: 'admin' });
    sessions.set(flavor, session);
    await session.rawQuery('CREATE DATABASE classes CHARACTER SET utf8mb4');
    await session.rawQuery('USE classes');
  }
});

afterAll(async () => {
  for (const session of sessions.values()) await session.close();
  await servers?.[Symbol.asyncDispose]();
});

function sessionOf(flavor: Flavor): MysqlSession {
  const session = sessions.get(flavor);
  if (session === undefined) throw new Error(`no ${flavor}`);
  return session;
}

/** All collations of the character sets whose text is carried. */
async function collations(flavor: Flavor): Promise<{ name: string; charset: string }[]> {
  const [name, table] =
    flavor === 'mysql'
      ? ['COLLATION_NAME', 'COLLATIONS']
      : ['FULL_COLLATION_NAME', 'COLLATION_CHARACTER_SET_APPLICABILITY'];
  return sessionOf(flavor).query<{ name: string; charset: string }>(
    `SELECT ${name} AS name, CHARACTER_SET_NAME AS charset FROM information_schema.${table}
     WHERE CHARACTER_SET_NAME IN (?)`,
    [CHARSETS],
  );
}

const typeOf = (charset: string, collation: string): ColumnType => {
  return { kind: 'text', charset, collation, length: 400, form: 'varchar' };
};

function classes(name: string): (text: string) => string {
  const type = typeOf('utf8mb4', 'utf8mb4_bin');
  const rest = {
    nullable: false,
    autoIncrement: false,
    generated: 'no',
    invisible: false,
  } as const;
  const columns = [{ name: 'k', type, ...rest }];
  const schema: TableSchema = { db: 'd', table: 't', columns, primaryKey: [0], uniqueKeys: [] };
  const keyClasses = new KeyClasses(schema, [name]);
  const [key, out] = [new ByteWriter(64), new ByteWriter(64)];
  return text => {
    key.clear();
    out.clear();
    const bytes = Buffer.from(text);
    key.varint(bytes.length);
    key.copy(bytes, 0, bytes.length);
    keyClasses.write(key.view(), 0, out);
    return out.view().toString('latin1');
  };
}

/** Code points that bring letters by any table. */
const POINTS = ['general', 'uca400', 'uca520', 'uca1400', 'swedish'].flatMap(name => [
  ...(letterTable(name)?.others.keys() ?? []),
]);
/** Ignorable, combining, blank, expanding and contracting ones, and those without a weight. */
const ODD = [
  ...['\u0000', '\u0001', '\u00ad', '\u200b', '\u200d', '\u2060', '\ufeff', '\ufffd', '\u034f'],
  ...[
    ' ',
    '  ',
    '\u00a0',
    '\u3000',
    '\t',
    '-',
    '_',
    '/',
    '⁄',
    '\u0300',
    '\u0301',
    '\u0308',
    '\u0327',
  ],
  ...['ß', 'ẞ', 'ss', 'æ', 'Æ', 'ae', 'œ', 'ﬁ', 'ﬃ', 'ŀ', 'ǆ', '½', '℻', '㎏', '①', 'Ⅷ', 'ª', '²'],
  ...[
    'ø',
    'Ø',
    'o',
    'đ',
    'ð',
    'þ',
    'th',
    'ł',
    'ı',
    'İ',
    'i',
    'ŉ',
    'ĳ',
    'ij',
    'ch',
    'll',
    'lj',
    'dz',
  ],
  ...[
    '😀',
    '😁',
    '𝐀',
    '𝟏',
    '🄰',
    '🅐',
    '𐐀',
    '漢',
    'か',
    'カ',
    'ｶ',
    'ﾞ',
    'ー',
    'ن',
    'ก',
    'เก',
    '각',
    'А',
    'а',
  ],
];
const piece = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...'abceios12AEIOS') },
  { weight: 4, arbitrary: fc.constantFrom(...ODD) },
  { weight: 3, arbitrary: fc.constantFrom(...POINTS).map(n => String.fromCodePoint(n)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
);
const anyText = fc.array(piece, { maxLength: 3 }).map(parts => parts.join(''));

/** Groups of texts that are one key for the server, as its own index tells them apart. */
async function groups(
  flavor: Flavor,
  { name, charset }: { name: string; charset: string },
  texts: readonly string[],
): Promise<string[][]> {
  const session = sessionOf(flavor);
  await session.rawQuery('DROP TABLE IF EXISTS texts');
  await session.rawQuery(
    `CREATE TABLE texts (id INT PRIMARY KEY, k VARCHAR(60) CHARACTER SET ${charset}
     COLLATE ${name} NOT NULL, KEY (k))`,
  );
  const rows = texts.map((t, i) => `(${i},_utf8mb4 x'${Buffer.from(t).toString('hex')}')`);
  await session.rawQuery(`INSERT INTO texts VALUES ${rows.join(',')}`);
  await session.rawQuery('SET SESSION group_concat_max_len = 1000000');
  const found = await session.query<{ ids: string }>(
    'SELECT GROUP_CONCAT(id) AS ids FROM texts GROUP BY k',
  );
  return found.map(({ ids }) =>
    String(ids)
      .split(',')
      .map(id => texts[Number(id)] ?? ''),
  );
}

/** Texts of the character set. */
function fitting(charset: string, texts: readonly string[]): string[] {
  if (charset === 'utf8mb4' || WIDE.includes(charset)) return [...texts];
  const isPlane = charset === 'utf8mb3' || charset === 'ucs2';
  const last = isPlane ? 0xffff : charset === 'latin1' ? 0xff : 0x7f;
  // 0x80 to 0x9f are other characters in latin1.
  const isIn = (n: number): boolean => n <= last && (charset !== 'latin1' || n < 0x80 || n > 0x9f);
  return texts.filter(t => [...t].every(c => isIn(c.codePointAt(0) ?? 0)));
}

const CASES = FLAVORS.map(flavor => [flavor] as const);

describe.each(CASES)('%s', flavor => {
  test('texts that are one key have one class, in every collation that has classes', async () => {
    const texts = fc.sample(anyText, { numRuns: TEXTS, seed: SEED }).filter(t => t.isWellFormed());
    const plain = fc.sample(
      fc.array(fc.constantFrom(...'aAbBéÉßsSæ12 \u0001-'), { maxLength: 4 }).map(p => p.join('')),
      { numRuns: TEXTS, seed: SEED + 1 },
    );
    // All that a binary collation with PAD SPACE holds equal: no seed may be short of them.
    plain.push(...[...LETTERS].flatMap(letter => [letter, `${letter} `]));
    let tested = 0;
    for (const collation of await collations(flavor)) {
      const { name, charset } = collation;
      const keyClass = classOf(typeOf(charset, name));
      if (keyClass === 'bytes' || keyClass === 'none-1') continue;
      tested += 1;
      const all = [...new Set([...fitting(charset, texts), ...fitting(charset, plain)])];
      const of = classes(keyClass);
      const found = await groups(flavor, collation, all);
      const several = found.filter(group => group.length > 1);
      expect(several.length, name).toBeGreaterThan(20);
      const wrong = several.filter(group => new Set(group.map(of)).size > 1);
      expect(
        wrong.map(g => g.map(t => JSON.stringify(t))),
        `${name}, FC_SEED=${SEED}`,
      ).toEqual([]);
    }
    expect(tested).toBeGreaterThan(14 + CODED.length);
  });

  test('the letters of a code point are those of its weights', async () => {
    const session = sessionOf(flavor);
    const random = fc.sample(fc.integer({ min: 0x80, max: 0x10ffff }), {
      numRuns: 5000,
      seed: SEED,
    });
    const drawn = random.filter(n => n < 0xd800 || n > 0xdfff);
    const points = [...new Set([...Array(128).keys(), ...POINTS, ...drawn])];
    await session.rawQuery('DROP TABLE IF EXISTS points');
    await session.rawQuery('CREATE TABLE points (n INT PRIMARY KEY, c VARCHAR(1) NOT NULL)');
    const rows = points.map(n => {
      return `(${n},_utf8mb4 x'${Buffer.from(String.fromCodePoint(n)).toString('hex')}')`;
    });
    await session.rawQuery(`INSERT INTO points VALUES ${rows.join(',')}`);
    const newest = flavor === 'mysql' ? '0900_ai_ci' : 'uca1400_ai_ci';
    for (const [table = '', collation = ''] of [
      ['general', 'general_ci'],
      ['uca400', 'unicode_ci'],
      ['uca520', 'unicode_520_ci'],
      ['uca1400', newest],
    ]) {
      const found = await session.query<{ n: number | string; w: string }>(
        `SELECT n, HEX(WEIGHT_STRING(c COLLATE utf8mb4_${collation})) AS w FROM points`,
      );
      const weights = new Map(found.map(({ n, w }) => [Number(n), String(w)]));
      const letters = new Map([...LETTERS].map(c => [weights.get(c.charCodeAt(0)) ?? '', c]));
      expect(letters.size).toBe(LETTERS.length);
      const of = classes(`letters-1/${table}`);
      const classOfWeight = new Map<string, string>();
      const wrong = points.filter(n => {
        const weight = weights.get(n) ?? '';
        const right = (weight.match(/.{4}/g) ?? []).map(unit => letters.get(unit) ?? '').join('');
        const is = of(String.fromCodePoint(n)).slice(0, -1);
        const first = classOfWeight.get(weight) ?? is;
        classOfWeight.set(weight, first);
        // What has no letter here may have one in a newer table, if all of its weight have it.
        return is !== (right === '' ? first : right);
      });
      expect(wrong.map(n => `${table} U+${n.toString(16)}`)).toEqual([]);
    }
  });
});
