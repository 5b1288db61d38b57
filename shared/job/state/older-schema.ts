/** What a table was before its columns were changed; records of its topic may still be of it. */
import { type ColumnRename, withRenames } from '../../schema/column-rename.ts';
import type { TableSchema } from '../../schema/table-schema.ts';

export interface OlderSchema {
  schemaJson: string;
  valueSchemaId: number;
  /**
   * Columns of it that were dropped since, by the names that they had last: one that has the name
   * by now is another one.
   */
  gone?: string[];
  /** Columns of it that have another name by now, or had when they were dropped. */
  renamed?: ColumnRename[];
}

/** The table of before, with its columns under the names that they have by now. */
export function olderTable({ schemaJson, renamed = [] }: OlderSchema): TableSchema {
  return withRenames(JSON.parse(schemaJson), renamed);
}
