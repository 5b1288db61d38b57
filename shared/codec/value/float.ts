/**
 * FLOAT and DOUBLE: their own IEEE bits in the log. Text never decides the bits of a FLOAT: the
 * server prints six digits of it, so the snapshot selects CAST(column AS DOUBLE), which prints the
 * shortest text that gives the same bits back (also for DOUBLE(M,D), which would print D digits).
 */
import type { ByteWriter } from '../../runtime/bytes.ts';
import type { ValueCodec } from './value-codec.ts';

export class FloatCodec implements ValueCodec {
  readonly avro = 'float';

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.reserve(4);
    out.buf.writeFloatLE(Number(src.toString('latin1', start, end)), out.pos);
    out.pos += 4;
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    out.copy(src, pos, pos + 4);
    return pos + 4;
  }

  skip(_buf: Buffer, pos: number): number {
    return pos + 4;
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.ascii(floatLiteral(buf.readFloatLE(pos)));
  }

  toJs(buf: Buffer, pos: number): unknown {
    return buf.readFloatLE(pos);
  }
}

export class DoubleCodec implements ValueCodec {
  readonly avro = 'double';

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    out.reserve(8);
    out.buf.writeDoubleLE(Number(src.toString('latin1', start, end)), out.pos);
    out.pos += 8;
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    out.copy(src, pos, pos + 8);
    return pos + 8;
  }

  skip(_buf: Buffer, pos: number): number {
    return pos + 8;
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    out.ascii(floatLiteral(buf.readDoubleLE(pos)));
  }

  toJs(buf: Buffer, pos: number): unknown {
    return buf.readDoubleLE(pos);
  }
}

/** With an exponent, so that MySQL reads a double: without one the literal is a DECIMAL. */
function floatLiteral(v: number): string {
  const text = Object.is(v, -0) ? '-0' : String(v);
  return text.includes('e') ? text : `${text}e0`;
}
