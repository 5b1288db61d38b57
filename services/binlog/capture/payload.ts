/**
 * MySQL's compressed transactions (binlog_transaction_compression): one event that holds the events
 * of a transaction, after its id. They are given one after the other, as if each had come by
 * itself.
 *
 * It may inflate to far more than memory holds, so it never is in memory as a whole: it is inflated
 * piece by piece, and the next event is given only when there is nothing to wait for. A small one
 * is inflated at once: a stream for each costs more than the rest of a small transaction. What is
 * held is the event itself, compressed, as it came over the line.
 */
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { at } from '../../../shared/runtime/bytes.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { corrupt, EVENT, type RawEvent } from './binlog-event.ts';
import { EventCutter } from './event-cutter.ts';

/** Up to this size the bytes of all events are in memory at once. */
const AT_ONCE_BYTES = 256 * 1024;
const PIECE_BYTES = 64 * 1024;

const FIELD = { END: 0, BYTES: 1, COMPRESSION: 2, INFLATED_BYTES: 3 } as const;
const COMPRESSION = { ZSTD: 0, NONE: 255 } as const;

/** What is of a file or of the stream, and never inside of a transaction. */
const FOREIGN: ReadonlySet<number> = new Set([
  EVENT.STOP,
  EVENT.ROTATE,
  EVENT.FORMAT_DESCRIPTION,
  EVENT.HEARTBEAT,
  EVENT.HEARTBEAT_V2,
  EVENT.GTID,
  EVENT.GTID_TAGGED,
  EVENT.ANONYMOUS_GTID,
  EVENT.PREVIOUS_GTIDS,
  EVENT.MARIADB_GTID,
  EVENT.TRANSACTION_PAYLOAD,
]);

interface Payload {
  compression: 'zstd' | 'none';
  /** Of all events together; null: it does not say. */
  inflatedBytes: number | null;
  bytes: Buffer;
}

export interface Unpacked {
  /** Must not keep the event or its bytes. */
  onEvent: (event: RawEvent) => void;
  /** What the next event has to wait for. */
  wait: () => Promise<void> | null;
}

/** Fields of kind, length and value, up to the one that ends them; then the events. */
function readPayload({ buf, start, end }: RawEvent): Payload {
  const reader = new PackedReader(buf, start, end);
  let size: number | null = null;
  let compression: number | null = null;
  let inflatedBytes: number | null = null;
  for (;;) {
    const field = reader.number();
    if (field === FIELD.END) break;
    const value = reader.skip(reader.number());
    if (field === FIELD.BYTES) size = value.number();
    else if (field === FIELD.COMPRESSION) compression = value.number();
    else if (field === FIELD.INFLATED_BYTES) inflatedBytes = value.number();
  }
  if (size !== end - reader.pos) throw corrupt('a transaction payload is cut');
  const bytes = buf.subarray(reader.pos, end);
  if (compression === COMPRESSION.ZSTD) return { compression: 'zstd', inflatedBytes, bytes };
  if (compression === COMPRESSION.NONE) return { compression: 'none', inflatedBytes, bytes };
  throw corrupt(`a transaction payload is compressed in an unknown way (${compression})`);
}

/** Gives the events of the payload; null: all are given by now. */
export function unpack(event: RawEvent, o: Unpacked): Promise<void> | null {
  const payload = readPayload(event);
  const { inflatedBytes } = payload;
  const cutter = new EventCutter(inflatedBytes ?? Number.MAX_SAFE_INTEGER, event.logPos);
  const whole = wholeOf(payload);
  if (whole === null) return unpackPieces(payload, cutter, o);
  cutter.push(whole);
  const wait = give(cutter, o);
  if (wait === null) {
    cutter.end(inflatedBytes);
    return null;
  }
  return wait.then(() => giveAll(cutter, o)).then(() => cutter.end(inflatedBytes));
}

async function unpackPieces(payload: Payload, cutter: EventCutter, o: Unpacked): Promise<void> {
  for await (const piece of piecesOf(payload.bytes)) {
    cutter.push(piece);
    await giveAll(cutter, o);
  }
  cutter.end(payload.inflatedBytes);
}

/** Gives events that were kept as bytes. */
export async function giveEvents(
  kept: readonly Buffer[],
  logPos: number,
  o: Unpacked,
): Promise<void> {
  const cutter = new EventCutter(Number.MAX_SAFE_INTEGER, logPos);
  for (const piece of kept) {
    cutter.push(piece);
    await giveAll(cutter, o);
  }
}

/** All events as bytes, where they are there already, or few. */
function wholeOf({ compression, inflatedBytes, bytes }: Payload): Buffer | null {
  if (compression === 'none') return bytes;
  if (inflatedBytes === null || inflatedBytes > AT_ONCE_BYTES) return null;
  let whole: Buffer;
  try {
    whole = zstdDecompressSync(bytes, { maxOutputLength: inflatedBytes });
  } catch (e) {
    throw notInflated(e);
  }
  if (whole.length === inflatedBytes) return whole;
  throw corrupt('a transaction payload inflates to less than it says');
}

async function* piecesOf(bytes: Buffer): AsyncGenerator<Buffer> {
  const inflate = createZstdDecompress({ chunkSize: PIECE_BYTES });
  inflate.end(bytes);
  try {
    yield* inflate;
  } catch (e) {
    throw notInflated(e);
  }
}

/** Gives events until one has to wait for something, and that; null: more bytes are needed. */
function give(cutter: EventCutter, { onEvent, wait }: Unpacked): Promise<void> | null {
  for (;;) {
    const waited = wait();
    if (waited !== null) return waited;
    const event = cutter.next();
    if (event === null) return null;
    if (FOREIGN.has(event.type)) {
      throw corrupt(`a transaction payload holds an event of type ${event.type}`);
    }
    onEvent(event);
  }
}

async function giveAll(cutter: EventCutter, o: Unpacked): Promise<void> {
  for (let wait = give(cutter, o); wait !== null; wait = give(cutter, o)) await wait;
}

function notInflated(cause: unknown): ReshardError {
  return new ReshardError('corrupt', 'a transaction payload cannot be inflated', { cause });
}

/** Bytes of a number by the byte before it. */
const WIDTHS: ReadonlyMap<number, number> = new Map([
  [252, 2],
  [253, 3],
  [254, 8],
]);

/** Numbers of one to nine bytes, as the protocol packs them. */
class PackedReader {
  readonly #buf: Buffer;
  readonly #end: number;
  pos: number;

  constructor(buf: Buffer, start: number, end: number) {
    this.#buf = buf;
    this.pos = start;
    this.#end = end;
  }

  number(): number {
    const first = at(this.#buf, this.skip(1).pos);
    if (first < 251) return first;
    const bytes = WIDTHS.get(first);
    if (bytes === undefined) throw corrupt('a transaction payload has an impossible number');
    const { pos } = this.skip(bytes);
    const value = bytes < 8 ? this.#buf.readUIntLE(pos, bytes) : this.#buf.readBigUInt64LE(pos);
    if (value <= Number.MAX_SAFE_INTEGER) return Number(value);
    throw corrupt('a transaction payload has an impossible number');
  }

  /** A reader of the next bytes alone. */
  skip(bytes: number): PackedReader {
    const start = this.pos;
    this.pos += bytes;
    if (this.pos > this.#end) throw corrupt('a transaction payload is cut');
    return new PackedReader(this.#buf, start, this.pos);
  }
}
