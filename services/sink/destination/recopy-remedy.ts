/**
 * The remedy of errors of the log itself (trimmed, or not to be read): no change of the destination
 * cures them, the rows must come once more.
 */
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { PartitionTask } from '../intake/partition-task.ts';

/** The same error with that remedy. */
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
