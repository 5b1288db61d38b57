/**
 * The end of a partition's log taken off the disk of a broker that does not run: what a power loss
 * leaves of records that were acknowledged before they were written through.
 */
import { readdir, readFile, truncate } from 'node:fs/promises';
import path from 'node:path';

const LENGTH_AT = 8;
const BEFORE_LENGTH = 12;

/** Keeps the batches that end below `offset` of a log that is in one segment. */
export async function cutLog(data: string, topic: string, partition: number, offset: number) {
  const folder = path.join(data, `${topic}-${partition}`);
  const [segment, ...more] = (await readdir(folder)).filter(name => name.endsWith('.log'));
  if (segment === undefined || more.length > 0) throw new Error(`${folder} is not one segment`);
  const file = path.join(folder, segment);
  const bytes = await readFile(file);
  let kept = 0;
  while (kept + BEFORE_LENGTH <= bytes.length && Number(bytes.readBigInt64BE(kept)) < offset) {
    kept += BEFORE_LENGTH + bytes.readInt32BE(kept + LENGTH_AT);
  }
  if (kept === 0 || kept >= bytes.length) throw new Error(`nothing to cut from ${file}`);
  await truncate(file, kept);
}
