/** I8: an event that takes longer than the watchdog is not taken for a dead connection. */
import { createConnection, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { commonServer } from '../support/dev.ts';
import { BinlogRig } from './binlog-rig.ts';

const MB = 1024 * 1024;
const BYTES_PER_MS = 1500;
const ROW = 24 * MB;

test('a row that is 16 seconds on its way arrives, and is sent once', async () => {
  const s1 = commonServer('s1');
  await using line = await slowLine(s1);
  await using rig = await BinlogRig.open({
    name: 'slow',
    tables: [{ name: 't', sql: 'CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v LONGBLOB)' }],
    options: { maxMessageBytes: 64 * MB },
    via: line,
  });
  await rig.sql(`INSERT INTO t VALUES (1, REPEAT('x', ${ROW})), (2, NULL)`);
  const begun = performance.now();
  await using _ = rig.start();
  await rig.untilCaughtUp(60_000);
  expect(performance.now() - begun).toBeGreaterThan(ROW / BYTES_PER_MS);
  const records = await rig.records('t');
  expect(records.map(r => Number(r.after?.[0])).sort()).toEqual([1, 2]);
  expect(line.carried()).toBeLessThan(1.5 * ROW);
});

interface SlowLine extends AsyncDisposable {
  host: string;
  port: number;
  /** Bytes from the server so far. */
  carried(): number;
}

/** Carries what the server says at no more than a rate. */
async function slowLine(target: { host: string; port: number }): Promise<SlowLine> {
  let carried = 0;
  const open = new Set<Socket>();
  const listener = createServer(client => {
    const server = createConnection(target);
    for (const socket of [client, server]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    client.pipe(server);
    server.on('data', chunk => {
      carried += chunk.length;
      client.write(chunk);
      server.pause();
      setTimeout(() => server.resume(), chunk.length / BYTES_PER_MS);
    });
  });
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('a listener has no port');
  return {
    host: '127.0.0.1',
    port: address.port,
    carried: () => carried,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise(resolve => listener.close(resolve));
    },
  };
}
