/**
 * A JVM spends most of a server's start on reading and checking classes. Once for each server they
 * are written to an archive in the cache, which every later start maps instead: a registry then
 * starts with less than half of the CPU. A JVM that cannot use the archive ignores it.
 */
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { cached, type Tell } from './cache.ts';

const FILE = 'classes.jsa';
/** The JVM writes the archive when it is asked to end: on a busy machine that takes its time. */
export const ARCHIVE_MS = 180_000;

/**
 * JVM options for a start of the server `name`. `start` starts it with the options that it is given
 * and resolves, when it serves, with the way to end it in order: the archive is written at the end.
 */
export async function classArchive(
  name: string,
  tell: Tell,
  start: (jvm: string[], folder: string) => Promise<() => Promise<void>>,
): Promise<string[]> {
  const folder = await cached(`${name}-classes`, async aside => {
    tell(`archiving the classes of ${name} (once)`);
    const stop = await start([`-XX:ArchiveClassesAtExit=${path.join(aside, FILE)}`], aside);
    await stop();
    const others = (await readdir(aside)).filter(entry => entry !== FILE);
    for (const entry of others) await rm(path.join(aside, entry), { recursive: true });
  });
  const archive = path.join(folder, FILE);
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : [];
}
