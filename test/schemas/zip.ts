/**
 * Entries of a zip archive (a jar) by name, with what Node has: a Java runtime that starts our
 * servers brings no tool to unpack one. Archives of packages are small and whole; one that is
 * encrypted, cut, or above 4 GB is refused.
 */
import { inflateRawSync } from 'node:zlib';
import { ReshardError } from '../../shared/runtime/error.ts';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;

export function unzipped(archive: Buffer, wanted: (name: string) => boolean): Map<string, Buffer> {
  const end = endOf(archive);
  const count = archive.readUInt16LE(end + 10);
  let at = archive.readUInt32LE(end + 16);
  const found = new Map<string, Buffer>();
  for (let i = 0; i < count; i++) {
    if (archive.readUInt32LE(at) !== ENTRY) throw broken();
    const nameBytes = archive.readUInt16LE(at + 28);
    const name = archive.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes);
    if (wanted(name)) found.set(name, contentOf(archive, at));
    at += ENTRY_BYTES + nameBytes + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return found;
}

function contentOf(archive: Buffer, entry: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const packed = archive.readUInt32LE(entry + 20);
  const size = archive.readUInt32LE(entry + 24);
  const local = archive.readUInt32LE(entry + 42);
  const from =
    local + LOCAL_BYTES + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const bytes = archive.subarray(from, from + packed);
  const content = method === 0 ? bytes : inflateRawSync(bytes);
  if (content.length !== size) throw broken();
  return content;
}

/** The last record of the archive; a comment may stand behind it. */
function endOf(archive: Buffer): number {
  for (let at = archive.length - END_BYTES; at >= 0; at--) {
    if (archive.readUInt32LE(at) === END) return at;
  }
  throw broken();
}

function broken(): ReshardError {
  return new ReshardError('config', 'the archive is not a whole zip file', {
    remedy: 'delete its folder in the cache, so that it is fetched again',
  });
}
