/**
 * The one way from our own Kafka protocol to a broker. Above it we make and read all bytes of
 * requests and answers ourselves (docs/KAFKA.md says why); below it is whoever keeps a connection:
 * TLS, login, framing, time-outs, and which answer belongs to which request. Another library, or
 * none, is another implementation of this interface.
 *
 * The contract:
 * - Order: requests of one wire are sent in the order of the calls and answered in that order.
 *   Calls may overlap. Whoever must not be held up by a long poll has a wire of its own.
 * - Bytes: the parts of a request are sent one after the other without a copy, so they must stay
 *   unchanged until it is answered. An answer is a buffer that belongs to the caller.
 * - Failure: any failure (lost connection, time-out, refused login) closes the wire for good, and
 *   rejects all that wait with `unreachable` or `denied`. Whether a request took effect is then not
 *   known. An answer that comes late meets nobody: a closed wire never opens again.
 * - Nothing is sent twice, and no answer is judged: codes inside it are for the caller.
 * - Bounds: every request ends by its time-out, or that of the connection.
 */
import type { Api } from './wire-format.ts';

/** One connection to one broker: requests are answered in their order. */
export interface Wire {
  readonly address: string;
  readonly closed: boolean;
  /** Sends a request whose body is `parts` one after the other, gives the body of the answer. */
  request(api: Api, parts: readonly Uint8Array[]): Promise<Buffer>;
  /** The broker asks for silence (quota). */
  throttle(ms: number): void;
  close(): void;
}
