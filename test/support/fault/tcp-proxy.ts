/**
 * A network that tests can break: it carries the connections of our services to one server. Two
 * ways to be down, since a program can meet either: `cut` (connections reset, new ones refused)
 * and `silence` (nothing arrives and nobody is told, as when a cable is pulled). Closing a socket
 * is not enough to test with: it is the one fault of a network that is reported at once.
 */
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { BreakableNetwork } from './network.ts';

type Mode = 'up' | 'cut' | 'silent';

/** The two halves of a carried connection; a half is undefined once its peer has let go. */
interface Carried {
  client: Socket | undefined;
  server: Socket | undefined;
}

export class TcpProxy implements BreakableNetwork {
  readonly host = '127.0.0.1';
  #port = 0;
  #mode: Mode = 'up';
  #listener: Server | undefined;
  readonly #target: { host: string; port: number };
  readonly #carried = new Set<Carried>();

  private constructor(target: { host: string; port: number }) {
    this.#target = { host: target.host, port: target.port };
  }

  static async open(target: { host: string; port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  get connections(): number {
    return this.#carried.size;
  }

  /** Resets what is carried, refuses what is new. */
  async cut(): Promise<void> {
    this.#mode = 'cut';
    const listener = this.#listener;
    this.#listener = undefined;
    for (const pair of this.#carried) this.#reset(pair);
    if (listener !== undefined) await new Promise(resolve => listener.close(resolve));
  }

  /** Carries nothing more, and says so to nobody. */
  async silence(): Promise<void> {
    this.#mode = 'silent';
    for (const { client, server } of this.#carried) {
      client?.pause();
      server?.pause();
    }
  }

  /** The server's side forgets what is carried; the clients are never told. */
  async forget(): Promise<void> {
    for (const pair of this.#carried) {
      const { server } = pair;
      pair.server = undefined;
      server?.resetAndDestroy();
    }
  }

  /** Up again. After a silence what is carried goes on, unless one end has given up meanwhile. */
  async heal(): Promise<void> {
    const was = this.#mode;
    this.#mode = 'up';
    if (was === 'cut') await this.#listen();
    for (const pair of this.#carried) {
      pair.client?.resume();
      pair.server?.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cut();
  }

  async #listen(): Promise<void> {
    const listener = createServer({ pauseOnConnect: false }, client => this.#accept(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(this.#port, this.host, resolve);
    });
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('a listener has no port');
    this.#port = address.port;
    this.#listener = listener;
  }

  #accept(client: Socket): void {
    const server = createConnection(this.#target);
    const pair: Carried = { client, server };
    this.#carried.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.#carry(pair, client, 'server');
    this.#carry(pair, server, 'client');
    if (this.#mode !== 'up') {
      client.pause();
      server.pause();
    }
  }

  /** Carries what `from` says to the other half; its end ends the other, except in a silence. */
  #carry(pair: Carried, from: Socket, other: 'client' | 'server'): void {
    from.on('data', chunk => {
      const to = pair[other];
      // A peer that has forgotten the connection answers a packet by a reset.
      if (to === undefined) from.resetAndDestroy();
      else if (!to.write(chunk)) from.pause();
    });
    from.on('drain', () => {
      if (this.#mode === 'up') pair[other]?.resume();
    });
    from.on('error', () => undefined);
    from.on('end', () => {
      if (this.#mode === 'up') pair[other]?.end();
    });
    from.on('close', () => {
      const own = other === 'client' ? 'server' : 'client';
      const told = pair[own] === from && this.#mode === 'up';
      pair[own] = undefined;
      const rest = pair[other];
      if (rest === undefined) this.#carried.delete(pair);
      else if (told) rest.destroy();
    });
  }

  #reset(pair: Carried): void {
    pair.client?.resetAndDestroy();
    pair.server?.resetAndDestroy();
    this.#carried.delete(pair);
  }
}
