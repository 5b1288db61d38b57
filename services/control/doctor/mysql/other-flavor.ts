/**
 * What a table of one kind of server is not on the other: types that only one of them has, and
 * collations that both have by one name and that are two. A name that is known is no promise: the
 * statement that makes the table on the source goes through on the target, or is refused in words
 * that help nobody.
 */
import type { Flavor } from '../../../../shared/mysql/connect.ts';
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { allColumns, type TableSchema } from '../../../../shared/schema/table-schema.ts';
import type { ColumnType } from '../../../../shared/type/column-type.ts';
import { isByteExact } from '../../../../shared/type/text.ts';
import { familyOf } from '../../../../shared/type/type-families.ts';

const NAMES: Record<Flavor, string> = { mysql: 'MySQL', mariadb: 'MariaDB' };

/** Blockers, each at its column; `where` is the table's. */
export function otherFlavor(
  schema: TableSchema,
  { from, to }: { from: Flavor; to: Flavor },
  where: string,
): Finding[] {
  if (from === to) return [];
  const keys = schema.primaryKey.flatMap(i => schema.columns[i] ?? []);
  return [
    ...allColumns(schema)
      .filter(c => isLacking(c.type, to))
      .map(c => lackingType(c.type, to, `${where}.${c.name}`)),
    ...keys.filter(c => isTwofold(c.type)).map(c => twofoldKey(c.type, to, `${where}.${c.name}`)),
  ];
}

/** MariaDB takes the word JSON, and makes a text of it. */
function isLacking({ kind }: ColumnType, flavor: Flavor): boolean {
  return flavor === 'mysql' ? kind === 'address' : kind === 'json';
}

/**
 * MariaDB knows MySQL's `..._0900_...` as other names of its own, which go by a later Unicode; its
 * `..._croatian_ci` is not MySQL's.
 */
function isTwofold(type: ColumnType): boolean {
  if (type.kind !== 'text' || isByteExact(type)) return false;
  return /_0900_|_croatian_ci$/.test(type.collation);
}

function lackingType(type: ColumnType, to: Flavor, where: string): Finding {
  const words = familyOf(type).words(type);
  const text = type.kind === 'json' ? 'LONGTEXT COLLATE utf8mb4_bin' : 'VARBINARY or CHAR';
  return {
    level: 'blocker',
    code: 'target-lacks-type',
    where,
    what: `is ${words} on the source, which ${NAMES[to]} does not have`,
    why: 'No column there takes the values as they are.',
    fix: `-- leave the table out of the job, or make the column ${text} on the source and on the target`,
  };
}

/** Two keys of the source that are one there: the second row would be written over the first. */
function twofoldKey(type: ColumnType, to: Flavor, where: string): Finding {
  const words = familyOf(type).words(type);
  return {
    level: 'blocker',
    code: 'target-key-collation',
    where,
    what: `is ${words} in the row key; of that collation ${NAMES[to]} has the name alone`,
    why: 'Texts that are two keys on the source may be one there: a row would be written over another.',
    fix: '-- MODIFY the column on both sides to a collation that both have, such as utf8mb4_bin or utf8mb4_unicode_520_ci',
  };
}
