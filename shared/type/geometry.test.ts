/** Spatial values that are none. */
import { expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import { GEOMETRY } from './geometry.ts';

const CODEC = GEOMETRY.codec({ kind: 'geometry', form: 'geometry' }, { table: 't', column: 'g' });

test('one of no bytes, which a lenient session makes of NULL, is not carried and says how to go on', () => {
  const row = Buffer.alloc(4);
  const out = new ByteWriter(16);
  for (const read of [() => CODEC.fromText(row, 0, 0, out), () => CODEC.fromBinlog(row, 0, out)]) {
    expect(read).toThrow(
      expect.objectContaining({
        kind: 'value-not-carried',
        remedy: expect.stringContaining('LENGTH(column) = 0'),
      }),
    );
  }
});

test('one that is shorter than its reference system is corrupt', () => {
  const read = (): void => CODEC.fromText(Buffer.alloc(3), 0, 3, new ByteWriter(16));
  expect(read).toThrow(expect.objectContaining({ kind: 'corrupt' }));
});
