/**
 * Logs: lowercase prose with fields for the place (table, topic, partition, offset, position).
 * Never a row value, never a line per row. JSON by default, readable on a terminal.
 * Logs go to standard error: standard output belongs to what a command was asked for.
 */
import { createRequire } from 'node:module';
import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { PinoPretty } from 'pino-pretty';

export type { Logger };

export interface LogOptions {
  name: string;
  level?: string;
  /** Readable lines instead of JSON; by default when standard error is a terminal. */
  readable?: boolean;
  /** Changes a line, as JSON, before it is written. */
  line?: (json: string) => string;
}

export function createLogger({ name, level, readable, line }: LogOptions): Logger {
  const options = {
    name,
    level: level ?? process.env.RESHARD_LOG_LEVEL ?? 'info',
    timestamp: stdTimeFunctions.isoTime,
    redact: ['password', '*.password'],
    ...(line === undefined ? {} : { hooks: { streamWrite: line } }),
  };
  const wantReadable = readable ?? (process.stderr.isTTY === true && !process.env.RESHARD_LOG_JSON);
  if (!wantReadable) return pino(options, pino.destination({ dest: 2, sync: true }));
  // Loaded for a terminal only: services that write JSON start sooner without it.
  const pretty: typeof PinoPretty = createRequire(import.meta.url)('pino-pretty');
  // In-process stream, not a worker: no line is lost when the process ends.
  return pino(
    options,
    pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l' }),
  );
}
