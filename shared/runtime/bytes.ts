/**
 * Byte buffers of the hot path: rows are transcoded from one byte form to another, so every stage
 * writes into a growing buffer that is reused, and nothing is allocated for each value.
 * Integers are Avro's: zigzag, then little-endian base 128.
 */

/** Byte at `i`, for callers that have checked the bounds themselves. */
export function at(buf: Uint8Array, i: number): number {
  return buf[i] as number;
}

const TWO_32 = 4294967296;

export class ByteWriter {
  buf: Buffer;
  pos = 0;

  constructor(initial = 64 * 1024) {
    this.buf = Buffer.allocUnsafeSlow(initial);
  }

  /** Makes room for `n` more bytes; `buf` may be another object afterwards. */
  reserve(n: number): void {
    const need = this.pos + n;
    if (need <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(need, this.buf.length * 2));
    this.buf.copy(grown, 0, 0, this.pos);
    this.buf = grown;
  }

  clear(): void {
    this.pos = 0;
  }

  /** As `clear`, and a buffer that has grown above `bytes` is given back. */
  shed(bytes: number): void {
    this.pos = 0;
    if (this.buf.length > bytes) this.buf = Buffer.allocUnsafeSlow(bytes);
  }

  /** The bytes written so far, without a copy: valid until the next write. */
  view(): Buffer {
    return this.buf.subarray(0, this.pos);
  }

  /** A copy of the bytes written so far. */
  take(): Buffer {
    return Buffer.from(this.buf.subarray(0, this.pos));
  }

  u8(v: number): void {
    this.reserve(1);
    this.buf[this.pos++] = v;
  }

  i16be(v: number): void {
    this.reserve(2);
    this.buf[this.pos++] = v >> 8;
    this.buf[this.pos++] = v;
  }

  i32be(v: number): void {
    this.reserve(4);
    const { buf } = this;
    buf[this.pos++] = v >> 24;
    buf[this.pos++] = v >> 16;
    buf[this.pos++] = v >> 8;
    buf[this.pos++] = v;
  }

  u32be(v: number): void {
    this.i32be(v | 0);
  }

  i64be(v: bigint): void {
    this.reserve(8);
    this.buf.writeBigInt64BE(v, this.pos);
    this.pos += 8;
  }

  /** Avro int or long of a safe integer. */
  varint(v: number): void {
    this.reserve(10);
    const { buf } = this;
    if (v >= -0x40000000 && v <= 0x3fffffff) {
      let z = ((v << 1) ^ (v >> 31)) >>> 0;
      while (z > 0x7f) {
        buf[this.pos++] = (z & 0x7f) | 0x80;
        z >>>= 7;
      }
      buf[this.pos++] = z;
      return;
    }
    if (v > 4503599627370495 || v < -4503599627370496) {
      this.varlong(BigInt(v));
      return;
    }
    let z = v < 0 ? -v * 2 - 1 : v * 2;
    while (z >= TWO_32) {
      buf[this.pos++] = (z % 128) | 0x80;
      z = Math.floor(z / 128);
    }
    z = z >>> 0;
    while (z > 0x7f) {
      buf[this.pos++] = (z & 0x7f) | 0x80;
      z >>>= 7;
    }
    buf[this.pos++] = z;
  }

  /** Avro long of any 64-bit value. */
  varlong(v: bigint): void {
    this.reserve(10);
    const z = BigInt.asUintN(64, (v << 1n) ^ (v >> 63n));
    // A shift of a bigint makes a new one: two halves are shifted as numbers.
    let low = Number(z & 0xffffffffn);
    let high = Number(z >> 32n);
    const { buf } = this;
    while (high > 0) {
      buf[this.pos++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    while (low > 0x7f) {
      buf[this.pos++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    buf[this.pos++] = low;
  }

  copy(src: Buffer, start: number, end: number): void {
    const n = end - start;
    this.reserve(n);
    // A native copy costs about 60 ns whatever its size: a loop is faster for short runs.
    if (n > 24) {
      src.copy(this.buf, this.pos, start, end);
      this.pos += n;
      return;
    }
    const { buf } = this;
    for (let i = start; i < end; i++) buf[this.pos++] = at(src, i);
  }

  ascii(s: string): void {
    this.reserve(s.length);
    for (let i = 0; i < s.length; i++) this.buf[this.pos++] = s.charCodeAt(i);
  }

  /** Writes text as UTF-8 and returns its length in bytes. */
  utf8(s: string): number {
    this.reserve(s.length * 3);
    const n = this.buf.write(s, this.pos, 'utf8');
    this.pos += n;
    return n;
  }
}

const EMPTY = Buffer.alloc(0);

export class ByteReader {
  buf: Buffer;
  pos: number;
  end: number;

  constructor(buf: Buffer = EMPTY, pos = 0, end: number = buf.length) {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
  }

  reset(buf: Buffer, pos = 0, end: number = buf.length): this {
    this.buf = buf;
    this.pos = pos;
    this.end = end;
    return this;
  }

  u8(): number {
    if (this.pos >= this.end) throw new RangeError('read past the end of the buffer');
    return at(this.buf, this.pos++);
  }

  i32be(): number {
    if (this.pos + 4 > this.end) throw new RangeError('read past the end of the buffer');
    const v = this.buf.readInt32BE(this.pos);
    this.pos += 4;
    return v;
  }

  /** Avro int or long as a number; throws past 2^53, where a number would round. */
  varint(): number {
    const { buf } = this;
    let z = 0;
    let scale = 1;
    for (let n = 0; n < 10; n++) {
      const b = this.u8();
      z += (b & 0x7f) * scale;
      if (b < 0x80) {
        if (z > Number.MAX_SAFE_INTEGER) break;
        return z % 2 === 0 ? z / 2 : -(z + 1) / 2;
      }
      scale *= 128;
    }
    throw new RangeError(`integer past 2^53 at byte ${this.pos} of ${buf.length}`);
  }

  varlong(): bigint {
    let z = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const b = this.u8();
      z |= BigInt(b & 0x7f) << shift;
      if (b < 0x80) return BigInt.asIntN(64, (z >> 1n) ^ -(z & 1n));
    }
    throw new RangeError('integer longer than ten bytes');
  }
}
