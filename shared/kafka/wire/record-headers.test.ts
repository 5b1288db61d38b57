import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeKafka } from '../../../test/support/fake-kafka.ts';
import { PlainWriter } from '../plain-writer.ts';
import type { Batch } from './produce.ts';
import { decodeRecordSet } from './record-set.ts';

// The oracle: the client library's own decoder.
const require = createRequire(import.meta.url);
const decodeTheirs = require('kafkajs/src/protocol/recordBatch/v0/decoder');
const Decoder = require('kafkajs/src/protocol/decoder');

const text = fc.string({ unit: 'binary', maxLength: 200 });
// The library keeps headers in a plain object, where `toString` is not a name like others.
const name = text.map(s => `h${s}`);
const headers = fc.uniqueArray(fc.tuple(name, text), { maxLength: 80, selector: ([n]) => n });
const record = fc.record({ value: text, headers: fc.option(headers, { nil: undefined }) });

test('headers of any number reach the log as they are, beside records without any', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 20 }), async list => {
      const kafka = new FakeKafka({ 't/0': 1 });
      let sent: Batch | undefined;
      kafka.beforeProduce = (_, batches) => {
        const [batch] = batches;
        if (batch) sent = { ...batch, bytes: Buffer.from(batch.bytes) };
      };
      const writer = new PlainWriter(kafka, { maxBatchBytes: 1 << 20 });
      const records = list.map(r => ({
        key: Buffer.from('k'),
        value: r.value === '' ? null : Buffer.from(r.value),
        ...(r.headers ? { headers: r.headers } : {}),
      }));
      await writer.send('t', 0, records);
      if (sent === undefined) throw new Error('nothing was sent');
      const theirs = await decodeTheirs(new Decoder(sent.bytes));
      for (const [i, r] of list.entries()) {
        expect(String(theirs.records[i].value)).toBe(
          r.value === '' ? 'null' : String(Buffer.from(r.value)),
        );
        const expected = (r.headers ?? []).map(([n, t]) => [
          String(Buffer.from(n)),
          String(Buffer.from(t)),
        ]);
        const found = Object.entries<Buffer>(theirs.records[i].headers);
        expect(found.map(([n, t]) => [n, String(t)]).sort()).toEqual(expected.sort());
      }
      const set = { topic: 't', partition: 0, buf: sent.bytes, start: 0, end: sent.bytes.length };
      const { fetchedBatches } = decodeRecordSet({ ...set, wanted: 0, aborted: [] });
      expect(fetchedBatches.reduce((n, s) => n + s.count, 0)).toBe(list.length);
      const [own] = fetchedBatches;
      for (const [i, r] of list.entries()) {
        for (const [n, t] of r.headers ?? []) {
          expect(own?.header(i, Buffer.from(n))?.equals(Buffer.from(t))).toBe(true);
        }
        expect(own?.header(i, Buffer.from('another'))).toBe(null);
      }
    }),
  );
});
