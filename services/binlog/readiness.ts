/** What a member of the binlog service answers to who asks whether it is at work. */
import type { Readiness } from '../../shared/runtime/http.ts';

/**
 * `units`: state by source. `wayBackAway`: why the process that reads the targets for it is not at
 * work; null: it is, or the job has none.
 */
export function readinessOf(
  units: readonly (readonly [source: string | undefined, state: string])[],
  wayBackAway: string | null,
): Readiness {
  return {
    ok: wayBackAway === null && units.every(([, state]) => state === 'running'),
    detail: {
      ...Object.fromEntries(units),
      ...(wayBackAway === null ? {} : { 'way back': wayBackAway }),
    },
  };
}
