/** The faults of the network are what they say: a test that breaks nothing would prove nothing. */
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TcpProxy } from './tcp-proxy.ts';

let proxy: TcpProxy;
let served: Socket[] = [];
const echo = createServer(socket => {
  served.push(socket);
  socket.on('error', () => undefined);
  socket.on('data', chunk => socket.write(chunk));
});

beforeEach(async () => {
  served = [];
  await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve));
  const address = echo.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  proxy = await TcpProxy.open({ host: '127.0.0.1', port: address.port });
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
  await new Promise(resolve => echo.close(resolve));
});

class Client {
  heard = '';
  isClosed = false;
  readonly socket: Socket;

  constructor() {
    this.socket = createConnection({ host: proxy.host, port: proxy.port });
    this.socket.on('data', chunk => {
      this.heard += chunk.toString();
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.isClosed = true;
    });
  }

  async says(text: string): Promise<void> {
    this.socket.write(text);
    await expect.poll(() => this.heard).toContain(text);
  }
}

const moment = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 100));

test('carries both ways, and passes an end on', async () => {
  const client = new Client();
  await client.says('one');
  client.socket.end();
  await expect.poll(() => client.isClosed).toBe(true);
  expect(proxy.connections).toBe(0);
});

test('cut: connections are reset, new ones refused, until it heals', async () => {
  const client = new Client();
  await client.says('one');
  await proxy.cut();
  await expect.poll(() => client.isClosed).toBe(true);
  const refused = createConnection({ host: proxy.host, port: proxy.port });
  const [error] = await once(refused, 'error');
  expect(error.code).toBe('ECONNREFUSED');
  await proxy.heal();
  await new Client().says('two');
});

test('silence: nothing arrives and nobody is told; afterwards it goes on where it was', async () => {
  const client = new Client();
  await client.says('one');
  await proxy.silence();
  client.socket.write('two');
  const late = new Client();
  late.socket.write('three');
  await moment();
  expect([client.heard, client.isClosed]).toEqual(['one', false]);
  expect([late.heard, late.isClosed]).toEqual(['', false]);
  await proxy.heal();
  await expect.poll(() => client.heard).toBe('onetwo');
  await expect.poll(() => late.heard).toBe('three');
});

test('forgotten in a silence: half open for ever, reset at its first word', async () => {
  const client = new Client();
  await client.says('one');
  await proxy.silence();
  await proxy.forget();
  await expect.poll(() => served[0]?.destroyed).toBe(true);
  await proxy.heal();
  await moment();
  expect(client.isClosed).toBe(false);
  client.socket.write('two');
  await expect.poll(() => client.isClosed).toBe(true);
  expect(client.heard).toBe('one');
});
