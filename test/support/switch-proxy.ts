/**
 * The proxy between a simulated application and its servers, as a site has one: each server has a
 * port here, and only those of one place let anybody through. The open command of a cutover turns
 * it: connections to the place before are cut, as such a proxy does.
 */
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import net, { type AddressInfo, type Server, type Socket } from 'node:net';

export interface Address {
  host: string;
  port: number;
}

interface Gate {
  server: Server;
  place: string;
  sockets: Set<Socket>;
}

export class SwitchProxy implements AsyncDisposable {
  /** Which place lets connections through; others cut them at once. */
  place: string;
  /** Times that it has been turned. */
  turns = 0;
  readonly #gates: Gate[] = [];
  readonly #ports = new Map<string, Address[]>();
  #http: HttpServer | undefined;
  #port = 0;

  private constructor(place: string) {
    this.place = place;
  }

  /** By place, its servers in their order. */
  static async start(
    places: Record<string, readonly Address[]>,
    begins: string,
  ): Promise<SwitchProxy> {
    const proxy = new SwitchProxy(begins);
    for (const [place, servers] of Object.entries(places)) {
      const ports: Address[] = [];
      for (const server of servers) ports.push(await proxy.#listen(place, server));
      proxy.#ports.set(place, ports);
    }
    await proxy.#serve();
    return proxy;
  }

  /** Where clients find the servers of a place. */
  at(place: string): readonly Address[] {
    return this.#ports.get(place) ?? [];
  }

  /** For a shell: turns it to the place that RESHARD_WAY says. */
  get command(): string {
    return this.#command('');
  }

  /** The same without the turn: it must know that place. */
  get rehearsal(): string {
    return this.#command('?only=ask');
  }

  turn(place: string): void {
    this.place = place;
    this.turns += 1;
    for (const gate of this.#gates) if (gate.place !== place) cut(gate);
  }

  async #listen(place: string, { host, port }: Address): Promise<Address> {
    const sockets = new Set<Socket>();
    const gate: Gate = { server: net.createServer(), place, sockets };
    gate.server.on('connection', client => {
      if (this.place !== place) {
        client.destroy();
        return;
      }
      const server = net.connect(port, host);
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => {});
      }
      const end = (): void => {
        for (const socket of [client, server]) {
          socket.destroy();
          sockets.delete(socket);
        }
      };
      client.pipe(server).pipe(client);
      client.on('close', end);
      server.on('close', end);
    });
    this.#gates.push(gate);
    return await listening(gate.server);
  }

  async #serve(): Promise<void> {
    const http = createHttp((request, response) => {
      const { pathname, search } = new URL(request.url ?? '', 'http://proxy');
      const place = pathname.slice(1);
      const isKnown = this.#ports.has(place);
      if (isKnown && search === '') this.turn(place);
      response.writeHead(isKnown ? 200 : 404).end();
    });
    this.#http = http;
    this.#port = (await listening(http)).port;
  }

  #command(search: string): string {
    const ask = `fetch('http://127.0.0.1:${this.#port}/'+process.env.RESHARD_WAY+'${search}')`;
    const code = `${ask}.then(r=>process.exit(r.ok?0:1),()=>process.exit(1))`;
    return `"${process.execPath}" -e "${code}"`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const gate of this.#gates) {
      cut(gate);
      gate.server.close();
    }
    this.#http?.closeAllConnections();
    this.#http?.close();
  }
}

function cut({ sockets }: Gate): void {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
}

async function listening(server: Server): Promise<Address> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', 4096, resolve);
  });
  const { port }: AddressInfo = address(server);
  return { host: '127.0.0.1', port };
}

function address(server: Server): AddressInfo {
  const found = server.address();
  if (found === null || typeof found === 'string') throw new Error('no port');
  return found;
}
