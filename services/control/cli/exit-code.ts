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
} as const;

export function exitCodeOf(kind: ErrorKind): number {
  return kind === 'config' ? EXIT.config : kind === 'server-setting' ? EXIT.blocked : EXIT.failed;
}
