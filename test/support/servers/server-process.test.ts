/** What must hold for servers left behind: only ours are ended, and every one of them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { cached } from './cache.ts';
import { freePorts } from './port.ts';
import { identityOf, isAlive } from './process-identity.ts';
import { endServersOf, makeRunFolder } from './run-folder.ts';
import { idFile, ServerProcess } from './server-process.ts';

let folder = '';
let cacheBefore: string | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'reshard-servers-'));
  cacheBefore = process.env.RESHARD_CACHE;
  process.env.RESHARD_CACHE = folder;
});

afterEach(async () => {
  if (cacheBefore === undefined) delete process.env.RESHARD_CACHE;
  else process.env.RESHARD_CACHE = cacheBefore;
  await rm(folder, { recursive: true, force: true });
});

function sleeper(name: string, ready = async () => true): ServerProcess {
  return new ServerProcess({
    name,
    command: process.execPath,
    args: ['-e', 'console.log("up"); setInterval(() => {}, 1000)'],
    folder,
    readyTimeoutMs: 300,
    stopTimeoutMs: 5000,
    ready,
    detached: false,
  });
}

test('a server is stopped, killed and started again', async () => {
  const server = sleeper('one');
  await server.start();
  const first = server.pid;
  expect(first).toBeGreaterThan(0);
  await server.kill();
  expect(server.pid).toBeUndefined();
  await server.start();
  expect(server.pid).not.toBe(first);
  await server.stop();
  expect(server.pid).toBeUndefined();
  expect(existsSync(idFile(folder, 'one'))).toBe(false);
});

test('a server that never serves is ended, and the error shows its log', async () => {
  const server = sleeper('silent', async () => false);
  await expect(server.start()).rejects.toThrow('silent did not serve within 300 ms');
  expect(server.pid).toBeUndefined();
});

test('a server that ends while starting is told at once', async () => {
  const server = new ServerProcess({
    name: 'broken',
    command: process.execPath,
    args: ['-e', 'console.log("no such option"); process.exit(3)'],
    folder,
    readyTimeoutMs: 20_000,
    stopTimeoutMs: 1000,
    ready: async () => false,
    detached: false,
  });
  const error: unknown = await server.start().catch(e => e);
  expect(error).toMatchObject({ remedy: expect.stringContaining('no such option') });
});

test('a process with the id but not the start time of a server is not ended', async () => {
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  const pid = stranger.pid ?? 0;
  await writeFile(idFile(folder, 'old'), JSON.stringify({ pid, started: 'long ago' }));
  expect(await endServersOf(folder)).toBe(0);
  expect(isAlive(identityOf(pid))).toBe(true);
  const ended = once(stranger, 'exit');
  await writeFile(idFile(folder, 'ours'), JSON.stringify(identityOf(pid)));
  expect(await endServersOf(folder)).toBe(1);
  await ended;
});

test('the next run ends the servers of a killed one and removes its folder', async () => {
  const kept = await makeRunFolder(() => {});
  const left = path.join(folder, 'run', 'left');
  const server = sleeper('orphan');
  await server.start();
  const orphan = identityOf(server.pid ?? 0);
  await cached('run/left', async aside => {
    await writeFile(path.join(aside, 'owner.json'), '{"pid":1,"started":"long ago"}');
    await writeFile(idFile(aside, 'orphan'), JSON.stringify(orphan));
  });
  const told: string[] = [];
  await makeRunFolder(line => told.push(line));
  expect(told).toEqual(['cleaned up after a run that was killed (1 servers ended)']);
  await until(() => !isAlive(orphan), { timeoutMs: 5000, what: 'the orphan to end' });
  expect(existsSync(left)).toBe(false);
  expect(existsSync(kept)).toBe(true);
});

test('a cache entry is built once, and a failed build leaves none', async () => {
  await expect(cached('entry', () => Promise.reject(new Error('cut off')))).rejects.toThrow('cut');
  let builds = 0;
  const build = async (aside: string) => {
    builds++;
    await writeFile(path.join(aside, 'file'), 'whole');
  };
  const both = await Promise.all([cached('entry', build), cached('entry', build)]);
  expect(builds).toBe(1);
  expect(both).toEqual([path.join(folder, 'entry'), path.join(folder, 'entry')]);
});

test('ports are free, different, and below those of outgoing connections', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  expect(ports.every(port => port >= 12_000 && port < 32_000)).toBe(true);
});

test('no port is given twice, however late its server begins', async () => {
  const ports: number[] = [];
  for (let i = 0; i < 60; i++) ports.push(...(await freePorts(50)));
  expect(new Set(ports).size).toBe(3000);
});
