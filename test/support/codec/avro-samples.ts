/**
 * Random values of every column type, each as the server's text and as the Avro library's value.
 * The two are made side by side, by other means than the codec's, so that they can judge it.
 */
import fc from 'fast-check';
import type { Column, ColumnType } from '../../../shared/type/column-type.ts';

export function column(name: string, type: ColumnType, nullable = false): Column {
  return { name, type, nullable, autoIncrement: false, generated: 'no', invisible: false };
}

/** A value as the server sends it and as Avro has it. */
export type Sample = { text: Buffer; avro: unknown };

function sample(text: string | Buffer, avro: unknown): Sample {
  return { text: typeof text === 'string' ? Buffer.from(text) : text, avro };
}

function twosComplement(v: bigint): Buffer {
  let n = 1;
  while (v < -(1n << BigInt(8 * n - 1)) || v >= 1n << BigInt(8 * n - 1)) n++;
  const hex = BigInt.asUintN(8 * n, v)
    .toString(16)
    .padStart(2 * n, '0');
  return Buffer.from(hex, 'hex');
}

export function pad(n: number | bigint, width: number): string {
  return `${n}`.padStart(width, '0');
}

export function integers(bits: 8 | 16 | 24 | 32 | 64, unsigned: boolean) {
  const max = 1n << BigInt(unsigned ? bits : bits - 1);
  const min = unsigned ? 0n : -max;
  const values = fc.oneof(
    fc.bigInt(min, max - 1n),
    fc.constantFrom(min, max - 1n, 0n, max >> 1n),
    fc.bigInt(0n, max > 100000n ? 100000n : max - 1n),
  );
  return values.map(v => {
    if (bits === 64 && unsigned) return sample(`${v}`, twosComplement(v));
    const long = bits === 64 || (bits === 32 && unsigned);
    return sample(`${v}`, long ? v : Number(v));
  });
}

