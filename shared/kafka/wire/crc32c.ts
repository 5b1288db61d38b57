/**
 * CRC-32C (Castagnoli), the checksum of record batches. Slicing by eight over 32-bit words: the
 * byte-wise loop costs more than all the rest of the encoding, and Node's zlib.crc32 is another
 * polynomial. Words are read little-endian, as every platform that Node runs on has them.
 */
import { at } from '../../runtime/bytes.ts';

const SLICES = 8;
const POLYNOMIAL = 0x82f63b78;

const TABLE = makeTable();
const T0 = TABLE.subarray(0, 256);
const T1 = TABLE.subarray(256, 512);
const T2 = TABLE.subarray(512, 768);
const T3 = TABLE.subarray(768, 1024);
const T4 = TABLE.subarray(1024, 1280);
const T5 = TABLE.subarray(1280, 1536);
const T6 = TABLE.subarray(1536, 1792);
const T7 = TABLE.subarray(1792, 2048);

function makeTable(): Int32Array {
  const table = new Int32Array(256 * SLICES);
  for (let i = 0; i < 256; i++) {
    let c = i;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ POLYNOMIAL : c >>> 1;
    table[i] = c;
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let i = 0; i < 256; i++) {
      const c = word(table, (slice - 1) * 256 + i);
      table[slice * 256 + i] = word(table, c & 0xff) ^ (c >>> 8);
    }
  }
  return table;
}

function word(words: Int32Array, i: number): number {
  return words[i] as number;
}

/** Checksum of `buf[start, end)` as an unsigned 32-bit number. */
export function crc32c(buf: Uint8Array, start = 0, end = buf.length): number {
  let crc = -1;
  let i = start;
  while (i < end && (buf.byteOffset + i) % 4 !== 0) {
    crc = word(T0, (crc ^ at(buf, i++)) & 0xff) ^ (crc >>> 8);
  }
  const pairs = (end - i) >>> 3;
  if (pairs > 0) {
    const words = new Int32Array(buf.buffer, buf.byteOffset + i, pairs * 2);
    for (let w = 0; w < pairs * 2; w += 2) {
      const a = word(words, w) ^ crc;
      const b = word(words, w + 1);
      crc =
        word(T7, a & 0xff) ^
        word(T6, (a >>> 8) & 0xff) ^
        word(T5, (a >>> 16) & 0xff) ^
        word(T4, a >>> 24) ^
        word(T3, b & 0xff) ^
        word(T2, (b >>> 8) & 0xff) ^
        word(T1, (b >>> 16) & 0xff) ^
        word(T0, b >>> 24);
    }
    i += pairs * 8;
  }
  while (i < end) crc = word(T0, (crc ^ at(buf, i++)) & 0xff) ^ (crc >>> 8);
  return (crc ^ -1) >>> 0;
}
