/** The part of the job file that says how the application goes over to the targets. */
import { z } from 'zod';
import { route } from './route-schema.ts';

const seconds = (least: number, most: number, value: number): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(least).max(most).default(value);

const limits = z.strictObject({
  maxProofAgeMinutes: seconds(1, 10_080, 30).describe(
    'the check that proved a table equal began at most so long ago',
  ),
  maxLagSeconds: seconds(0, 3600, 5).describe('how far the log may be behind a source before'),
  maxLagRecords: seconds(0, 10_000_000, 1000).describe('and a target behind the log'),
  maxStreamAgeSeconds: seconds(1, 3600, 15).describe(
    'with `options.streamingCheck`: each table is known to be equal as of at most so long ago',
  ),
  maxTransactionSeconds: seconds(1, 3600, 5).describe('an older transaction keeps the gate shut'),
  lockSeconds: seconds(1, 10, 2).describe('a try to freeze: new writes wait for so long at most'),
  lockTries: seconds(1, 10, 3).describe('after so many tries it is undone'),
  drainSeconds: seconds(1, 600, 30).describe(
    'until log and targets have all of the frozen sources',
  ),
  markerSeconds: seconds(1, 600, 10).describe(
    'with a way back: until a row of ours on each target is in the log that leads back',
  ),
  compareSeconds: seconds(1, 60, 3).describe(
    'with `options.streamingCheck`: until both logs are compared, inside the write stop',
  ),
  cleanupDelayMinutes: seconds(0, 100_000, 15).describe(
    'of a cluster that has grown: rows stay at their old place for so long after the journal',
  ),
  openSeconds: seconds(1, 3600, 60).describe('how long the open command may take'),
});

/** Off unless it is there: targets need a binary log and more grants, sources more grants. */
const back = z
  .strictObject({
    route: route
      .optional()
      .describe('source of each row on its way back, as `route` says targets; with one source: it'),
    routes: z
      .record(z.string(), route)
      .optional()
      .describe('the same for single tables, by their names'),
  })
  .describe(
    'keep a way back: what the application writes to the targets is carried to the sources',
  );

const account = z
  .string()
  .min(1)
  .transform(text => (text.includes('@') ? text : `${text}@%`))
  .describe('user@host, as mysql.user has it; without a host: %');

const fence = z.discriminatedUnion('kind', [
  z
    .strictObject({ kind: z.literal('read-only') })
    .describe('super_read_only, of the whole server: what is taken where nothing is said'),
  z
    .strictObject({
      kind: z.literal('accounts'),
      lock: z
        .union([z.literal('writers'), z.array(account).min(1)])
        .describe('accounts that are locked: these, or all that may write to tables of the job'),
      spare: z.array(account).default([]).describe('of all that may write: not these'),
    })
    .describe('ACCOUNT LOCK, and an end of their sessions: where nobody may set super_read_only'),
  z
    .strictObject({
      kind: z.literal('hook'),
      command: z
        .string()
        .min(1)
        .describe(
          'shell command; RESHARD_FENCE is freeze, thaw or status, RESHARD_SERVER its name',
        ),
      seconds: seconds(1, 600, 30).describe('how long freeze and thaw may take'),
    })
    .describe('a command of yours'),
]);

export const cutover = z.strictObject({
  probe: z
    .strictObject({ user: z.string(), password: z.string().default('') })
    .optional()
    .describe('an account like that of the application: it must be refused once all is frozen'),
  open: z
    .string()
    .min(1)
    .optional()
    .describe('shell command that lets the application onto the targets; it may run twice'),
  openRehearsal: z
    .string()
    .min(1)
    .optional()
    .describe('shell command for --rehearse: all that `open` does but the switch; changes nothing'),
  fence: fence.optional().describe('by what a server is frozen that the application leaves'),
  fences: z
    .record(z.string(), fence)
    .optional()
    .describe('the same for single sources and targets, by their names'),
  ids: z
    .enum(['server', 'application'])
    .default('server')
    .describe('who makes the values of AUTO_INCREMENT columns after the cutover'),
  limits: limits.prefault({}),
  back: back.optional(),
});

export type CutoverSettings = z.output<typeof cutover>;
export type CutoverLimits = CutoverSettings['limits'];