export function decimals(precision: number, scale: number) {
  const max = 10n ** BigInt(precision);
  return fc.oneof(fc.bigInt(1n - max, max - 1n), fc.bigInt(-1000000n, 1000000n)).map(v => {
    const clipped = v % max;
    const digits = pad(clipped < 0n ? -clipped : clipped, scale + 1);
    const whole = digits.slice(0, digits.length - scale);
    const text = `${clipped < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
    return sample(text, twosComplement(clipped));
  });
}

/** Microseconds since the epoch of any time of the years 0000 to 9999, by Date in the test only. */
function datetimes(fsp: number) {
  const unit = 10n ** BigInt(6 - fsp);
  const from = BigInt(Date.UTC(2000, 0, 1)) * 1000n - 63_113_904_000n * 2000n * 250n;
  return fc.bigInt(0n, 8_000n * 31_556_952_000_000n).map(offset => {
    const micros = ((from + offset) / unit) * unit;
    const ms = Number((micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n);
    const iso = new Date(ms).toISOString();
    const fraction = pad(((micros % 1_000_000n) + 1_000_000n) % 1_000_000n, 6).slice(0, fsp);
    const text = `${iso.slice(0, 10)} ${iso.slice(11, 19)}${fsp > 0 ? `.${fraction}` : ''}`;
    return sample(text, fsp > 3 ? micros : micros / 1000n);
  });
}

function times(fsp: number) {
  const max = 839 * 3600 * 10 ** fsp - 1;
  return fc.integer({ min: -max, max }).map(v => {
    const unit = 10 ** fsp;
    const magnitude = Math.abs(v);
    const seconds = Math.floor(magnitude / unit);
    const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const fraction = fsp > 0 ? `.${pad(magnitude % unit, fsp)}` : '';
    const text = `${v < 0 ? '-' : ''}${clock.map(n => pad(n, 2)).join(':')}${fraction}`;
    return sample(text, BigInt(v) * 10n ** BigInt(6 - fsp));
  });
}

function timestamps(fsp: number) {
  const ms = fc.integer({ min: 1, max: 2147483647 }).map(s => s * 1000);
  return fc.tuple(ms, fc.integer({ min: 0, max: 10 ** fsp - 1 })).map(([t, f]) => {
    const iso = new Date(t).toISOString().slice(0, 19);
    const text = `${iso}${fsp > 0 ? `.${pad(f, fsp)}` : ''}`;
    return sample(text.replace('T', ' '), `${text}Z`);
  });
}

const ENUM = ['new', 'paid', "it's", 'größe'];
const SET = Array.from({ length: 64 }, (_, i) => `m${i}`);
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ maxLength: 300 }),
  fc.constantFrom('', ' ', "'", '\\', '\0', '𝄞é', "a'b\\c\0d"),
);
const anyBytes = fc.uint8Array({ maxLength: 300 }).map(b => Buffer.from(b));

function text(form: 'varchar' | 'longtext'): ColumnType {
  const collation = 'utf8mb4_0900_ai_ci';
  return { kind: 'text', charset: 'utf8mb4', collation, length: 1020, form };
}

function dates() {
  return fc.integer({ min: -719528, max: 2932896 }).map(day => {
    const iso = new Date(day * 86400000).toISOString();
    return sample(iso.slice(0, 10), day);
  });
}

export type Family = { name: string; type: ColumnType; samples: fc.Arbitrary<Sample> };

export const families: Family[] = [
  ...([8, 16, 24, 32, 64] as const).flatMap(bits =>
    [false, true].map(unsigned => ({
      name: `integer ${bits}${unsigned ? ' unsigned' : ''}`,
      type: { kind: 'integer' as const, bits, unsigned },
      samples: integers(bits, unsigned),
    })),
  ),
  ...[
    [12, 2],
    [5, 5],
    [10, 0],
    [15, 0],
    [16, 0],
    [20, 10],
    [65, 30],
    [30, 30],
    [38, 1],
  ].map(([precision = 0, scale = 0]) => ({
    name: `decimal(${precision},${scale})`,
    type: { kind: 'decimal' as const, precision, scale },
    samples: decimals(precision, scale),
  })),
  {
    name: 'float',
    type: { kind: 'float' },
    samples: fc.float({ noNaN: true, noDefaultInfinity: true }).map(v => sample(print(v), v)),
  },
  {
    name: 'double',
    type: { kind: 'double' },
    samples: fc.double({ noNaN: true, noDefaultInfinity: true }).map(v => sample(print(v), v)),
  },
  { name: 'varchar', type: text('varchar'), samples: anyText.map(s => sample(s, utf8(s))) },
  { name: 'longtext', type: text('longtext'), samples: anyText.map(s => sample(s, utf8(s))) },
  {
    name: 'varbinary',
    type: { kind: 'binary', form: 'varbinary', length: 1000 },
    samples: anyBytes.map(b => sample(b, b)),
  },
  { name: 'date', type: { kind: 'date' }, samples: dates() },
  ...[0, 1, 2, 3, 4, 5, 6].flatMap((fsp): Family[] => [
    { name: `time(${fsp})`, type: { kind: 'time', fsp }, samples: times(fsp) },
    { name: `datetime(${fsp})`, type: { kind: 'datetime', fsp }, samples: datetimes(fsp) },
    { name: `timestamp(${fsp})`, type: { kind: 'timestamp', fsp }, samples: timestamps(fsp) },
  ]),
  {
    name: 'year',
    type: { kind: 'year' },
    samples: fc
      .oneof(fc.constant(0), fc.integer({ min: 1901, max: 2155 }))
      .map(y => sample(pad(y, 4), y)),
  },
  {
    name: 'enum',
    type: { kind: 'enum', values: ENUM },
    samples: fc.integer({ min: 0, max: 4 }).map(i => sample(`${i}`, ['', ...ENUM][i])),
  },
  {
    name: 'set',
    type: { kind: 'set', values: SET },
    samples: fc
      .bigInt(0n, 2n ** 64n - 1n)
      .map(m => sample(`${m}`, SET.filter((_, i) => (m >> BigInt(i)) & 1n).join(','))),
  },
  {
    name: 'bit(1)',
    type: { kind: 'bit', bits: 1 },
    samples: fc.boolean().map(b => sample(Buffer.from([b ? 1 : 0]), b)),
  },
  {
    name: 'bit(64)',
    type: { kind: 'bit', bits: 64 },
    samples: fc.uint8Array({ minLength: 8, maxLength: 8 }).map(b => {
      return sample(Buffer.from(b), Buffer.from(b).reverse());
    }),
  },
  {
    name: 'json',
    type: { kind: 'json' },
    samples: fc.jsonValue({ depthSize: 'small' }).map(v => {
      const printed = JSON.stringify(v, (_, x) =>
        typeof x === 'number' ? Math.trunc(x % 1e15) : x,
      );
      return sample(plainIntegers(printed), plainIntegers(printed));
    }),
  },
];

/** JSON.stringify prints 1e+21, which no MySQL prints. */
function plainIntegers(json: string): string {
  return json.replaceAll(/-?\d(\.\d+)?e\+\d+/g, '7');
}

function print(v: number): string {
  return Object.is(v, -0) ? '-0' : `${v}`;
}

/** What a string becomes in UTF-8: lone surrogates cannot come from a server. */
export function utf8(s: string): string {
  return Buffer.from(s).toString();
}
