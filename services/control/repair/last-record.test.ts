/** What a log that has no record of a key lets be said of the row. */
import { expect, test } from 'vitest';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { type Said, TopicEnd } from './last-record.ts';

const column = {
  nullable: false,
  autoIncrement: false,
  generated: 'no',
  invisible: false,
} as const;
const schema: TableSchema = {
  ...{ db: 'd', table: 't', primaryKey: [0], uniqueKeys: [] },
  columns: [{ name: 'id', type: { kind: 'integer', bits: 64, unsigned: false }, ...column }],
};
const PLAN: TablePlan = {
  ...{ generation: 1, source: 's1', db: 'd', table: 't', topic: 's1.d.t', schema, ranges: [] },
  ...{ schemaJson: JSON.stringify(schema), keySchemaId: 1, valueSchemaId: 2, estimatedRows: 0 },
};
const KEY = 'k';

/** Of a log that has all its records by an offset, and none of the key. */
async function said(plan: TablePlan, isCompacted = false, earliest = 0): Promise<Said> {
  const kafka = {
    offsets: async () => [{ partition: 0, earliest, latest: earliest }],
    highWatermarks: async () => [earliest],
    reader: () => Promise.reject(new Error('nothing is to be read')),
  };
  const end = new TopicEnd(kafka, plan, schema, { records: 9, keys: [KEY], isCompacted });
  expect(await end.read(0, KEY, 1)).toBe(true);
  return end.said(0, KEY);
}

test('a log that is whole has no record of it', async () => {
  expect(await said(PLAN)).toBe('none');
  expect(await said({ ...PLAN, copiedFrom: [] })).toBe('none');
  // Copied anew, through the topic of before.
  expect(await said({ ...PLAN, generation: 2, copiedFrom: [7] })).toBe('none');
});

test('records that are gone are not known: compacted away, or trimmed', async () => {
  expect(await said(PLAN, true)).toBe('beyond');
  expect(await said(PLAN, false, 5)).toBe('beyond');
});

test('a topic that was made anew has none of the deletes of before', async () => {
  expect(await said({ ...PLAN, generation: 2, copiedFrom: [0] })).toBe('anew');
});
