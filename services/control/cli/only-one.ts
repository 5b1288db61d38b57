/**
 * At most one of something on this machine: a socket with a name, which the system closes when its
 * owner ends, however it ends. What a killed owner leaves of it answers nobody and is taken over.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';

export interface Only extends AsyncDisposable {
  /** Process id of the one that has it, if that is another one. */
  readonly other: string | null;
}

export async function onlyOne(name: string): Promise<Only> {
  const place = placeOf(name);
  for (let tries = 0; ; tries++) {
    const server = await listen(place);
    if (server !== null) {
      return {
        other: null,
        [Symbol.asyncDispose]: () => new Promise(resolve => server.close(() => resolve())),
      };
    }
    const other = await ownerOf(place);
    if (other !== null || tries > 0) {
      return { other: other ?? 'unknown', [Symbol.asyncDispose]: async () => {} };
    }
    if (process.platform !== 'win32') rmSync(place, { force: true });
  }
}

function placeOf(name: string): string {
  const id = `reshard-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
  return process.platform === 'win32' ? `\\\\.\\pipe\\${id}` : path.join(os.tmpdir(), `${id}.sock`);
}

/** Null if the place is taken. */
function listen(place: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer(socket => {
      socket.on('error', () => {});
      socket.end(String(process.pid));
    });
    server.once('error', (e: NodeJS.ErrnoException) => {
      if (e.code === 'EADDRINUSE') resolve(null);
      else reject(e);
    });
    server.listen(place, () => resolve(server));
    server.unref();
  });
}

/** A process that is stopped (Ctrl-Z) has its place still, and answers nothing. */
const ANSWER_MS = 1000;

/** What the owner answers; null if there is none any more. */
function ownerOf(place: string): Promise<string | null> {
  return new Promise(resolve => {
    let answer = '';
    const socket = createConnection(place);
    socket.setTimeout(ANSWER_MS, () => {
      socket.destroy();
      resolve('unknown');
    });
    socket.on('data', chunk => {
      answer += chunk;
    });
    socket.once('end', () => resolve(answer));
    socket.once('error', (e: NodeJS.ErrnoException) => {
      resolve(e.code === 'ECONNREFUSED' || e.code === 'ENOENT' ? null : 'unknown');
    });
  });
}
