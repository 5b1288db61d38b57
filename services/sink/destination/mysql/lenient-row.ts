/**
 * A row that is right although a strict session takes it from nobody. It came to the source by a
 * session that was not strict: it has the error value of an ENUM (number 0), which is what a value
 * that fits nowhere has become, or a generated column whose expression warns of what the row holds
 * (`CAST(code AS SIGNED)` of 'abc'). A session that is not strict writes it, and its warnings tell
 * whether anything else of the row was changed to fit: only those of such columns are passed over.
 */
import { errnoOf } from '../../../../shared/mysql/mysql-error.ts';
import type { ServerWarning } from '../../../../shared/mysql/server-warning.ts';
import type { ReshardError } from '../../../../shared/runtime/error.ts';
import { allColumns } from '../../../../shared/schema/table-schema.ts';
import type { SinkTable } from '../../intake/sink-table.ts';

const TRUNCATED = 1265;
const INCORRECT = 1292;
/** Of a value that does not fit its column: range, length, type. */
const DOES_NOT_FIT = [1264, TRUNCATED, INCORRECT, 1366, 1406];

/** Names of the columns that the server computes, whoever writes. */
export function computedColumns({ schema }: SinkTable): string[] {
  return allColumns(schema).flatMap(c => (c.generated === 'no' ? [] : [c.name]));
}

export class LenientRow {
  /** ENUM columns that hold their error value. */
  readonly #errorValues: readonly string[];
  readonly #computed: readonly string[];

  constructor(table: SinkTable, row: Buffer, start: number) {
    this.#errorValues = table.codec.errorValues(row, start);
    this.#computed = computedColumns(table);
  }

  /** Whether a strict session may refuse it for that. */
  explains(refusal: ReshardError): boolean {
    return this.expects({ code: errnoOf(refusal) ?? 0, message: refusal.message });
  }

  /** Whether the warning is of such a column, and not of one that was changed to fit. */
  expects({ code, message }: ServerWarning): boolean {
    // A value that is quoted may hold these words too, so the last ones are taken.
    const at = message.lastIndexOf(' for column ');
    // Of an expression, as literals that are stored are told with their column.
    if (at < 0) return code === INCORRECT && this.#computed.length > 0;
    const named = / for column (.+) at row \d+$/s.exec(message.slice(at))?.[1] ?? '';
    const isOneOf = (names: readonly string[]): boolean =>
      // MariaDB names some columns by database and table as well.
      names.some(name => named === `'${name}'` || named.endsWith(`.\`${name}\``));
    if (code === TRUNCATED && isOneOf(this.#errorValues)) return true;
    return DOES_NOT_FIT.includes(code) && isOneOf(this.#computed);
  }
}
