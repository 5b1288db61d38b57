/**
 * Column values of a change record as text, known from the schema's annotations alone, as any
 * Connect consumer would do it; and the same text of what a MySQL client reads. It shares nothing
 * with our codec, so a mistake there shows as a difference here.
 */

/** A field's Avro type with the annotations that matter. */
type Annotated = { type?: unknown; logicalType?: string; scale?: number; 'connect.name'?: string };

function annotated(schema: unknown): Annotated {
  if (Array.isArray(schema)) return annotated(schema.find(branch => branch !== 'null'));
  if (typeof schema === 'string') return { type: schema };
  return typeof schema === 'object' && schema !== null ? schema : {};
}

/** A fraction of a second without trailing zeros, as schemas do not say how many are shown. */
function trimFraction(text: string): string {
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '') : text;
}

function decimalText(bytes: Buffer, scale: number): string {
  let unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex') || '0'}`));
  const sign = unscaled < 0n ? '-' : '';
  if (unscaled < 0n) unscaled = -unscaled;
  const digits = unscaled.toString().padStart(scale + 1, '0');
  if (scale === 0) return sign + digits;
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const DAY_MICROS = 86_400_000_000n;
const padded = (n: number | bigint, width: number): string => String(n).padStart(width, '0');

/** Days before the year 0 are the digits of dates that no calendar has (docs/TYPES.md). */
function dayText(day: number): string {
  const digits = day + 10_000_000;
  if (day >= -719_528) return new Date(day * 86_400_000).toISOString().slice(0, 10);
  const [year, month] = [Math.floor(digits / 512), Math.floor((digits % 512) / 32)];
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(digits % 32, 2)}`;
}

function momentText(micros: bigint): string {
  const ofDay = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS;
  const day = dayText(Number((micros - ofDay) / DAY_MICROS));
  const seconds = Number(ofDay / 1_000_000n);
  const clock = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(n =>
    padded(Math.floor(n), 2),
  );
  return trimFraction(`${day} ${clock.join(':')}.${padded(ofDay % 1_000_000n, 6)}`);
}

/** `value` as a generic Avro decoder gives it: longs as BigInt, bytes as buffers. */
export function textOfAvro(schema: unknown, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const type = annotated(schema);
  if (Buffer.isBuffer(value)) {
    return type.logicalType === 'decimal'
      ? decimalText(value, type.scale ?? 0)
      : value.toString('hex');
  }
  switch (type['connect.name']) {
    case 'io.debezium.time.Date':
      return dayText(Number(value));
    case 'io.debezium.time.MicroTimestamp':
      return momentText(BigInt(String(value)));
    case 'io.debezium.time.Timestamp':
      return momentText(BigInt(String(value)) * 1000n);
    case 'io.debezium.time.ZonedTimestamp':
      return trimFraction(String(value).replace('T', ' ').replace(/Z$/, ''));
    default:
      return String(value);
  }
}

/** `value` as mysql2 gives it with dates, decimals and big numbers as strings. */
export function textOfMysql(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value.toString('hex');
  const text = String(value);
  return /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+$/.test(text) ? trimFraction(text) : text;
}
