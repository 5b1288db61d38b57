/**
 * FLOAT and DOUBLE: their own IEEE bits in the log. Text never decides the bits of a FLOAT: the
 * server prints six digits of it, so the snapshot selects CAST(column AS DOUBLE), which prints the
 * shortest text that gives the same bits back (also for DOUBLE(M,D), which would print D digits).
 */
import type { ByteWriter } from '../runtime/bytes.ts';
import type { ValueCodec } from './value-codec.ts';

export class FloatCodec implements ValueCodec {
  readonly avro: 'float' | 'double';
  readonly #bytes: 4 | 8;

  constructor(avro: 'float' | 'double') {
    this.avro = avro;
    this.#bytes = avro === 'float' ? 4 : 8;
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const v = Number(src.toString('latin1', start, end));
    out.reserve(this.#bytes);
    out.pos =
      this.#bytes === 4 ? out.buf.writeFloatLE(v, out.pos) : out.buf.writeDoubleLE(v, out.pos);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const end = pos + this.#bytes;
    out.copy(src, pos, end);
    return end;
  }

  skip(_buf: Buffer, pos: number): number {
    return pos + this.#bytes;
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.ascii(floatLiteral(this.toJs(buf, pos)));
  }

  toJs(buf: Buffer, pos: number): number {
    return this.#bytes === 4 ? buf.readFloatLE(pos) : buf.readDoubleLE(pos);
  }
}

/** With an exponent, so that MySQL reads a double: without one the literal is a DECIMAL. */
function floatLiteral(v: number): string {
  const text = Object.is(v, -0) ? '-0' : String(v);
  return text.includes('e') ? text : `${text}e0`;
}
