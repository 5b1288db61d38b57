/** What a table is, as far as random rows of it need to know, from the server's own catalogue. */
import type { LoadClient } from '../support/load/client.ts';

export interface Column {
  name: string;
  /** DATA_TYPE, and COLUMN_TYPE in full. */
  type: string;
  declared: string;
  nullable: boolean;
  /** Characters or bytes; bits of a BIT. */
  length: number;
  scale: number;
  /** The server computes it: generated, or AUTO_INCREMENT. */
  computed: boolean;
  /** Part of a unique key or a foreign one: values must meet each other. */
  keyed: boolean;
}

export interface ForeignKey {
  name: string;
  parent: string;
  columns: string[];
  parentColumns: string[];
}

export interface Table {
  name: string;
  columns: Column[];
  primaryKey: string[];
  foreignKeys: ForeignKey[];
}

/** All tables of a database, parents before their children as far as that goes. */
export async function tablesOf(client: LoadClient, database: string): Promise<Table[]> {
  const here = `TABLE_SCHEMA = '${database}'`;
  const text = async (sql: string): Promise<string[][]> =>
    (await client.rows(sql)).map(row => row.map(v => (v === null ? '' : String(v))));
  const names = await text(
    `SELECT TABLE_NAME FROM information_schema.TABLES
      WHERE ${here} AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME`,
  );
  const columns = await text(
    `SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE,
            COALESCE(CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, 0), COALESCE(NUMERIC_SCALE, 0),
            EXTRA REGEXP 'auto_increment|GENERATED' AND EXTRA NOT REGEXP 'DEFAULT_GENERATED'
       FROM information_schema.COLUMNS WHERE ${here} ORDER BY ORDINAL_POSITION`,
  );
  const uniques = await text(
    `SELECT TABLE_NAME, INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS
      WHERE ${here} AND NON_UNIQUE = 0 ORDER BY SEQ_IN_INDEX`,
  );
  const references = await text(
    `SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME
       FROM information_schema.KEY_COLUMN_USAGE
      WHERE ${here} AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY ORDINAL_POSITION`,
  );
  const keyed = new Set([
    ...uniques.map(([table, , column]) => `${table}.${column}`),
    ...references.flatMap(([t, , c, parent, pc]) => [`${t}.${c}`, `${parent}.${pc}`]),
  ]);
  const tables = names.map(
    ([name = '']): Table => ({
      name,
      columns: columns.filter(c => c[0] === name).map(c => columnOf(c, keyed)),
      primaryKey: uniques.flatMap(([t, key, c = '']) =>
        t === name && key === 'PRIMARY' ? [c] : [],
      ),
      foreignKeys: foreignKeysOf(references.filter(r => r[0] === name)),
    }),
  );
  return parentsFirst(tables);
}

function columnOf(row: readonly string[], keyed: ReadonlySet<string>): Column {
  const [table, name = '', type = '', declared = '', nullable, length, scale, computed] = row;
  return {
    name,
    type: type.toLowerCase(),
    declared: declared.toLowerCase(),
    nullable: nullable === 'YES',
    length: Number(length),
    scale: Number(scale),
    computed: computed === '1',
    keyed: keyed.has(`${table}.${name}`),
  };
}

function foreignKeysOf(rows: readonly string[][]): ForeignKey[] {
  const keys = new Map<string, ForeignKey>();
  for (const [, name = '', column = '', parent = '', parentColumn = ''] of rows) {
    const key = keys.get(name) ?? { name, parent, columns: [], parentColumns: [] };
    key.columns.push(column);
    key.parentColumns.push(parentColumn);
    keys.set(name, key);
  }
  return [...keys.values()];
}

function parentsFirst(tables: readonly Table[]): Table[] {
  const left = new Map(tables.map(t => [t.name, t]));
  const sorted: Table[] = [];
  while (left.size > 0) {
    const isFree = (t: Table): boolean =>
      t.foreignKeys.every(k => k.parent === t.name || !left.has(k.parent));
    const free = [...left.values()].filter(isFree);
    // A circle: some row of it has to come first.
    const next = free.length > 0 ? free : [...left.values()].slice(0, 1);
    for (const table of next) left.delete(table.name);
    sorted.push(...next);
  }
  return sorted;
}
