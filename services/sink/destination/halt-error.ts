/**
 * The errors of halted partition tasks: what has stopped it, the place, and the remedy. Of two
 * kinds: what the destination refuses is cured on the destination; what cannot be read in the log
 * (trimmed, or not to be understood) must come once more.
 */
import { ReshardError, remedyOf } from '../../../shared/runtime/error.ts';
import type { PartitionTask } from '../intake/partition-task.ts';

/** The destination has said what it refuses; here is the place. */
export function refusedAt(error: ReshardError, task: PartitionTask, target: string): ReshardError {
  const { kind, message, remedy, context } = error;
  return new ReshardError(kind, `the target refuses a row: ${message}`, {
    remedy: remedy ?? 'make the target table like the source table; the rest is automatic',
    context: {
      target,
      table: task.table.name,
      topic: task.topic,
      partition: task.partition,
      offset: task.position.next,
      errno: context.errno,
    },
  });
}

/** Rows wait, nothing has failed: as a rule another session of the server is in the way. */
export function unanswered(target: string, ms: number): ReshardError {
  const seconds = Math.round(ms / 1000);
  return new ReshardError('target', `a transaction has been waiting for more than ${seconds} s`, {
    remedy:
      'end the session that holds rows or tables of the target locked: SHOW FULL PROCESSLIST, ' +
      'sys.innodb_lock_waits and sys.schema_table_lock_waits name it; the rest is automatic',
    context: { target },
  });
}

/** The worker tries again by itself, with what it has read from the job file when it started. */
export function keptOut(error: ReshardError): ReshardError {
  if (error.kind !== 'denied') return error;
  return new ReshardError('denied', error.message, {
    cause: error.cause,
    context: error.context,
    remedy:
      `${remedyOf(error).replace(/\.$/, '')}; a changed job file or password is read when the sink ` +
      'service is restarted, a right that is granted is found without that',
  });
}

/** An error of the log, with the remedy that brings the rows again. */
export function withRecopy(error: ReshardError, { table }: PartitionTask): ReshardError {
  return new ReshardError(error.kind, error.message, {
    cause: error.cause,
    context: { ...error.context, table: table.name, source: table.source },
    remedy: recopyOf(table),
  });
}

/** The command that brings all rows of a table again; the sink goes on with them. */
function recopyOf({ source, name }: PartitionTask['table']): string {
  return (
    `\`reshard recopy <job file> --source ${source} --tables ${name}\` copies the table anew, and ` +
    'the sink goes on from there; if records were trimmed, raise options.retentionHours above the ' +
    'longest stop of the sink'
  );
}
