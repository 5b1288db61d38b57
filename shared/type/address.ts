/**
 * UUID, INET6 and INET4 of MariaDB: bytes of a fixed length that it shows as text, and a string in
 * the log. The text is made here, from the bytes, on both ways in: the server has several ways to
 * write one address. A row image drops the trailing zero bytes, as it does of BINARY.
 */
import { at, type ByteWriter } from '../runtime/bytes.ts';
import { byteLength, skipBytes, skipVarint } from './avro-read.ts';
import type { ColumnType } from './column-type.ts';
import { writeQuoted } from './quoted.ts';
import { TYPE_CODE } from './seen-column.ts';
import { textAt } from './text.ts';
import { NotOfType, ORDERED_BY_VALUE, type TypeFamily } from './type-family.ts';
import { type AvroSchema, corrupt, type Place, type ValueCodec } from './value-codec.ts';

type AddressType = Extract<ColumnType, { kind: 'address' }>;
type Form = AddressType['form'];

const BYTES: Record<Form, number> = { uuid: 16, inet6: 16, inet4: 4 };
const TEXT: Record<Form, RegExp> = {
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  inet6: /^[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}$/i,
  inet4: /^\d{1,3}(\.\d{1,3}){3}$/,
};

function textOf(form: Form, bytes: Buffer): string {
  const hex = bytes.toString('hex');
  if (form === 'inet4') return [...bytes].join('.');
  if (form === 'inet6') return (hex.match(/.{4}/g) ?? []).join(':');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

class AddressCodec implements ValueCodec {
  readonly avro: AvroSchema;
  readonly #form: Form;
  readonly #place: Place;
  readonly #bytes: Buffer;

  constructor(form: Form, place: Place) {
    this.#form = form;
    this.#place = place;
    this.#bytes = Buffer.alloc(BYTES[form]);
    this.avro =
      form === 'uuid'
        ? { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Uuid' }
        : 'string';
  }

  fromText(src: Buffer, start: number, end: number, out: ByteWriter): void {
    const bytes = this.#bytes;
    if (end - start > bytes.length) throw corrupt(this.#place, 'an address that is too long');
    bytes.fill(0);
    src.copy(bytes, 0, start, end);
    const text = textOf(this.#form, bytes);
    out.varint(text.length);
    out.ascii(text);
  }

  fromBinlog(src: Buffer, pos: number, out: ByteWriter): number {
    const end = pos + 1 + at(src, pos);
    if (end > src.length) throw corrupt(this.#place, 'an address longer than its row image');
    this.fromText(src, pos + 1, end, out);
    return end;
  }

  skip(buf: Buffer, pos: number): number {
    return skipBytes(buf, pos);
  }

  toSql(buf: Buffer, pos: number, out: ByteWriter): void {
    const start = skipVarint(buf, pos);
    writeQuoted(buf, start, start + byteLength(buf, pos), out);
  }

  toRowText(buf: Buffer, pos: number, out: ByteWriter): void {
    out.ascii(
      ADDRESS.printed({ kind: 'address', form: this.#form }, textAt(buf, pos))
        .toString('hex')
        .toUpperCase(),
    );
  }

  toJs(buf: Buffer, pos: number): unknown {
    return textAt(buf, pos);
  }
}

export const ADDRESS: TypeFamily<AddressType> = {
  ...ORDERED_BY_VALUE,
  declare: ({ dataType }) =>
    dataType === 'uuid' || dataType === 'inet6' || dataType === 'inet4'
      ? { kind: 'address', form: dataType }
      : null,
  matches: ({ form }, { code, metadata, charset }) =>
    code === TYPE_CODE.STRING && metadata.max_length === BYTES[form] && charset === null,
  codec: ({ form }, place) => new AddressCodec(form, place),
  refusal: () => null,
  keyRefusal: () => null,
  select: c => `CAST(${c} AS BINARY)`,
  rowText: (_, c) => ({ closed: `HEX(${c})` }),
  keyLiteral: c => `CONCAT('''',${c},'''')`,
  readable: (_, literal) => literal.replace(/^'(.*)'$/, '$1'),
  printed: ({ form }, text) => {
    if (!TEXT[form].test(text)) throw new NotOfType(`is no ${form}`);
    const parts = form === 'inet4' ? text.split('.').map(Number) : [];
    return form === 'inet4' ? Buffer.from(parts) : Buffer.from(padded(text), 'hex');
  },
  meaning: ({ form }) => form,
  isWider: () => false,
  words: ({ form }) => form,
  maxBytes: () => 40,
  measure: () => null,
};

/** Hexadecimal digits of a UUID, or of an address whose groups may lack leading zeros. */
function padded(text: string): string {
  return text.includes(':')
    ? text
        .split(':')
        .map(group => group.padStart(4, '0'))
        .join('')
    : text.replaceAll('-', '');
}
