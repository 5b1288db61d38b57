/** The part of the job file that says how a target becomes a native replica of its source. */
import { z } from 'zod';

export const handover = z
  .strictObject({
    user: z.string().describe('account of the source with REPLICATION SLAVE, for the target'),
    password: z.string().default('').describe('use ${NAME} to take it from the environment'),
    sourceHost: z
      .string()
      .optional()
      .describe('address of the source as the target reaches it; by default that of the source'),
    sourcePort: z.number().int().min(1).max(65535).optional(),
    sourceSsl: z.boolean().default(false).describe('SOURCE_SSL = 1'),
    getSourcePublicKey: z
      .boolean()
      .default(true)
      .describe('GET_SOURCE_PUBLIC_KEY = 1, for caching_sha2_password without SSL'),
    drainSeconds: z
      .number()
      .int()
      .min(1)
      .max(3600)
      .default(60)
      .describe('until the target has all of the log that has ended; else it is undone'),
    connectSeconds: z
      .number()
      .int()
      .min(1)
      .max(600)
      .default(20)
      .describe('until the target has reached the source by that account; else it is undone'),
  })
  .describe('of a job of kind copy: its target becomes a replica of the source (docs/HANDOVER.md)');

export type HandoverSettings = z.output<typeof handover>;
