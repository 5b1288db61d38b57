/**
 * Documents that the server makes by its functions, of values that JSON has not: as SQL, with the
 * paths of all their values.
 */
import { digits, hexOf, many, random, TEXTS, two } from './oracle-values.ts';

export interface MadeJson {
  sql: string;
  /** JSON paths as SQL text. */
  paths: string[];
}

const KEYS = ['', 'a', 'price', '__proto__', '0', '10', 'größe', '"q"', 'a.b', 'a[0]', '$', '😀'];
const ODD_KEYS = ['back\\slash', 'line\nfeed', "it's", '**', '* ', 'nul\0'];
const DATES = ['0000-00-00', '2024-02-00', '2023-02-31', '0001-01-01', '9999-12-31', '2024-01-02'];

/** An SQL literal of ASCII, whatever the text is. */
function text(value: string): string {
  return value === '' ? "_utf8mb4''" : `_utf8mb4 x'${Buffer.from(value).toString('hex')}'`;
}

function hexBytes(n: number): string {
  return `x'${hexOf(n)}'`;
}

/** As a column of that type has it. */
function ofColumn(type: string, value: string): string {
  return (
    `(SELECT JSON_EXTRACT(JSON_ARRAY(c), '$[0]') FROM JSON_TABLE(JSON_ARRAY(${value}), '$[*]' ` +
    `COLUMNS (c ${type} PATH '$' ERROR ON ERROR)) made)`
  );
}

function clock(): string {
  return `${two(random(60))}:${two(random(60))}.${digits(6)}`;
}

function decimal(): string {
  const scale = random(10);
  const whole = digits(random(20)).replace(/^0+(?=\d)/, '') || '0';
  const sign = random(3) === 0 ? '-' : '';
  return `CAST(${sign}${whole}${scale > 0 ? `.${digits(scale)}` : ''} AS DECIMAL(40,${scale}))`;
}

const SCALARS: (() => string)[] = [
  decimal,
  decimal,
  () => '1.50',
  () => '-0.00',
  () => '0.5',
  // More digits than a column has: literals may have 81.
  () => `${random(2) ? '-' : ''}${digits(1 + random(70))}.${'3'.repeat(11)}`,
  () => `${random(2) ? '-' : ''}0.${'0'.repeat(random(30))}${digits(40)}`,
  () => '9'.repeat(81),
  () => 'CAST(7 AS DECIMAL(10,0))',
  () => `CAST(${digits(1 + random(19))} AS UNSIGNED)`,
  () => 'CAST(9223372036854775807 AS UNSIGNED)',
  () => '9223372036854775808',
  () => '18446744073709551615',
  () => `CAST('${DATES[random(DATES.length)]}' AS DATE)`,
  () => `CAST('${DATES[random(DATES.length)]} ${two(random(24))}:${clock()}' AS DATETIME(6))`,
  () => `CAST('${random(2) ? '-' : ''}${two(random(839))}:${clock()}' AS TIME(6))`,
  () => ofColumn('TIMESTAMP(6)', `'2024-0${1 + random(9)}-02 03:${clock()}'`),
  () => hexBytes(random(4)),
  () => hexBytes(50 + random(200)),
  () => ofColumn('TINYBLOB', hexBytes(random(9))),
  () => ofColumn('BLOB', hexBytes(random(300))),
  () => ofColumn('MEDIUMBLOB', hexBytes(60)),
  () => ofColumn('LONGBLOB', hexBytes(57)),
  () => ofColumn('BINARY(5)', hexBytes(5)),
  () => ofColumn('BIT(13)', String(random(8192))),
  () => ofColumn('BIT(64)', '18446744073709551615'),
  () => ofColumn('YEAR', '2024'),
  () => '1.0e0',
  () => '0.5e0',
  () => `${random(100_000)}`,
  () => `-${digits(9)}`,
  () => 'NULL',
  () => 'TRUE',
  () => text(TEXTS[random(TEXTS.length)] ?? ''),
  () => text('2024-01-02'),
  () => text('-838:59:59.000000'),
  () => text('base64:type252:AP8='),
  () => text('1.50'),
  () => "CAST('[]' AS JSON)",
  () => "CAST('{}' AS JSON)",
  () => `CAST('{"k": [1, 1.5, "s", [[null]]]}' AS JSON)`,
];

/** A document, with paths of the values that functions have made. */
export function madeJson(depth: number, path = '$'): MadeJson {
  const kind = depth === 0 ? 0 : random(4);
  if (kind < 2) return { sql: (SCALARS[random(SCALARS.length)] ?? decimal)(), paths: [path] };
  const keys = [...new Set(many(random(7), () => keyOf()))];
  const cells = keys.map((key, i) => {
    return madeJson(depth - 1, kind === 2 ? `${path}[${i}]` : `${path}.${JSON.stringify(key)}`);
  });
  const values = cells.map((cell, i) =>
    kind === 2 ? cell.sql : `${text(keys[i] ?? '')},${cell.sql}`,
  );
  const sql = `${kind === 2 ? 'JSON_ARRAY' : 'JSON_OBJECT'}(${values.join(',')})`;
  return { sql, paths: [path, ...cells.flatMap(cell => cell.paths)] };
}

function keyOf(): string {
  const keys = random(5) === 0 ? ODD_KEYS : KEYS;
  return `${keys[random(keys.length)]}${random(3) === 0 ? random(100) : ''}`;
}

/** A document of such values as SQL, never a value alone. */
export function wholeMadeJson(depth: number): MadeJson {
  const { sql, paths } = madeJson(depth, '$[0]');
  return { sql: `JSON_ARRAY(${sql})`, paths };
}

const DEEP = many(98, () => 'JSON_ARRAY(').join('');

export const MADE_JSONS: string[] = [
  'CAST(1.50 AS JSON)',
  'CAST(CAST(5 AS UNSIGNED) AS JSON)',
  "CAST(CAST('0000-00-00' AS DATE) AS JSON)",
  "CAST(CAST('-00:00:00.5' AS TIME(6)) AS JSON)",
  "JSON_EXTRACT(JSON_ARRAY(x''), '$[0]')",
  `JSON_EXTRACT(${ofColumn('BIT(1)', '1')}, '$')`,
  `${DEEP}1.50${')'.repeat(98)}`,
  `JSON_ARRAY(${many(3000, i => `${i}.50`).join(',')})`,
  `JSON_OBJECT(${many(400, i => `'k${i}',CAST(${i * 1000} AS UNSIGNED)`).join(',')})`,
  "JSON_MERGE_PRESERVE(JSON_ARRAY(1.5), '[1.5]', JSON_ARRAY(CAST(1 AS UNSIGNED)), '[1]')",
  ...SCALARS.map(scalar => `JSON_ARRAY(${scalar()})`),
  ...many(60, () => wholeMadeJson(4).sql),
];
