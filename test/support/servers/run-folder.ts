/**
 * Where the servers of one run keep data and logs. Each run folder names its owner; the next run
 * ends the servers and removes the folders of owners that are gone. Folders of detached servers
 * have no owner and stay until they are taken down.
 */

import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { until } from '../../../shared/runtime/clock.ts';
import { cacheRoot, type Tell } from './cache.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';

const OWNER = 'owner.json';

function runsFolder(): string {
  return path.join(cacheRoot(), 'run');
}

export function namedRunFolder(name: string): string {
  return path.join(cacheRoot(), name);
}

/** A new folder for the servers of this process, after a sweep of what dead ones left. */
export async function makeRunFolder(tell: Tell): Promise<string> {
  await sweep(tell);
  // A short name: a socket's path is limited to about 100 bytes.
  const folder = path.join(runsFolder(), randomUUID().slice(0, 8));
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, OWNER), JSON.stringify(identityOf(process.pid)));
  return folder;
}

async function sweep(tell: Tell): Promise<void> {
  const names = await readdir(runsFolder()).catch(() => []);
  for (const name of names) {
    const folder = path.join(runsFolder(), name);
    const owner = await readIdentity(path.join(folder, OWNER));
    // A folder without an owner's file is being made or being removed by another process.
    if (owner === undefined || isAlive(owner)) continue;
    const ended = await endServersOf(folder);
    tell(`cleaned up after a run that was killed (${ended} servers ended)`);
    await removeFolder(folder);
  }
}

/** Kills every server whose id file is in the folder and that is still the same process. */
export async function endServersOf(folder: string): Promise<number> {
  let ended = 0;
  if (!existsSync(folder)) return 0;
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.process')) continue;
    const server = await readIdentity(path.join(folder, file));
    if (server === undefined || !isAlive(server)) continue;
    process.kill(server.pid, 'SIGKILL');
    await until(() => !isAlive(server), { timeoutMs: 10_000, what: `${file} to end` });
    ended++;
  }
  return ended;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

async function readIdentity(file: string): Promise<ProcessIdentity | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  return text ? JSON.parse(text) : undefined;
}
