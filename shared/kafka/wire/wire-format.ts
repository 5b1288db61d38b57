/**
 * Kafka's request and response bodies: big-endian numbers, strings with a 16-bit length. Most
 * versions are the last ones before the flexible formats. Fetch and Metadata are flexible (compact
 * lengths, tagged fields), because only those versions name a topic by its id, and check the epoch
 * of what was read last. Brokers 3.1 to 4.x speak all of them.
 */
import { ByteWriter } from '../../runtime/bytes.ts';
import { ReshardError } from '../../runtime/error.ts';
import { readLong, writeLong } from './record-batch.ts';

export interface Api {
  readonly key: number;
  readonly version: number;
  readonly name: string;
  /** Compact lengths and tagged fields, in the headers too. */
  readonly flexible?: boolean;
  /** Longest wait for an answer, when it may take longer than the connection's default. */
  readonly timeoutMs?: number;
}

export const API = {
  produce: { key: 0, version: 7, name: 'Produce' },
  fetch: { key: 1, version: 13, name: 'Fetch', flexible: true },
  listOffsets: { key: 2, version: 4, name: 'ListOffsets' },
  metadata: { key: 3, version: 10, name: 'Metadata', flexible: true },
  findCoordinator: { key: 10, version: 2, name: 'FindCoordinator' },
  joinGroup: { key: 11, version: 5, name: 'JoinGroup' },
  heartbeat: { key: 12, version: 3, name: 'Heartbeat' },
  leaveGroup: { key: 13, version: 2, name: 'LeaveGroup' },
  syncGroup: { key: 14, version: 3, name: 'SyncGroup' },
  apiVersions: { key: 18, version: 0, name: 'ApiVersions' },
  initProducerId: { key: 22, version: 1, name: 'InitProducerId' },
  addPartitionsToTxn: { key: 24, version: 1, name: 'AddPartitionsToTxn' },
  endTxn: { key: 26, version: 1, name: 'EndTxn' },
  describeConfigs: { key: 32, version: 2, name: 'DescribeConfigs' },
} as const satisfies Record<string, Api>;

export class WireWriter extends ByteWriter {
  constructor(initial = 256) {
    super(initial);
  }

  i64(v: number): this {
    this.reserve(8);
    writeLong(this.buf, v, this.pos);
    this.pos += 8;
    return this;
  }

  i32(v: number): this {
    this.i32be(v);
    return this;
  }

  i16(v: number): this {
    this.i16be(v);
    return this;
  }

  i8(v: number): this {
    this.u8(v & 0xff);
    return this;
  }

  string(s: string | null): this {
    if (s === null) return this.i16(-1);
    const place = this.pos;
    this.i16(0);
    const n = this.utf8(s);
    this.buf.writeInt16BE(n, place);
    return this;
  }

  bytes(b: Uint8Array): this {
    this.i32(b.length);
    this.reserve(b.length);
    this.buf.set(b, this.pos);
    this.pos += b.length;
    return this;
  }

  array<T>(list: readonly T[], write: (item: T) => void): this {
    this.i32(list.length);
    for (const item of list) write(item);
    return this;
  }

  /** A length or a tag of the flexible formats: base 128, lowest first, not zigzag. */
  uvarint(v: number): this {
    let rest = v;
    for (; rest > 0x7f; rest >>>= 7) this.u8((rest & 0x7f) | 0x80);
    this.u8(rest);
    return this;
  }

  /** Lengths are one more than they are: zero is null. */
  compactString(s: string | null): this {
    if (s === null) return this.uvarint(0);
    this.uvarint(Buffer.byteLength(s) + 1);
    this.utf8(s);
    return this;
  }

  compactArray<T>(list: readonly T[], write: (item: T) => void): this {
    this.uvarint(list.length + 1);
    for (const item of list) write(item);
    return this;
  }

  noTags(): this {
    return this.uvarint(0);
  }

  /** A topic id as Kafka prints it. */
  uuid(id: string): this {
    this.reserve(UUID_BYTES);
    const bytes = this.buf.write(id, this.pos, 'base64url');
    if (bytes !== UUID_BYTES) throw new ReshardError('bug', `"${id}" is not the id of a topic`);
    this.pos += UUID_BYTES;
    return this;
  }
}

const UUID_BYTES = 16;
/** What stands for "no topic id", and for "whatever the name says" in requests. */
export const NO_TOPIC_ID = Buffer.alloc(UUID_BYTES).toString('base64url');

export class WireReader {
  readonly buf: Buffer;
  pos = 0;

  constructor(buf: Buffer) {
    this.buf = buf;
  }

  i8(): number {
    return this.buf.readInt8(this.#take(1));
  }

  i16(): number {
    return this.buf.readInt16BE(this.#take(2));
  }

  i32(): number {
    return this.buf.readInt32BE(this.#take(4));
  }

  i64(): number {
    return readLong(this.buf, this.#take(8));
  }

  nullableString(): string | null {
    const n = this.i16();
    if (n < 0) return null;
    const start = this.#take(n);
    return this.buf.toString('utf8', start, start + n);
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  bytes(): Buffer {
    const n = Math.max(0, this.i32());
    const start = this.#take(n);
    return this.buf.subarray(start, start + n);
  }

  /** Moves over `n` bytes and tells where they begin. */
  skip(n: number): number {
    return this.#take(n);
  }

  array<T>(read: () => T): T[] {
    const n = this.i32();
    const list: T[] = [];
    for (let i = 0; i < n; i++) list.push(read());
    return list;
  }

  uvarint(): number {
    let v = 0;
    for (let scale = 1; scale <= 2 ** 28; scale *= 128) {
      const b = this.buf.readUInt8(this.#take(1));
      v += (b & 0x7f) * scale;
      if (b < 0x80) return v;
    }
    throw new ReshardError('broker', 'a length in the answer of the broker is above 32 bits');
  }

  compactNullableString(): string | null {
    const n = this.uvarint() - 1;
    if (n < 0) return null;
    const start = this.#take(n);
    return this.buf.toString('utf8', start, start + n);
  }

  compactString(): string {
    return this.compactNullableString() ?? '';
  }

  compactArray<T>(read: () => T): T[] {
    const n = this.uvarint() - 1;
    const list: T[] = [];
    for (let i = 0; i < n; i++) list.push(read());
    return list;
  }

  /** Tagged fields: `read` may take what it knows of one; what it leaves is skipped. */
  tags(read: (tag: number) => void = () => {}): void {
    for (let left = this.uvarint(); left > 0; left--) {
      const tag = this.uvarint();
      const bytes = this.uvarint();
      const end = this.#take(bytes) + bytes;
      this.pos = end - bytes;
      read(tag);
      this.pos = end;
    }
  }

  uuid(): string {
    const start = this.#take(UUID_BYTES);
    return this.buf.toString('base64url', start, start + UUID_BYTES);
  }

  #take(n: number): number {
    const start = this.pos;
    if (n < 0 || start + n > this.buf.length) {
      throw new ReshardError('broker', 'the answer of the broker is shorter than it should be');
    }
    this.pos = start + n;
    return start;
  }
}

/** A request body in one piece. */
export function body(write: (w: WireWriter) => void): Uint8Array[] {
  const w = new WireWriter();
  write(w);
  return [w.view()];
}
