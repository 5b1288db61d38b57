/** What the commands of the tests share in reading their options. */

/** A command was called in a way that it does not know: its text is all that is shown. */
export class UsageError extends Error {}

/** Runs what reads a command line; what it throws is a mistake of who has written that. */
export function asUsage<T>(read: () => T): T {
  try {
    return read();
  } catch (e) {
    throw new UsageError(e instanceof Error ? e.message : String(e));
  }
}
