/**
 * The unscaled integer of Avro's decimal: big-endian two's complement in the fewest bytes, as
 * Java's BigInteger.toByteArray gives it. Fewest matters: keys are compared as bytes.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import type { AvroSchema } from './value-codec.ts';

const TWO_32 = 4294967296;

export function decimalAvro(precision: number, scale: number): AvroSchema {
  return {
    type: 'bytes',
    scale,
    precision,
    'connect.version': 1,
    'connect.parameters': { scale: `${scale}`, 'connect.decimal.precision': `${precision}` },
    'connect.name': 'org.apache.kafka.connect.data.Decimal',
    logicalType: 'decimal',
  };
}

/** A safe integer with its length in front, as Avro bytes. */
export function writeUnscaled(out: ByteWriter, v: number): void {
  out.reserve(8);
  const { buf } = out;
  const low = v >>> 0;
  const high = (v - low) / TWO_32;
  const n = bytesNeeded(v);
  buf[out.pos++] = n << 1;
  for (let i = n - 1; i >= 4; i--) buf[out.pos++] = high >> ((i - 4) << 3);
  for (let i = Math.min(n, 4) - 1; i >= 0; i--) buf[out.pos++] = low >>> (i << 3);
}

function bytesNeeded(v: number): number {
  const magnitude = v < 0 ? -v - 1 : v;
  if (magnitude < 0x80) return 1;
  if (magnitude < 0x8000) return 2;
  if (magnitude < 0x800000) return 3;
  if (magnitude < 0x80000000) return 4;
  if (magnitude < 0x8000000000) return 5;
  if (magnitude < 0x800000000000) return 6;
  return 7;
}

/** An integer of any size with its length in front, as Avro bytes. */
export function writeUnscaledBig(out: ByteWriter, v: bigint): void {
  let n = 1;
  while (BigInt.asIntN(n * 8, v) !== v) n++;
  out.reserve(n + 2);
  out.varint(n);
  for (let i = n - 1; i >= 0; i--) {
    out.buf[out.pos++] = Number((v >> BigInt(i * 8)) & 0xffn);
  }
}

/** Up to six bytes, hence a safe integer. */
export function readUnscaled(buf: Buffer, start: number, length: number): number {
  if (length === 0) return 0;
  let v = (at(buf, start) << 24) >> 24;
  for (let i = 1; i < length; i++) v = v * 256 + at(buf, start + i);
  return v;
}

export function readUnscaledBig(buf: Buffer, start: number, length: number): bigint {
  if (length === 0) return 0n;
  return BigInt.asIntN(length * 8, BigInt(`0x${buf.toString('hex', start, start + length)}`));
}
