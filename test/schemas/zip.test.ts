import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { unzipped } from './zip.ts';

/** An archive as `jar` writes it: entries, their directory, the end. */
function zipOf(files: Record<string, string>, comment = ''): Buffer {
  const entries: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    const isPacked = text.length > 20;
    const content = isPacked ? deflateRawSync(Buffer.from(text)) : Buffer.from(text);
    const facts = Buffer.alloc(20);
    facts.writeUInt16LE(isPacked ? 8 : 0, 4);
    facts.writeUInt32LE(content.length, 12);
    facts.writeUInt32LE(text.length, 16);
    const extra = Buffer.from('extra');
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04'),
      facts.subarray(0, 2),
      Buffer.alloc(24),
    ]);
    local.writeUInt16LE(name.length, 26);
    local.writeUInt16LE(extra.length, 28);
    entries.push(local, Buffer.from(name), extra, content);
    const entry = Buffer.concat([
      Buffer.from('PK\x01\x02'),
      Buffer.alloc(2),
      facts,
      Buffer.alloc(20),
    ]);
    entry.writeUInt16LE(isPacked ? 8 : 0, 10);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(text.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, Buffer.from(name));
    at += local.length + name.length + extra.length + content.length;
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...entries, ...directory, end, Buffer.from(comment)]);
}

const FILES = { 'a/short.sql': 'SELECT 1', 'a/long.sql': 'SELECT 2;'.repeat(500), 'b.class': 'x' };

test('the entries that are wanted come out whole, packed or stored', () => {
  for (const comment of ['', 'a comment behind the end']) {
    const found = unzipped(zipOf(FILES, comment), name => name.endsWith('.sql'));
    expect(Object.fromEntries([...found].map(([n, b]) => [n, `${b}`]))).toEqual({
      'a/short.sql': FILES['a/short.sql'],
      'a/long.sql': FILES['a/long.sql'],
    });
  }
});

test('an archive that is cut is refused', () => {
  const archive = zipOf(FILES);
  expect(() => unzipped(archive.subarray(0, archive.length - 30), () => true)).toThrow(
    /not a whole/,
  );
});
