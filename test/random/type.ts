/**
 * Random column types, each with expressions that make values of it: the edges of the type, few
 * values that meet each other again and again, and any others. The server makes the value, or
 * refuses; an expression has no backslash and no character beyond ASCII, so that it means the same
 * in a session of any sql_mode and character set.
 */
import type { Random } from '../support/load/random.ts';
import type { ServerFacts } from './server-facts.ts';

export interface RandomType {
  /** As CREATE TABLE has it, character set and all. */
  sql: string;
  family: 'number' | 'text' | 'bytes' | 'time' | 'members' | 'json' | 'shape' | 'other';
  /** May be a whole part of a key. */
  isKey: boolean;
  /** May tell where a row goes. */
  isRoute: boolean;
  /** Needs a length to be part of an index. */
  isLong: boolean;
  fresh(random: Random): string;
}

type Maker = (random: Random, facts: ServerFacts) => RandomType;

/** A text as a literal that no session reads otherwise. */
export function utf8(text: string): string {
  return `_utf8mb4 x'${Buffer.from(text).toString('hex')}'`;
}

export function bytesOf(random: Random, length: number): string {
  return Array.from({ length }, () => random.below(256).toString(16).padStart(2, '0')).join('');
}

function typed(
  sql: string,
  family: RandomType['family'],
  fresh: RandomType['fresh'],
  is: Partial<Pick<RandomType, 'isKey' | 'isRoute' | 'isLong'>> = {},
): RandomType {
  return { sql, family, fresh, isKey: false, isRoute: false, isLong: false, ...is };
}

const BITS = { TINYINT: 8n, SMALLINT: 16n, MEDIUMINT: 24n, INT: 32n, BIGINT: 64n } as const;

function any64(random: Random): bigint {
  return (BigInt(random.next()) << 32n) | BigInt(random.next());
}

const integer: Maker = random => {
  const [word, bits] = random.pick(Object.entries(BITS));
  const isUnsigned = random.chance(0.4);
  const min = isUnsigned ? 0n : -(2n ** (bits - 1n));
  const max = isUnsigned ? 2n ** bits - 1n : 2n ** (bits - 1n) - 1n;
  const fill = isUnsigned && random.chance(0.1) ? ' ZEROFILL' : '';
  const fresh = (r: Random): string =>
    `${r.pick([min, max, 0n, 1n, max - 1n, min + 1n, BigInt(r.below(40)), BigInt(r.below(40)), min + (any64(r) % (max - min + 1n))])}`;
  const sql = `${word}${isUnsigned ? ' UNSIGNED' : ''}${fill}`;
  return typed(sql, 'number', fresh, { isKey: true, isRoute: true });
};

function digits(random: Random, most: number): string {
  return Array.from({ length: random.below(most + 1) }, () => random.below(10)).join('');
}

const decimal: Maker = random => {
  const precision = random.pick([1, 5, 9, 10, 18, 19, 38, 65]);
  const scale = random.below(Math.min(precision, 30) + 1);
  const isUnsigned = random.chance(0.2);
  const fresh = (r: Random): string => {
    if (r.chance(0.3)) return r.pick(['0', '1', '-1', '0.5', '-0.0', '9', '-9.99']);
    const sign = !isUnsigned && r.chance(0.5) ? '-' : '';
    return `${sign}${digits(r, precision - scale) || '0'}.${digits(r, scale) || '0'}`;
  };
  const sql = `DECIMAL(${precision},${scale})${isUnsigned ? ' UNSIGNED' : ''}`;
  return typed(sql, 'number', fresh, { isKey: true, isRoute: true });
};

const real: Maker = random => {
  const word = random.pick(['FLOAT', 'DOUBLE']);
  const edges = ['0e0', '-0e0', '1e0', '1e-38', '3.4028234e38', '-3.4028234e38', '0.1', '1e-45'];
  const wide = ['1.7976931348623157e308', '5e-324', '2.2250738585072014e-308', '1e22'];
  const all = word === 'FLOAT' ? edges : [...edges, ...wide];
  const fresh = (r: Random): string =>
    r.chance(0.5) ? r.pick(all) : `(RAND(${r.next()}) - 0.5) * POW(10, ${r.between(-20, 20)})`;
  return typed(word, 'number', fresh, { isKey: true });
};

