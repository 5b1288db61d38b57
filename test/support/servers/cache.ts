/**
 * The one folder on this machine that holds downloads, unpacked servers and run folders. An entry
 * is there or it is not: it is built aside and renamed, so that a killed download leaves nothing
 * that looks complete. Two processes that want the same entry build it once, under a lock.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { identityOf, isAlive } from './process-identity.ts';

export type Tell = (line: string) => void;

const LOCK_WAIT_MS = 15 * 60_000;

export function cacheRoot(): string {
  const named = process.env.RESHARD_CACHE;
  if (named) return path.resolve(named);
  const xdg = process.env.XDG_CACHE_HOME;
  return path.join(xdg ? path.resolve(xdg) : path.join(os.homedir(), '.cache'), 'reshard');
}

/** The folder of an entry; `build` fills it the first time. */
export async function cached(
  name: string,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = path.join(cacheRoot(), name);
  if (existsSync(folder)) return folder;
  await mkdir(path.dirname(folder), { recursive: true });
  await using _lock = await lock(`${folder}.lock`);
  if (existsSync(folder)) return folder;
  const aside = `${folder}.part`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true });
  await build(aside);
  await rename(aside, folder);
  return folder;
}

/** Says every few seconds how big a growing folder is: progress of a quiet download. */
export async function withProgress<T>(
  tell: Tell,
  what: string,
  folder: string,
  work: () => Promise<T>,
): Promise<T> {
  tell(what);
  const begun = performance.now();
  const timer = setInterval(async () => {
    const mb = (await sizeOf(folder)) / 1048576;
    tell(`${what}: ${mb.toFixed(0)} MB`);
  }, 4000);
  try {
    const result = await work();
    const seconds = (performance.now() - begun) / 1000;
    const mb = (await sizeOf(folder)) / 1048576;
    tell(`${what}: done, ${mb.toFixed(0)} MB in ${seconds.toFixed(1)} s`);
    return result;
  } finally {
    clearInterval(timer);
  }
}

async function sizeOf(folder: string): Promise<number> {
  let total = 0;
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = await stat(path.join(entry.parentPath, entry.name)).catch(() => undefined);
    total += file?.size ?? 0;
  }
  return total;
}

/** A folder as a lock: creating one is atomic everywhere. A dead holder's lock is taken over. */
async function lock(folder: string): Promise<AsyncDisposable> {
  const holder = path.join(folder, 'holder');
  const end = performance.now() + LOCK_WAIT_MS;
  for (;;) {
    try {
      await mkdir(folder);
      await writeFile(holder, JSON.stringify(identityOf(process.pid)));
      return {
        async [Symbol.asyncDispose]() {
          await rm(folder, { recursive: true, force: true });
        },
      };
    } catch (e) {
      if (!(e instanceof Error && 'code' in e && e.code === 'EEXIST')) throw e;
    }
    if (await isAbandoned(folder, holder)) await rm(folder, { recursive: true, force: true });
    if (performance.now() > end) {
      throw new ReshardError('config', `another process has held ${folder} for too long`, {
        remedy: `if none is running, delete ${folder}`,
      });
    }
    await sleep(200);
  }
}

async function isAbandoned(folder: string, holder: string): Promise<boolean> {
  const text = await readFile(holder, 'utf8').catch(() => undefined);
  if (text) return !isAlive(JSON.parse(text));
  // Between mkdir and the holder's file: give it a moment.
  const made = await stat(folder).catch(() => undefined);
  return made !== undefined && Date.now() - made.mtimeMs > 10_000;
}
