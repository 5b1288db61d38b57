import { createRequire } from 'node:module';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { murmur2, partitionOf } from './partition.ts';
import { tableTopic } from './topic-name.ts';
import { crc32c } from './wire/crc32c.ts';

const require = createRequire(import.meta.url);
const theirMurmur2 = require('kafkajs/src/producer/partitioners/default/murmur2');
const theirCrc32c = require('kafkajs/src/protocol/recordBatch/crc32C');
const { DefaultPartitioner } = require('kafkajs').Partitioners;

const bytes = fc.uint8Array({ maxLength: 200 });

test('crc32c: vectors of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i)))).toBe(0x46dd794e);
  expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)))).toBe(0x113fdb5c);
  expect(crc32c(Buffer.alloc(0))).toBe(0);
});

test('crc32c: equals the library at every alignment and range', () => {
  fc.assert(
    fc.property(bytes, fc.nat({ max: 20 }), fc.nat({ max: 20 }), (data, before, after) => {
      const start = Math.min(before, data.length);
      const end = Math.max(start, data.length - after);
      expect(crc32c(data, start, end)).toBe(theirCrc32c(Buffer.from(data.subarray(start, end))));
    }),
  );
});

test('murmur2 equals the library', () => {
  fc.assert(
    fc.property(bytes, data => {
      expect(murmur2(data)).toBe(theirMurmur2(Buffer.from(data)));
    }),
  );
});

test('partition equals the one that the default partitioner of Kafka clients chooses', () => {
  const partitioner = DefaultPartitioner();
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 64 }), (data, partitions) => {
      const key = Buffer.from(data);
      const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
        partitionId,
        leader: 0,
      }));
      const theirs = partitioner({ topic: 't', partitionMetadata, message: { key } });
      expect(partitionOf(key, 0, key.length, partitions)).toBe(theirs);
    }),
  );
});

test('topic names are injective and legal for any MySQL name', () => {
  expect(tableTopic('s1', 'shop', 'order_items')).toBe('s1.shop.order_items');
  expect(tableTopic('s1', 'a.b', 'c')).not.toBe(tableTopic('s1', 'a', 'b.c'));
  const names = fc.string({ minLength: 1, maxLength: 8, unit: fc.constantFrom(...'ax0_2.é5e$') });
  fc.assert(
    fc.property(names, names, names, names, (d1, t1, d2, t2) => {
      const one = tableTopic('p', d1, t1);
      expect(one).toMatch(/^[A-Za-z0-9._-]+$/);
      expect(one === tableTopic('p', d2, t2)).toBe(d1 === d2 && t1 === t2);
    }),
  );
});