const bit: Maker = random => {
  const length = random.pick([1, 2, 7, 8, 9, 31, 33, 63, 64]);
  const fresh = (r: Random): string =>
    `b'${Array.from({ length }, (_, i) => (r.chance(0.5) && i >= 0 ? 1 : 0)).join('')}'`;
  return typed(`BIT(${length})`, 'other', fresh, { isKey: true });
};

const year: Maker = () =>
  typed('YEAR', 'time', r => r.pick(['0', '1901', '2155', `${1970 + r.below(70)}`]), {
    isKey: true,
  });

const two = (n: number): string => `${n}`.padStart(2, '0');

function dateText(r: Random): string {
  const edges = ['1000-01-01', '9999-12-31', '0000-00-00', '2024-05-00', '2024-02-31'];
  if (r.chance(0.3)) return r.pick([...edges, '0001-01-01', '1970-01-01', '2024-02-29']);
  return `${1900 + r.below(200)}-${two(1 + r.below(12))}-${two(1 + r.below(28))}`;
}

function clockText(r: Random, digitsMax: number): string {
  const clock = [r.below(24), r.below(60), r.below(60)].map(two).join(':');
  return digitsMax === 0 || r.chance(0.2) ? clock : `${clock}.${digits(r, digitsMax) || '0'}`;
}

const date: Maker = () =>
  typed('DATE', 'time', r => `'${dateText(r)}'`, { isKey: true, isRoute: true });

const moment: Maker = random => {
  const fraction = random.below(7);
  const word = random.pick(['DATETIME', 'TIMESTAMP']);
  const fresh = (r: Random): string => {
    if (word === 'TIMESTAMP' && r.chance(0.6)) {
      const edges = ['1', '2147483647.999999', '1729994400', '1711846800.5'];
      return `FROM_UNIXTIME(${r.chance(0.4) ? r.pick(edges) : `${r.below(2 ** 31)}.${r.below(10 ** 6)}`})`;
    }
    return `'${dateText(r)} ${clockText(r, fraction)}'`;
  };
  const sql = `${word}${fraction > 0 ? `(${fraction})` : ''}`;
  return typed(sql, 'time', fresh, { isKey: true, isRoute: true });
};

const time: Maker = random => {
  const fraction = random.below(7);
  const fresh = (r: Random): string => {
    const edges = ['838:59:59', '-838:59:59', '00:00:00', '-00:00:00.000001', '-0:00:01'];
    if (r.chance(0.3)) return `'${r.pick(edges)}'`;
    return `'${r.chance(0.3) ? '-' : ''}${clockText(r, fraction)}'`;
  };
  const sql = fraction > 0 ? `TIME(${fraction})` : 'TIME';
  return typed(sql, 'time', fresh, { isKey: true, isRoute: true });
};

/** Words that some collation takes for one another, or orders in another way than their bytes. */
const WORDS = [
  ...['', ' ', 'a', 'A', 'a ', 'á', 'a\u0301', 'ä', 'ae', 'æ', 'Æ', 'b', 'aa', 'å', 'AA'],
  ...['ss', 'ß', 'SS', 'ẞ', 'i', 'I', 'ı', 'İ', 'ch', 'CH', 'c', 'h', 'll', 'ñ', 'n', 'ł', 'l'],
  ...['σ', 'ς', 'Σ', 'й', 'и', 'И', 'か', 'カ', 'が', 'ガ', 'ｶ', '日', '한', '김', 'ไก', 'กไ'],
  ...['ﬁ', 'fi', '１', '1', '½', 'ÿ', 'y', '\u00ad', 'a\u00ad', 'a\u200d', '\u0000', 'a\u0000'],
  ...['-', '_', '%', "'", '"', '\\', 'a\\', '\t', '\n', '\u00a0', '\u3000', '😀', '😁', '𝐀'],
];

function textValue(r: Random, charset: string, length: number): string {
  const repeated = (n: number): string => `REPEAT(${utf8(r.pick(WORDS) || 'x')}, ${n})`;
  const kind = r.below(12);
  // Halves of a pair of surrogates, which only ucs2 takes, halt at that row (docs/TYPES.md).
  const isAnyBytes = charset !== 'ucs2' || (kind !== 2 && kind !== 3);
  switch (isAnyBytes ? kind : 4) {
    case 0:
      return `LEFT(SHA2('${r.below(1000)}', 256), ${length})`;
    case 1:
      return `LEFT(${repeated(length)}, ${length})`;
    case 2:
      return `CHAR(0x${bytesOf(r, 1 + r.below(4))} USING ${charset})`;
    case 3:
      return `CONVERT(x'${bytesOf(r, r.below(6))}' USING ${charset})`;
    case 4:
      return `LEFT(${repeated(1 + r.below(5))}, ${length})`;
    case 5:
      return `CONCAT(${utf8(r.pick(WORDS))}, ${utf8(r.pick(WORDS))})`;
    default:
      return utf8(r.pick(WORDS));
  }
}

