/** The links of a namespace break as they say; skipped where no namespace can be made. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Namespace } from './namespace.ts';

const refusal = await Namespace.refusal();
const PORT = 4000;
const ECHO = `require('net').createServer(s => {
  s.on('error', () => {});
  s.on('data', d => s.write(d));
}).listen(${PORT}, '0.0.0.0', () => console.log('up'))`;

let namespace: Namespace;
let stop: () => void = () => undefined;

beforeAll(async () => {
  if (refusal !== undefined) return;
  namespace = await Namespace.open(0);
  const [command = '', ...args] = namespace.command;
  const echo = spawn(command, [...args, process.execPath, '-e', ECHO], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  stop = () => echo.kill('SIGKILL');
  await once(echo.stdout, 'data');
});

afterAll(async () => {
  stop();
  await namespace?.[Symbol.asyncDispose]();
});

class Client {
  heard = '';
  error = '';
  readonly socket: Socket;

  constructor(host = namespace.host) {
    this.socket = createConnection({ host, port: PORT });
    this.socket.on('data', chunk => {
      this.heard += chunk.toString();
    });
    this.socket.on('error', (e: NodeJS.ErrnoException) => {
      this.error = e.code ?? e.message;
    });
  }

  async says(text: string): Promise<void> {
    this.socket.write(text);
    await this.hears(text);
  }

  /** What was sent again in vain waits longer and longer for the next time. */
  hears(text: string): Promise<void> {
    return expect.poll(() => this.heard, { timeout: 10_000 }).toContain(text);
  }

  fails(): Promise<void> {
    return expect.poll(() => this.error, { timeout: 10_000 }).not.toBe('');
  }
}

const moment = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 300));

test.skipIf(refusal)('silence: packets vanish; afterwards it goes on where it was', async () => {
  const client = new Client();
  const judge = new Client(namespace.steadyHost);
  await client.says('one');
  await namespace.silence();
  client.socket.write('two');
  await judge.says('the other link stays');
  await moment();
  expect([client.heard, client.error]).toEqual(['one', '']);
  await namespace.heal();
  await client.hears('onetwo');
  client.socket.destroy();
  judge.socket.destroy();
});

test.skipIf(refusal)('cut: connections are reset, new ones do not get through', async () => {
  const client = new Client();
  const judge = new Client(namespace.steadyHost);
  await client.says('one');
  await namespace.cut();
  await client.fails();
  expect(client.error).toBe('ECONNRESET');
  const late = new Client();
  late.socket.write('two');
  await moment();
  expect(late.heard).toBe('');
  await namespace.heal();
  await new Client().says('three');
  await judge.says('the other link stays');
});

test.skipIf(refusal)('forgotten in a silence: half open, reset at its first word', async () => {
  const client = new Client();
  await client.says('one');
  await namespace.silence();
  await namespace.forget();
  await namespace.heal();
  await moment();
  expect(client.error).toBe('');
  client.socket.write('two');
  await client.fails();
  expect([client.heard, client.error]).toEqual(['one', 'ECONNRESET']);
});
