import { expect, test } from 'vitest';
import { ByteWriter } from '../runtime/bytes.ts';
import { TimestampCodec } from './temporal.ts';

test('an instant within the first second is not the zero timestamp', () => {
  const codec = new TimestampCodec(2);
  const carried = (image: number[]): unknown => {
    const out = new ByteWriter(64);
    codec.fromBinlog(Buffer.from(image), 0, out);
    return codec.toJs(out.take(), 0);
  };
  expect(carried([0, 0, 0, 0, 25])).toBe('1970-01-01T00:00:00.25Z');
  expect(carried([0, 0, 0, 0, 0])).toBe('0000-00-00T00:00:00.00Z');
});