/** A file of its own in the corpus: the doctor refuses all columns of it. */
const REFUSED_CHARSETS = ['gb18030', 'binary'];

const text: Maker = (random, { collations }) => {
  const { charset, name, bytes } = random.chance(0.3)
    ? random.pick(collations.filter(c => c.charset === 'utf8mb4'))
    : random.pick(collations.filter(c => !REFUSED_CHARSETS.includes(c.charset)));
  const isLong = random.chance(0.2);
  const length = random.pick([1, 3, 10, 20, 40]);
  const word = isLong
    ? random.pick(['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'])
    : `${random.pick(['CHAR', 'VARCHAR', 'VARCHAR', 'VARCHAR'])}(${length})`;
  const most = isLong ? Math.floor(200 / bytes) : length;
  const large = word === 'MEDIUMTEXT' || word === 'LONGTEXT';
  const fresh = (r: Random): string =>
    large && r.chance(0.05)
      ? `REPEAT(${utf8(r.pick(WORDS) || 'x')}, ${r.below(90_000)})`
      : textValue(r, charset, most);
  return typed(`${word} CHARACTER SET ${charset} COLLATE ${name}`, 'text', fresh, {
    isKey: !isLong,
    isRoute: !isLong,
    isLong,
  });
};

const binary: Maker = random => {
  const isLong = random.chance(0.4);
  const length = random.pick([1, 4, 16, 60]);
  const word = isLong
    ? random.pick(['TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB'])
    : `${random.pick(['BINARY', 'VARBINARY'])}(${length})`;
  const edges = ["''", "x'00'", "x'61'", "x'6120'", "x'6100'", "x'ff'", "x'20'"];
  const fresh = (r: Random): string => {
    if (isLong && r.chance(0.05)) return `REPEAT(x'${bytesOf(r, 3)}', ${r.below(20_000)})`;
    return r.chance(0.4) ? r.pick(edges) : `x'${bytesOf(r, r.below(length + 1))}'`;
  };
  return typed(word, 'bytes', fresh, { isKey: !isLong, isRoute: !isLong, isLong });
};

const MEMBERS = ['a', 'B', 'ä', 'x y', "it''s", '"q"', '\\', '日本', '0', '1', '-', 'NULL', 'ß'];

const members: Maker = (random, { collations }) => {
  const isSet = random.chance(0.5);
  const size = random.pick([1, 2, 5, 9]);
  const start = random.below(MEMBERS.length);
  // A comma ends a member of a set; sql_mode decides what a backslash is.
  const chosen = Array.from({ length: size }, (_, i) => MEMBERS[(start + i) % MEMBERS.length] ?? '')
    .filter(m => m !== '\\')
    .map(m => `'${m}'`);
  if (chosen.length === 0) chosen.push("'a'");
  if (!isSet && random.chance(0.2)) chosen.push("''");
  if (random.chance(0.15)) chosen.push("'😀'");
  const { charset, name } = random.chance(0.7)
    ? random.pick(collations.filter(c => c.charset === 'utf8mb4'))
    : random.pick(collations.filter(c => ['latin1', 'utf8mb3', 'ucs2'].includes(c.charset)));
  const fresh = (r: Random): string =>
    isSet ? `${r.below(2 ** chosen.length)}` : `${r.below(chosen.length + 1)}`;
  const sql = `${isSet ? 'SET' : 'ENUM'}(${chosen.join(',')}) CHARACTER SET ${charset} COLLATE ${name}`;
  return typed(sql, 'members', fresh, { isKey: true });
};

const JSONS = [
  ...['null', 'true', 'false', '0', '-1', '1.5', '1e100', '-0.0', '""', '{}', '[]', '1.0'],
  ...['18446744073709551615', '9223372036854775808', '-9223372036854775808', '0.1', '1e-7'],
  ...['{"a": {"b": [1, 2, {"c": null}]}, "": 1, "__proto__": {"x": 1}}', '[[[[1]]], "😀"]'],
  ...['"a\\u0000b\\"\\\\"', '{"ä": "ß", "aa": 1, "b": 2}', '123456789012345678', '[1, 1.0, "1"]'],
];

