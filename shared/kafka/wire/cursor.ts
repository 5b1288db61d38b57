/** Numbers of a record as they lie in a batch. */
import { at } from '../../runtime/bytes.ts';
import { ReshardError } from '../../runtime/error.ts';

/** Zigzag varints at a moving place. */
export class Cursor {
  p: number;
  readonly end: number;
  readonly #buf: Buffer;

  constructor(buf: Buffer, p: number, end: number) {
    this.#buf = buf;
    this.p = p;
    this.end = end;
  }

  varint(): number {
    const buf = this.#buf;
    let b = at(buf, this.p++);
    if (b < 0x80) return (b >>> 1) ^ -(b & 1);
    let z = b & 0x7f;
    for (let shift = 7; shift < 28; shift += 7) {
      b = at(buf, this.p++);
      z |= (b & 0x7f) << shift;
      if (b < 0x80) return (z >>> 1) ^ -(z & 1);
    }
    return this.#long(z);
  }

  /** The rest of a number of more than 28 bits: arithmetic instead of 32-bit operations. */
  #long(low: number): number {
    let z = low;
    for (let scale = 2 ** 28; scale < 2 ** 70; scale *= 128) {
      const b = at(this.#buf, this.p++);
      z += (b & 0x7f) * scale;
      if (b < 0x80) return z % 2 === 0 ? z / 2 : -(z + 1) / 2;
    }
    throw new ReshardError('corrupt', 'a number of a record is longer than ten bytes');
  }
}
