/** Ranges of a row key, with their bounds as SQL literals in key order; null is open. */

import { ReshardError } from '../runtime/error.ts';
import type { TableSchema } from '../schema/table-schema.ts';
import type { Column } from '../type/column-type.ts';

/** One literal for each key column, in key order. */
export type KeyLiterals = readonly string[];

export interface KeyRange {
  after: KeyLiterals | null;
  upTo: KeyLiterals | null;
}

export function keyColumns(schema: TableSchema): Column[] {
  return schema.primaryKey.map(i => {
    const column = schema.columns[i];
    if (column === undefined) throw new ReshardError('bug', `key column ${i} is not there`);
    return column;
  });
}
