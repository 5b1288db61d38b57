/** Routes as the job file says them. */
import { z } from 'zod';
import { pureFunction } from '../route/pure-function.ts';
import { slotRun } from '../route/slots.ts';
import { describeError } from '../runtime/error.ts';

const column = z.string().min(1);
const value = z.union([z.string(), z.number().int()]).transform(v => `${v}`);
const target = z.string().describe('name of a target');

/** Characters: it is part of the job's identity, which every member keeps. */
const CODE_MAX = 65_536;
const NO_WEIGHT = 'no target has a weight above 0';

function hasWeight(weights: Record<string, number>): boolean {
  return Object.values(weights).some(w => w > 0);
}

function isRun(text: string): boolean {
  return slotRun(text) !== null;
}

/** Whether no slot is in two of the runs. */
function areApart(moves: Record<string, string>): boolean {
  const runs = Object.keys(moves).flatMap(text => slotRun(text) ?? []);
  runs.sort((a, b) => a.from - b.from);
  return !runs.some((run, i) => run.from <= (runs[i - 1]?.to ?? -1));
}

function isReadable(code: string, ctx: z.RefinementCtx): void {
  try {
    pureFunction(code);
  } catch (e) {
    ctx.addIssue({ code: 'custom', message: describeError(e) });
  }
}

const modulus = z.strictObject({
  kind: z.literal('modulus').describe('target number = column modulo the number of targets'),
  column: column.describe('integer column, NOT NULL, in every table'),
});

const columns = z
  .union([column.transform(c => [c]), z.array(column).min(1)])
  .describe('one or more NOT NULL columns: integers, decimals, dates and times, texts, bytes');

const hash = z.strictObject({
  kind: z.literal('hash').describe('columns are hashed to 4,096 slots, slots belong to targets'),
  columns,
  weights: z
    .record(target, z.number().min(0))
    .refine(hasWeight, NO_WEIGHT)
    .optional()
    .describe('share of each target, by name; by default all have the same'),
  moves: z
    .record(z.string().refine(isRun, 'slots are written "0-127", or "7", and end at 4095'), target)
    .refine(areApart, 'a slot is in two of the moves')
    .optional()
    .describe('slots, by number, that belong to another target than the weights say'),
});

const ring = z.strictObject({
  kind: z.literal('ring').describe('a ketama ring, as applications have it that use libketama'),
  columns,
  servers: z
    .record(target, z.string().min(1))
    .optional()
    .describe('what the application calls each target, such as 10.0.0.1:3306; else its name'),
  weights: z
    .record(target, z.number().int().min(0))
    .refine(hasWeight, NO_WEIGHT)
    .optional()
    .describe('weight of each target on the ring, as the application has it; else all are equal'),
});

const jump = z.strictObject({
  kind: z.literal('jump').describe('jump consistent hash: equal shares for targets in their order'),
  columns,
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

const lookup = z
  .strictObject({
    kind: z.literal('lookup').describe('each value has its target, by a file beside the job file'),
    column: column.describe('NOT NULL: integer, date, text or bytes'),
    file: z.string().min(1).describe('a line for each value: `value,target`'),
    otherwise: target.optional().describe('target of values that are not in the file'),
  })
  .transform((_, ctx) => {
    // Whoever has read the file has made a list of it (route-file.ts).
    ctx.addIssue({ code: 'custom', message: 'there is no file beside this text' });
    return z.NEVER;
  });

const byFunction = z.strictObject({
  kind: z.literal('function').describe('a function of the row names the target'),
  columns,
  code: z
    .string()
    .min(1)
    .max(CODE_MAX)
    .superRefine(isReadable)
    .describe('body of a function of `row`, which has the columns as texts: TypeScript'),
});

const pinned = z.strictObject({
  kind: z.literal('target').describe('all rows go to one target'),
  target,
});

const all = z.strictObject({
  kind: z.literal('all').describe('each row goes to every target'),
  from: z
    .string()
    .optional()
    .describe('the source that the rows come from, where there are several: theirs are equal'),
});

export const route = z.discriminatedUnion('kind', [
  modulus,
  hash,
  ring,
  jump,
  range,
  list,
  lookup,
  byFunction,
  pinned,
  all,
]);

/** A route that a job file can say. */
export type StatedRoute = z.output<typeof route>;

/** Of a cluster that grows: the routes that its servers have before and after, in their order. */
export interface MovingSpec {
  kind: 'moving';
  was: StatedRoute;
  is: StatedRoute;
  before: string[];
  after: string[];
}

export type RouteSpec = StatedRoute | MovingSpec;
