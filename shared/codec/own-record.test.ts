import { readdirSync } from 'node:fs';
import avsc from 'avsc';
import { describe, expect, test } from 'vitest';
import { ownRecordReader, pastSchemas } from './own-record.ts';
import { type RecordName, staticSchema } from './record-codec.ts';

const HEADER = Buffer.from([0, 0, 0, 0, 7]);

function encoded(schema: unknown, record: unknown): Buffer {
  const type = avsc.Type.forSchema(schema as avsc.Schema, {});
  return Buffer.concat([HEADER, type.toBuffer(record)]);
}

const REPORT = {
  service: 'sink',
  unit: 't1/0',
  member: 'host:1',
  tsMs: 5,
  state: 'running',
  error: null,
  counters: { rows: 3 },
  detail: '{}',
};

describe('our own records without the registry', () => {
  test('are read whatever the id of their schema is', () => {
    const record = { ...REPORT, incarnation: 'host:1/5/1', jobId: 'shop#1' };
    const read = ownRecordReader('report').decode(encoded(staticSchema('report'), record));
    expect({ ...(read as object) }).toEqual(record);
  });

  test('of each version that there was are read, with what they lack', () => {
    const files = readdirSync(new URL('../../schemas/past', import.meta.url));
    expect(files.filter(f => f.startsWith('report.'))).toHaveLength(pastSchemas('report').length);
    for (const past of pastSchemas('report')) {
      const read = ownRecordReader('report').decode(encoded(past, { ...REPORT, incarnation: '' }));
      expect({ ...(read as object) }).toEqual({ ...REPORT, incarnation: '', jobId: '' });
    }
  });

  test.each<RecordName>(['report', 'state', 'progress'])('%s: what fits no version', name => {
    const reader = ownRecordReader(name);
    for (const bytes of ['', 'x', 'zzzzzzzz']) {
      expect(() => reader.decode(Buffer.concat([HEADER, Buffer.from(bytes)]))).toThrow(
        /no .*\.avsc of this version fits/,
      );
    }
  });
});
