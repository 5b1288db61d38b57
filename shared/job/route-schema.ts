/** Routes as the job file says them. */
import { z } from 'zod';

const column = z.string().min(1);
const value = z.union([z.string(), z.number().int()]).transform(v => `${v}`);
const target = z.string().describe('name of a target');

const modulus = z.strictObject({
  kind: z.literal('modulus').describe('target number = column modulo the number of targets'),
  column: column.describe('integer column, NOT NULL, in every table'),
});

const hash = z.strictObject({
  kind: z.literal('hash').describe('columns are hashed to 4,096 slots, slots belong to targets'),
  columns: z
    .union([column.transform(c => [c]), z.array(column).min(1)])
    .describe('one or more NOT NULL columns: integers, decimals, dates and times, texts, bytes'),
  weights: z
    .record(target, z.number().min(0))
    .optional()
    .describe('share of each target, by name; by default all have the same'),
});

const range = z.strictObject({
  kind: z.literal('range').describe('values in order, cut at bounds'),
  column: column.describe('NOT NULL: integer, date, datetime, timestamp, text or bytes'),
  ranges: z
    .array(
      z.strictObject({
        below: value.optional().describe('the first value that is no more of this range'),
        target,
      }),
    )
    .min(1)
    .describe('in ascending order; the last one has no `below`'),
});

const list = z.strictObject({
  kind: z.literal('list').describe('each value has its target'),
  column: column.describe('NOT NULL: integer, date, text or bytes'),
  values: z.record(target, z.array(value).min(1)).describe('by target, the values that go there'),
  otherwise: target
    .optional()
    .describe('target of values that are not listed; without it such a row is an error'),
});

const pinned = z.strictObject({
  kind: z.literal('target').describe('all rows go to one target'),
  target,
});

const all = z.strictObject({
  kind: z.literal('all').describe('each row goes to every target'),
});

export const route = z.discriminatedUnion('kind', [modulus, hash, range, list, pinned, all]);

export type RouteSpec = z.output<typeof route>;
