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

function momentText(micros: bigint): string {
  let seconds = micros / 1_000_000n;
  let fraction = micros % 1_000_000n;
  if (fraction < 0n) {
    fraction += 1_000_000n;
    seconds -= 1n;
  }
  const base = new Date(Number(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
  return trimFraction(`${base}.${fraction.toString().padStart(6, '0')}`);
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
      return new Date(Number(value) * 86_400_000).toISOString().slice(0, 10);
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
