/** Seeded random values, texts and JSON documents that have tripped decoders before. */

/** The same values in every run; another seed by the environment. */
const SEED = Number(process.env.RESHARD_SEED ?? 20261121);
let state = SEED;
export function random(n: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let x = Math.imul(state ^ (state >>> 15), 1 | state);
  x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
  return ((x ^ (x >>> 14)) >>> 0) % n;
}

export function many<T>(n: number, make: (i: number) => T): T[] {
  return Array.from({ length: n }, (_, i) => make(i));
}

export function digits(n: number): string {
  return many(n, () => random(10)).join('');
}

export function hexOf(n: number): string {
  return many(n, () => random(256).toString(16).padStart(2, '0')).join('');
}

export function two(n: number): string {
  return String(n).padStart(2, '0');
}

export function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''").replaceAll('\0', '\\0')}'`;
}

export function doubles(n: number): string[] {
  const found: string[] = [];
  while (found.length < n) {
    const v = Buffer.from(hexOf(8), 'hex').readDoubleBE(0);
    if (Number.isFinite(v)) found.push(`${v}e0`.replace(/(e[+-]?\d+)e0$/, '$1'));
  }
  return found;
}

export function floats(n: number): string[] {
  const found: string[] = [];
  while (found.length < n) {
    const v = Buffer.from(hexOf(4), 'hex').readFloatBE(0);
    if (Number.isFinite(v)) found.push(`${v}e0`.replace(/(e[+-]?\d+)e0$/, '$1'));
  }
  return found;
}

export const TEXTS = [
  '',
  ' ',
  'a',
  '  both  ',
  'trailing ',
  "it's",
  '"double"',
  'back\\slash',
  '\\',
  "\\'",
  'nul\0byte',
  'line\nfeed\r\ttab\x1a\b',
  '%_like',
  'NULL',
  'größe',
  '日本語',
  '😀👩‍👩‍👧',
  '\u{10ffff}',
  '\u007f\u0080\u00ff',
  'e\u0301',
];

export function json(depth: number): string {
  const kind = random(depth > 0 ? 9 : 7);
  if (kind === 0) return ['null', 'true', 'false'][random(3)] ?? 'null';
  if (kind === 1) return `${BigInt.asIntN(64, BigInt(`0x${hexOf(8)}`)) >> BigInt(random(64))}`;
  if (kind === 2) return `${BigInt(`0x${hexOf(8)}`)}`;
  if (kind === 3) return doubles(1)[0]?.replace(/^(-?\d+)e0$/, '$1.0') ?? '0';
  if (kind < 7) return JSON.stringify((TEXTS[random(TEXTS.length)] ?? '').repeat(random(9)));
  const inner = many(random(6), () => json(depth - 1));
  if (kind === 7) return `[${inner.join(',')}]`;
  return `{${inner.map((v, i) => `${JSON.stringify(key(i))}:${v}`).join(',')}}`;
}

const KEYS = ['', 'a', 'bb', '__proto__', '10', '2', 'größe', '"q"', '😀'];

function key(i: number): string {
  return `${KEYS[random(KEYS.length)]}${i > 2 ? i : ''}`;
}

const LONG = 'x'.repeat(300);
export const JSONS = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-1',
  '32767',
  '32768',
  '-32769',
  '65536',
  '2147483648',
  '-2147483649',
  '4294967296',
  '9223372036854775807',
  '-9223372036854775808',
  '18446744073709551615',
  '1.0',
  '-0.0',
  '0.1',
  '1e19',
  '1e15',
  '1e16',
  '123456789012345680.0',
  '1e-7',
  '1.5e-14',
  '1.5e-15',
  '1e-15',
  '1e-16',
  '1.7976931348623157e308',
  '5e-324',
  '""',
  '"a\\"b\\\\c\\/d\\b\\f\\n\\r\\t\\u0000\\u001f\\u007f"',
  '"😀 größe"',
  '{}',
  '[]',
  '[[[[]]]]',
  '{"__proto__": 1, "constructor": {"__proto__": null}}',
  '{"10": 1, "9": 2, "b": 3, "aa": 4, "a": 5, "": 6}',
  `{"${LONG}": "${LONG}"}`,
  `[${many(3000, i => `"${i}${LONG}"`).join(',')}]`,
  `{${many(9000, i => `"key${i}": ${i * 100000}`).join(',')}}`,
  `${'['.repeat(99)}1${']'.repeat(99)}`,
  '[1, -1, 70000, -70000, 5000000000, 18446744073709551615, 1.5, "s", null, true, {"k": [false]}]',
];
