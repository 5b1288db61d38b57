/**
 * One connection to one broker. The client library keeps TLS, SASL, framing, time-outs and the
 * matching of answers; the bytes of requests are ours and go to the socket without a copy (its own
 * encoder would copy a batch twice into zeroed buffers).
 * After any failure a wire is closed for good: an answer that comes late must meet nobody.
 */
import type { Socket } from 'node:net';
import { ReshardError } from '../../runtime/error.ts';
import type { Wire } from './wire.ts';
import { API, type Api } from './wire-format.ts';

interface QueueEntry {
  entry: {
    apiKey: number;
    apiName: string;
    apiVersion: number;
    correlationId: number;
    resolve: (answer: { payload: Buffer }) => void;
    reject: (e: unknown) => void;
  };
  expectResponse: boolean;
  requestTimeout: number | null;
  sendRequest: () => void;
}

/** What is used of the library's connection class. */
export interface KafkajsConnection {
  clientId: string;
  requestQueue: { push(entry: QueueEntry): void; maybeThrottle(ms: number): void };
  connect(): Promise<unknown>;
  disconnect(): Promise<unknown>;
  authenticate(): Promise<void>;
  isAuthenticated(): boolean;
  isConnected(): boolean;
  nextCorrelationId(): number;
  rejectRequests(e: Error): void;
  setVersions(versions: Record<number, { minVersion: number; maxVersion: number }>): void;
  setSupportAuthenticationProtocol(supported: boolean): void;
}

export class KafkajsWire implements Wire {
  readonly address: string;
  closed = false;
  readonly #connection: KafkajsConnection;
  readonly #socket: Socket;
  readonly #sasl: boolean;

  constructor(connection: KafkajsConnection, socket: Socket, address: string, sasl: boolean) {
    this.#connection = connection;
    this.#socket = socket;
    this.address = address;
    this.#sasl = sasl;
    socket.on('close', () => this.#die());
    socket.on('end', () => this.#die());
    socket.on('error', () => this.#die());
  }

  async request(api: Api, parts: readonly Uint8Array[]): Promise<Buffer> {
    const connection = this.#connection;
    if (this.#sasl && !connection.isAuthenticated() && api.key !== API.apiVersions.key) {
      await connection.authenticate();
    }
    if (this.closed) throw this.#gone(undefined);
    const correlationId = connection.nextCorrelationId();
    const header = requestHeader(api, correlationId, connection.clientId, parts);
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        connection.requestQueue.push({
          entry: {
            apiKey: api.key,
            apiName: api.name,
            apiVersion: api.version,
            correlationId,
            resolve: answer => resolve(answer.payload),
            reject,
          },
          expectResponse: true,
          requestTimeout: api.timeoutMs ?? null,
          sendRequest: () => this.#write(header, parts),
        });
      });
    } catch (e) {
      this.close();
      throw this.#gone(e);
    }
  }

  /** One system call for header and parts; the parts are not copied. */
  #write(header: Buffer, parts: readonly Uint8Array[]): void {
    const socket = this.#socket;
    socket.cork();
    socket.write(header);
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  throttle(ms: number): void {
    if (ms > 0) this.#connection.requestQueue.maybeThrottle(ms);
  }

  close(): void {
    if (!this.closed) this.#socket.destroy();
    this.#die();
  }

  #die(): void {
    if (this.closed) return;
    this.closed = true;
    this.#connection.rejectRequests(new Error('the connection is closed'));
    this.#connection.disconnect().catch(() => {});
  }

  #gone(cause: unknown): ReshardError {
    return new ReshardError('unreachable', `lost the connection to Kafka at ${this.address}`, {
      cause,
    });
  }
}

function requestHeader(
  api: Api,
  correlationId: number,
  clientId: string,
  parts: readonly Uint8Array[],
): Buffer {
  const idBytes = Buffer.byteLength(clientId);
  const header = Buffer.allocUnsafe(14 + idBytes + (api.flexible ? 1 : 0));
  let bytes = header.length - 4;
  for (const part of parts) bytes += part.length;
  header.writeInt32BE(bytes, 0);
  header.writeInt16BE(api.key, 4);
  header.writeInt16BE(api.version, 6);
  header.writeInt32BE(correlationId, 8);
  header.writeInt16BE(idBytes, 12);
  header.write(clientId, 14);
  // No tagged fields; the length of the client id is not compact even here.
  if (api.flexible) header.writeUInt8(0, 14 + idBytes);
  return header;
}
