/** Marks of transactions whose events a live sink does not make. */
import { expect, test } from 'vitest';
import type { RecordSlices } from '../../../shared/kafka/wire/record-slices.ts';
import type { SeenColumn } from '../../../shared/type/seen-column.ts';
import { SMALL_TABLE } from '../../../test/support/sink/small-table.ts';
import { CapturedTable } from './captured-table.ts';
import { Origin } from './origin.ts';
import { OwnTable } from './own-table.ts';

const COLUMN = { metadata: { max_length: 90 }, unsigned: false, charset: null, values: [] };
const GTID = { source: 'a', number: 1, server: 0 };

function columns(...names: string[]): SeenColumn[] {
  const codes: Record<string, number> = { part: 3, next_offset: 8, row_key: 252 };
  return names.map(name => {
    const metadata = name === 'row_key' ? { length_size: 4 } : COLUMN.metadata;
    return { ...COLUMN, name, code: codes[name] ?? 15, metadata };
  });
}

function own(name: string, ...names: string[]): OwnTable {
  const table = OwnTable.of(name, () => ({ columns: columns(...names), primaryKey: [] }));
  if (table === null) throw new Error(`${name} is no table of ours`);
  return table;
}

const OFFSET = own('reshard_offset', 'topic', 'part', 'next_offset', 'job_id');
const PARK = own('reshard_park', 'topic', 'part', 'row_key', 'job_id');

function image(...values: (string | number | bigint | Buffer)[]): Buffer {
  const parts = values.map(v => {
    const fixed = Buffer.alloc(typeof v === 'bigint' ? 8 : 4);
    if (typeof v === 'bigint') fixed.writeBigInt64LE(v);
    else fixed.writeUInt32LE(typeof v === 'number' ? v : v.length);
    if (typeof v === 'string') return Buffer.concat([Buffer.from([v.length]), Buffer.from(v)]);
    return Buffer.isBuffer(v) ? Buffer.concat([fixed, v]) : fixed;
  });
  return Buffer.concat([Buffer.from([0]), ...parts]);
}

function stream(partitions = 2) {
  const marks: string[] = [];
  const table = new CapturedTable({
    ...{ schema: SMALL_TABLE, generation: 1, prefix: 't1', topic: 't1.d.t', partitions },
    ...{ keyClasses: [], keySchemaId: 1, valueSchemaId: 2, maxMessageBytes: 1 << 20 },
    skipped: null,
  });
  const origin = new Origin({
    flavor: 'mysql',
    marks: { encode: ({ topic, partition }) => Buffer.from(`${topic}[${partition}]`) },
    tables: new Map([['t', table]]),
    sink: {
      epoch: 1,
      nextOrdinal: () => 1,
      append: (topic, partition, { headers }: RecordSlices) => {
        const [header] = headers === undefined ? [] : [headers].flat();
        const { next, more, waits, left } = JSON.parse(header?.buf.toString() ?? '');
        const rest = left > 0 ? `, ${left} left` : '';
        marks.push(`${topic}[${partition}] ${next} ${more ? 'more' : waits.length}${rest}`);
      },
    },
  });
  const take = (own: OwnTable, op: 'c' | 'u' | 'd', ...images: Buffer[]): void => {
    const buf = Buffer.concat(images);
    origin.take(own, op, { buf, pos: 0, end: buf.length });
  };
  return { origin, marks, take };
}

test('what waits is changed by hand, without a position: nothing is marked', () => {
  const { origin, marks, take } = stream();
  take(PARK, 'd', image('s1.d.t', 1, Buffer.from('k'), 'j'));
  expect(origin.header).toBe(undefined);
  origin.commit(GTID, 5);
  take(OFFSET, 'c', image('s1.d.t', 1, 7n, 'j'));
  origin.commit(GTID, 5);
  expect(marks).toEqual(['t1.d.t[1] 7 0']);
});

test('marks are of tables and partitions that are captured, each by the image after', () => {
  const { origin, marks, take } = stream(1);
  const at = (topic: string, part: number, next: bigint) => image(topic, part, next, 'j');
  take(
    OFFSET,
    'u',
    at('s1.d.t', 0, 1n),
    at('s1.d.t', 0, 2n),
    at('s2.d.t', 0, 3n),
    at('s2.d.t', 0, 4n),
  );
  take(OFFSET, 'c', at('s1.d.t', 1, 5n), at('s1.d.u', 0, 6n));
  expect(origin.header?.buf.toString()).toBe('j');
  origin.commit(GTID, 5);
  expect(marks).toEqual(['t1.d.t[0] 2 0, 1 left', 't1.d.t[0] 4 0']);
});

test('more keys than a record has room for are not listed in part', () => {
  const { origin, marks, take } = stream();
  take(OFFSET, 'u', image('s1.d.t', 0, 1n, 'j'), image('s1.d.t', 0, 2n, 'j'));
  for (let i = 0; i < 100; i++) take(PARK, 'c', image('s1.d.t', 0, Buffer.alloc(3000, i), 'j'));
  origin.commit(GTID, 5);
  expect(marks).toEqual(['t1.d.t[0] 2 more']);
});
