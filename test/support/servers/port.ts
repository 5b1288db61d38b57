/**
 * Free ports. They are tried by binding, below the range from which the system takes ports for
 * outgoing connections: a server that is killed and started again must find its port free, and
 * a port that "bind to 0" gave would by then be taken by one of thousands of client sockets.
 * None is given twice by one process: between a port and its server may lie a download, and another
 * server that is started meanwhile would find it free.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { ReshardError } from '../../../shared/runtime/error.ts';

const LOWEST = 12_000;
const HIGHEST = 32_000;
const TRIES = 500;

const given = new Set<number>();

export async function freePorts(count: number): Promise<number[]> {
  const held: { port: number; release: () => Promise<void> }[] = [];
  for (let i = 0; i < TRIES && held.length < count; i++) {
    const port = randomInt(LOWEST, HIGHEST);
    if (given.has(port)) continue;
    given.add(port);
    const release = await hold(port);
    if (release) held.push({ port, release });
  }
  // All are held until all are found, so that none is given twice.
  await Promise.all(held.map(h => h.release()));
  if (held.length < count) {
    throw new ReshardError('config', `found no ${count} free ports below ${HIGHEST}`);
  }
  return held.map(h => h.port);
}

function hold(port: number): Promise<(() => Promise<void>) | undefined> {
  const server = createServer();
  return new Promise(resolve => {
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () =>
      resolve(() => new Promise(done => server.close(() => done()))),
    );
  });
}
