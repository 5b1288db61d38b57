/**
 * What a TableMap event says of its table. zongji has decoded it; character sets that it guesses,
 * and members that it converts, are read again from what the event holds.
 */
import type { SeenColumn } from '../../../shared/type/seen-column.ts';
import { textOf } from '../../../shared/type/text.ts';
import { mariadbCharset } from './collation-charset.ts';

export interface SeenTable {
  columns: SeenColumn[];
  /** Indexes of the columns of what the server takes for the key, in the order of the key. */
  primaryKey: number[];
}

interface TableMapEvent {
  tableId: number;
  columnCount: number;
  columnTypes: number[];
  primaryKey?: number[];
  /** Collations by column, and the bytes of the members of ENUM and SET. */
  _columnCharsetIds?: (number | undefined)[];
  _enumSetValues?: (Buffer[] | undefined)[];
}

export function isTableMap(x: unknown): x is TableMapEvent {
  return typeof x === 'object' && x !== null && 'columnTypes' in x && 'tableId' in x;
}

interface MappedTable {
  columns: { name: string; charset: string | null; type: number; metadata?: object }[];
  columnSchemas: { UNSIGNED?: boolean }[];
}

function isMappedTable(x: unknown): x is MappedTable {
  return typeof x === 'object' && x !== null && 'columns' in x && 'columnSchemas' in x;
}

export function seenTable(event: TableMapEvent, mapped: unknown): SeenTable | undefined {
  if (!isMappedTable(mapped)) return undefined;
  const columns = mapped.columns.map((column, i): SeenColumn => {
    const schema = mapped.columnSchemas[i];
    const collation = event._columnCharsetIds?.[i] ?? 0;
    const charset = column.charset === null ? null : (mariadbCharset(collation) ?? column.charset);
    return {
      name: column.name,
      code: column.type,
      metadata: { ...column.metadata },
      unsigned: schema?.UNSIGNED === true,
      charset,
      values: (event._enumSetValues?.[i] ?? []).map(bytes => textOf(bytes, charset ?? 'utf8mb4')),
    };
  });
  return { columns, primaryKey: event.primaryKey ?? [] };
}
