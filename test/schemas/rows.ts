/**
 * Random rows of tables that nobody has told us anything about. The server makes every value by an
 * expression of its own and decides which rows are valid: IGNORE leaves out what its keys, foreign
 * keys and constraints refuse, and cuts what does not fit.
 */
import type { Column, ForeignKey, Table } from './table.ts';

/** Values of columns of keys: few, so that children find parents and keys collide. */
const DOMAIN = 60;
const TEXT_MAX = 200;

const id = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/**
 * A statement that adds rows, one for each number. Columns of a foreign key are those of some row
 * of the parent, all of the same one.
 */
export function insertSql(table: Table, from: number, to: number): string {
  const columns = table.columns.filter(c => !c.computed);
  const taken = new Map<string, string>();
  for (const key of table.foreignKeys) {
    for (const [i, column] of key.columns.entries()) {
      if (!taken.has(column)) taken.set(column, parentValue(key, i, 'n.i'));
    }
  }
  const values = columns.map(c =>
    orNull(c, table, taken.get(c.name) ?? value(c, table, 'n.i'), 'n.i'),
  );
  return `INSERT IGNORE INTO ${id(table.name)} (${columns.map(c => id(c.name)).join(', ')})
    WITH RECURSIVE n (i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to})
    SELECT ${values.join(', ')} FROM n`;
}

/** A statement that changes some columns of up to `rows` rows; keys too. */
export function updateSql(table: Table, columns: readonly Column[], rows: number): string {
  const foreign = new Map(
    table.foreignKeys.flatMap(k =>
      k.columns.length === 1 && k.parent !== table.name
        ? [[k.columns[0], parentValue(k, 0, 'RAND()')] as const]
        : [],
    ),
  );
  const sets = columns.map(c => {
    const to = foreign.get(c.name) ?? value(c, table, 'RAND()');
    return `${id(c.name)} = ${orNull(c, table, to, 'RAND()')}`;
  });
  return `UPDATE IGNORE ${id(table.name)} SET ${sets.join(', ')} ORDER BY RAND() LIMIT ${rows}`;
}

export function deleteSql(table: Table): string {
  return `DELETE IGNORE FROM ${id(table.name)} ORDER BY RAND() LIMIT 1`;
}

function parentValue(key: ForeignKey, part: number, row: string): string {
  const columns = key.parentColumns.map(c => `p.${id(c)}`);
  return `(SELECT ${columns[part]} FROM ${id(key.parent)} p
    ORDER BY CRC32(CONCAT_WS('/', ${row}, '${key.name}', ${columns.join(', ')})) LIMIT 1)`;
}

function orNull(c: Column, table: Table, sql: string, row: string): string {
  if (!c.nullable || table.primaryKey.includes(c.name)) return sql;
  return `IF(${hash(c, row, 'null')} % 7 = 0, NULL, ${sql})`;
}

/** A number below 2^32 that belongs to the row, the column and the purpose. */
function hash(c: Column, row: string, purpose: string): string {
  const name = c.name.replaceAll("'", "''");
  return `CAST(CRC32(CONCAT_WS('/', ${row}, '${name}', '${purpose}')) AS SIGNED)`;
}

function value(c: Column, table: Table, row: string): string {
  const [h, other] = [hash(c, row, 'a'), hash(c, row, 'b')];
  const isOnlyKey = table.primaryKey.length === 1 && table.primaryKey[0] === c.name;
  // A key of one column would collide too often.
  const small = `(${h} % ${isOnlyKey ? 10 * DOMAIN : DOMAIN})`;
  const bits = INTEGER_BITS[c.type];
  if (bits !== undefined) {
    if (c.keyed) return `1 + ${small}`;
    return c.declared.includes('unsigned')
      ? `${h} % ${2 ** Math.min(bits, 32)}`
      : `${h} % ${2 ** Math.min(bits, 32)} - ${2 ** Math.min(bits - 1, 31)}`;
  }
  if (/^(decimal|float|double)$/.test(c.type)) {
    if (c.keyed) return small;
    return `(${h} - 2147483648) / POW(10, ${c.type === 'decimal' ? 10 - c.length + c.scale : 5})`;
  }
  if (/char|text$/.test(c.type)) return textValue(c, c.keyed ? small : h, other);
  if (/binary|blob$/.test(c.type)) {
    const length = Math.min(c.length, TEXT_MAX);
    return `LEFT(REPEAT(UNHEX(SHA2(${c.keyed ? small : h}, 256)), 7), ${length})`;
  }
  return otherValue(c, h, other);
}

const INTEGER_BITS: Readonly<Record<string, number>> = {
  tinyint: 8,
  smallint: 16,
  mediumint: 24,
  int: 32,
  bigint: 64,
};

function textValue(c: Column, number: string, other: string): string {
  const length = Math.min(c.length, TEXT_MAX);
  if (!c.keyed) return `LEFT(CONCAT(HEX(${number}), ' ä€😀 "', HEX(${other}), '\\\\'), ${length})`;
  const text = length < 4 ? `CONV(${number}, 10, 36)` : `CONCAT('Key ', ${number})`;
  // Of a key that ignores case, the same value in another spelling.
  return `LEFT(IF(${other} % 2 = 0, LOWER(${text}), ${text}), ${length})`;
}

function otherValue(c: Column, h: string, other: string): string {
  const members = c.declared.match(/'(?:[^']|'')*'/g)?.length ?? 1;
  switch (c.type) {
    case 'enum':
      return `1 + ${h} % ${members}`;
    case 'set':
      return `${h} % ${2 ** Math.min(members, 30)}`;
    case 'bit':
      return `${h} % ${2 ** Math.min(c.length, 32)}`;
    case 'year':
      return `1901 + ${h} % 255`;
    case 'date':
      return `DATE_ADD('1970-01-01', INTERVAL ${h} % 25000 DAY)`;
    case 'datetime':
    case 'timestamp':
      return `FROM_UNIXTIME(1 + ${h} % 2000000000 + ${other} / 4294967296)`;
    case 'time':
      return `SEC_TO_TIME(${h} % 3000000 - 1500000)`;
    case 'json':
      return `CAST(CONCAT('{"a":', ${h}, ',"b":"', HEX(${other}), '"}') AS JSON)`;
    default:
      throw new Error(`${c.name}: no values of the type ${c.declared} yet`);
  }
}
