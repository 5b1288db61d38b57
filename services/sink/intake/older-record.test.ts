/** Records of before a table grew are read as if they had been written today. */
import { expect, test } from 'vitest';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { RowCodec } from '../../../shared/row/row-codec.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { LogMaker, SCHEMA_IDS } from '../../../test/support/sink/log-maker.ts';
import { hasUnknownSchema, inPresentShape } from './older-record.ts';
import { RoutedBatch } from './routed-batch.ts';
import { SinkTable } from './sink-table.ts';

const column = (name: string, nullable = false): Column => ({
  name,
  type: { kind: 'integer', bits: 32, unsigned: false },
  nullable,
  autoIncrement: false,
  generated: 'no',
  invisible: false,
});

const [id, n, came] = [column('id'), column('n', true), column('came', true)];
const OLD: TableSchema = { db: 'd', table: 't', columns: [id, n], primaryKey: [0], uniqueKeys: [] };
const NOW: TableSchema = { ...OLD, columns: [came, id, n], primaryKey: [1] };
const IDS = { ...SCHEMA_IDS, valueSchemaId: 9 };

const codec = new RowCodec(NOW);

function sinkTable(ids = IDS): SinkTable {
  return new SinkTable(
    {
      topic: 's.d.t',
      source: 's',
      schema: NOW,
      ...ids,
      older: [{ schemaJson: JSON.stringify(OLD), valueSchemaId: SCHEMA_IDS.valueSchemaId }],
    },
    { route: new ModulusRoute(NOW, 'id', 2) },
  );
}

const oldLog = (): LogMaker =>
  new LogMaker(OLD, 's.d.t', 0)
    .append({ op: 'c', after: [1, 5] })
    .append({ op: 'u', before: [1, 5], after: [2, null] })
    .append({ op: 'd', before: [2, null] })
    .appendTombstone([3, 0]);

test('rows have NULL in what came later; versions, routes, offsets and tombstones stay', () => {
  const fetched = oldLog().fetched();
  const routed = new RoutedBatch(sinkTable(), inPresentShape(sinkTable(), fetched), 0, () => {});
  expect([routed.error, routed.unreadable.size, routed.count]).toEqual([null, 0, 4]);
  const row = (i: number): unknown[] => codec.toJs(routed.fetched.buf, routed.rowStart[i] ?? 0);
  expect([row(0), row(1)]).toEqual([
    [null, 1, 5],
    [null, 2, null],
  ]);
  expect([...routed.goesTo]).toEqual([1, 0, -1, -1]);
  expect([...routed.leaves].slice(0, 3)).toEqual([-1, 1, 0]);
  expect([...routed.ordinal]).toEqual([1, 2, 3, -1]);
  expect([routed.isTombstone(3), routed.position, routed.fetched.offset(3)]).toEqual([true, 4, 3]);
});

test('a batch without any is handed on as it is', () => {
  const fetched = new LogMaker(NOW, 's.d.t', 0, IDS)
    .append({ op: 'c', after: [7, 1, 5] })
    .fetched();
  expect(inPresentShape(sinkTable(), fetched)).toBe(fetched);
  expect(hasUnknownSchema(sinkTable(), fetched)).toBe(false);
});

test('what is of no known schema is told, and left to block its key', () => {
  const fetched = new LogMaker(NOW, 's.d.t', 0, { ...IDS, valueSchemaId: 10 })
    .append({ op: 'c', after: [7, 1, 5] })
    .fetched();
  expect(hasUnknownSchema(sinkTable(), fetched)).toBe(true);
  expect(hasUnknownSchema(sinkTable(), oldLog().fetched())).toBe(false);
  const routed = new RoutedBatch(sinkTable(), inPresentShape(sinkTable(), fetched), 0, () => {});
  expect(routed.unreadable.size).toBe(1);
});
