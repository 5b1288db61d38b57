/**
 * Events out of the bytes of a transaction payload, which come in pieces of any size. An event that
 * is whole in its piece is given as it lies there; only one that goes over the end of a piece is
 * copied together. So no more is held than one piece and one event, whatever the whole is.
 *
 * The events have no checksum of their own (the payload's event has one), and the positions in
 * their headers are of no file: what is given has the position of the payload.
 */
import { corrupt, HEADER_BYTES, LENGTH_AT, type RawEvent, readHeader } from './binlog-event.ts';

const NOTHING: Buffer = Buffer.alloc(0);

export class EventCutter {
  readonly #limit: number;
  readonly #logPos: number;
  readonly #event: RawEvent;
  #piece = NOTHING;
  #pos = 0;
  /** Begin of an event that goes over the end of its piece. */
  #begun: Buffer | null = null;
  #filled = 0;
  /** Bytes of whole events. */
  #cut = 0;

  /** All events together take at most `limit` bytes; `logPos` is given to each. */
  constructor(limit: number, logPos: number) {
    this.#limit = limit;
    this.#logPos = logPos;
    this.#event = {
      type: 0,
      flags: 0,
      timestamp: 0,
      serverId: 0,
      logPos,
      buf: NOTHING,
      start: 0,
      end: 0,
    };
  }

  /** The next piece; the one before is used up. */
  push(piece: Buffer): void {
    this.#piece = piece;
    this.#pos = 0;
  }

  /** The next whole event, good until the next call; null: more bytes are needed. */
  next(): RawEvent | null {
    const begun = this.#begun;
    if (begun !== null) return this.#fill(begun);
    const left = this.#piece.length - this.#pos;
    if (left === 0) return null;
    const length = left < HEADER_BYTES ? null : this.#lengthAt(this.#piece, this.#pos);
    if (length !== null && length <= left) {
      const start = this.#pos;
      this.#pos += length;
      return this.#whole(this.#piece, start, length);
    }
    this.#filled = 0;
    return this.#fill(Buffer.allocUnsafeSlow(length ?? HEADER_BYTES));
  }

  /** Goes on with an event, or with its header, as far as the piece goes. */
  #fill(begun: Buffer): RawEvent | null {
    const bytes = this.#piece.copy(begun, this.#filled, this.#pos);
    this.#pos += bytes;
    this.#filled += bytes;
    this.#begun = begun;
    if (this.#filled < begun.length) return null;
    const length = this.#lengthAt(begun, 0);
    if (length > begun.length) {
      const event = Buffer.allocUnsafeSlow(length);
      begun.copy(event);
      return this.#fill(event);
    }
    this.#begun = null;
    return this.#whole(begun, 0, length);
  }

  #lengthAt(buf: Buffer, start: number): number {
    const length = buf.readUInt32LE(start + LENGTH_AT);
    if (length < HEADER_BYTES) throw corrupt('an event in a transaction payload is cut');
    if (length > this.#limit - this.#cut) {
      throw corrupt('the events of a transaction payload are longer than it says');
    }
    return length;
  }

  #whole(buf: Buffer, start: number, length: number): RawEvent {
    this.#cut += length;
    readHeader(this.#event, buf, start, start + length);
    this.#event.logPos = this.#logPos;
    return this.#event;
  }

  /** No more bytes come. `bytes`: what all events together have to be; null: it was not told. */
  end(bytes: number | null): void {
    if (this.#begun === null && (bytes === null || bytes === this.#cut)) return;
    throw corrupt('a transaction payload ends before its events do');
  }
}
