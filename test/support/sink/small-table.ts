/** The smallest table that has all a sink looks at: a key, a column to route by, and a value. */
import type { TableSchema } from '../../../shared/schema/table-schema.ts';

const INT = { kind: 'integer', bits: 32, unsigned: false } as const;
const PLAIN = { nullable: false, autoIncrement: false, generated: 'no', invisible: false } as const;

export const SMALL_TABLE: TableSchema = {
  db: 'd',
  table: 't',
  columns: [
    { name: 'id', type: INT, ...PLAIN },
    { name: 'shard', type: INT, ...PLAIN },
    { name: 'v', type: INT, ...PLAIN },
  ],
  primaryKey: [0],
  uniqueKeys: [],
};
