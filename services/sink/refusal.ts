/** Which errors of a target are about the data, so that another attempt would fail again. */
import { errnoOf } from '../../shared/mysql/mysql-error.ts';
import { type ErrorKind, ReshardError } from '../../shared/runtime/error.ts';
import type { Lane } from './lane.ts';

const OF_DATA = new Set<ErrorKind>([
  'target-data',
  'too-large',
  'schema-changed',
  'collision',
  'corrupt',
  'value-not-carried',
]);

/** True: the smallest unit stops. False: the connection or the server is the trouble. */
export function isOfData(e: unknown): e is ReshardError {
  if (!(e instanceof ReshardError)) return false;
  // An answer of the server that nobody foresaw is most likely about the statement it was given.
  return OF_DATA.has(e.kind) || (e.kind === 'bug' && errnoOf(e) !== undefined);
}

/**
 * The error of a halted lane: what, and the place of the record that is refused. The server quotes
 * values in such messages; they belong neither into logs nor into status.
 */
export function refused(error: ReshardError, lane: Lane, target: string): ReshardError {
  const message = error.message.replace(
    /(value:?|entry) '.*' for (?=key|column|function)/s,
    '$1 for ',
  );
  return new ReshardError(error.kind, `the target refuses a row: ${message}`, {
    remedy: error.remedy ?? 'make the target table like the source table; the rest is automatic',
    context: {
      target,
      table: lane.table.name,
      topic: lane.topic,
      partition: lane.partition,
      offset: lane.position.next,
      errno: errnoOf(error),
    },
  });
}
