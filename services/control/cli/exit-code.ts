/** Exit codes of the CLI: documented in the README and in `reshard --help`. */
import type { ErrorKind } from '../../../shared/runtime/error.ts';

export const EXIT = {
  ok: 0,
  /** Something failed while it ran. */
  failed: 1,
  /** Wrong usage, job file or environment. */
  config: 2,
  /** The doctor found a blocker. */
  blocked: 3,
  /** A check found differences. */
  different: 4,
  /** A wait ended by its time limit. */
  timeout: 5,
  /** Of `status`: nothing has failed, and the job is not at work yet. */
  waiting: 6,
  /** Of `cutover`: a gate is not open; nothing was done. */
  shut: 7,
  /** A wait was ended by Ctrl-C or SIGTERM. */
  stopped: 130,
} as const;

export type Exit = keyof typeof EXIT;

export const EXIT_TEXT: Record<Exit, string> = {
  ok: 'done',
  failed: 'failed while it ran',
  config: 'wrong usage or job file',
  blocked: 'blocked by the doctor',
  different: 'differences found',
  timeout: 'time limit reached',
  waiting: 'not at work yet: waits or starts',
  shut: 'a gate of the cutover is not open',
  stopped: 'stopped before the end',
};

/** Starting again would meet the same: whoever supervises should not. */
const BLOCKING: readonly ErrorKind[] = ['server-setting', 'foreign-job', 'job-changed'];

export function exitCodeOf(kind: ErrorKind): number {
  if (kind === 'config') return EXIT.config;
  return BLOCKING.includes(kind) ? EXIT.blocked : EXIT.failed;
}