const json: Maker = () =>
  typed('JSON', 'json', r => {
    const one = utf8(r.pick(JSONS));
    switch (r.below(5)) {
      case 0:
        return `JSON_ARRAY(${r.below(100)}, ${utf8(r.pick(WORDS))}, NULL, TRUE)`;
      case 1:
        return `JSON_OBJECT('k${r.below(9)}', ${r.below(100_000)}, 'v', SHA2('${r.next()}', 224))`;
      case 2:
        return `JSON_INSERT('{"n": [1, 2]}', '$.m', ${r.next()})`;
      default:
        return one;
    }
  });

const SHAPES: Record<string, (r: Random) => string> = {
  POINT: r => `POINT(${r.between(-89, 89)} ${r.between(-89, 89)}.${r.below(1000)})`,
  LINESTRING: r => `LINESTRING(0 0,${r.below(80)} ${r.below(80)},1 1)`,
  POLYGON: r => `POLYGON((0 0,0 ${1 + r.below(9)},5 5,0 0),(1 1,1 2,2 2,1 1))`,
  MULTIPOINT: r => `MULTIPOINT((0 0),(${r.below(80)} 1))`,
  GEOMETRYCOLLECTION: r => `GEOMETRYCOLLECTION(POINT(1 ${r.below(80)}),LINESTRING(0 0,1 1))`,
};

const shape: Maker = (random, { flavor }) => {
  const word = random.pick(['GEOMETRY', ...Object.keys(SHAPES)]);
  const srid = random.pick([0, 4326]);
  const isBound = flavor === 'mysql' && random.chance(0.5);
  const fresh = (r: Random): string => {
    const one = word === 'GEOMETRY' ? r.pick(Object.keys(SHAPES)) : word;
    return `ST_GeomFromText('${SHAPES[one]?.(r)}', ${isBound ? srid : r.pick([0, 4326])})`;
  };
  return typed(`${word}${isBound ? ` SRID ${srid}` : ''}`, 'shape', fresh);
};

const vector: Maker = random => {
  const length = random.pick([1, 3, 17]);
  const fresh = (r: Random): string => {
    const size = r.chance(0.7) ? length : 1 + r.below(length);
    const list = Array.from({ length: size }, () => r.pick(['0', '-0.0', '1', '1e-30', '3.25']));
    return `TO_VECTOR('[${list.join(',')}]')`;
  };
  return typed(`VECTOR(${length})`, 'other', fresh);
};

const address: Maker = random => {
  const word = random.pick(['UUID', 'INET4', 'INET6']);
  const fresh = (r: Random): string => {
    if (word === 'UUID') {
      const h = bytesOf(r, 16);
      return `'${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}'`;
    }
    if (word === 'INET4') return `'${r.below(256)}.0.0.${r.below(256)}'`;
    return r.pick(["'::'", "'::1'", `'fe80::${r.below(10_000)}'`, `'::ffff:10.0.0.${r.below(9)}'`]);
  };
  return typed(word, 'other', fresh, { isKey: true });
};

const WEIGHTS = {
  integer: 6,
  decimal: 3,
  real: 2,
  bit: 2,
  year: 1,
  date: 2,
  moment: 4,
  time: 2,
  text: 9,
  binary: 4,
  members: 3,
  json: 2,
  shape: 2,
  vector: 1,
  address: 1,
};

const MAKERS: Readonly<Record<keyof typeof WEIGHTS, Maker>> = {
  integer,
  decimal,
  real,
  bit,
  year,
  date,
  moment,
  time,
  text,
  binary,
  members,
  json,
  shape,
  vector,
  address,
};

export function randomType(random: Random, facts: ServerFacts): RandomType {
  const isMysql = facts.flavor === 'mysql';
  const weights = { ...WEIGHTS, vector: isMysql ? 1 : 0, address: isMysql ? 0 : 2 };
  return MAKERS[random.weighted(weights)](random, facts);
}

export function keyType(random: Random, facts: ServerFacts): RandomType {
  for (;;) {
    const made = randomType(random, facts);
    if (made.isKey) return made;
  }
}
