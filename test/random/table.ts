/**
 * A random table: columns of any type and attribute, a row key of any kind, unique keys beside it.
 * Whether the server makes it is the server's word, whether a job may copy it the doctor's.
 */
import { type Random, shuffled } from '../support/load/random.ts';
import type { ServerFacts } from './server-facts.ts';
import { keyType, type RandomType, randomType } from './type.ts';

export interface RandomColumn {
  name: string;
  type: RandomType;
  isNullable: boolean;
  /** The server computes it. */
  isGenerated: boolean;
  /** What follows the type. */
  attributes: string;
  /** False: it came, or was changed, since the table was made. */
  isOld?: false;
  /** Values that meet each other again and again. */
  pool: readonly string[];
}

export interface RandomTable {
  name: string;
  columns: RandomColumn[];
  /** Of the row key, in its order. */
  key: RandomColumn[];
  /** Columns of each other unique key that is of whole columns. */
  uniques: RandomColumn[][];
  create: string;
}

const POOL = 12;
const ODD_NAMES = [
  ...['before', 'after', 'op', 'source', 'select', 'Order', 'a b', 'a-b', 'a.b', "a'b", 'a"b'],
  ...['größe', '客户', '顧客', 'x`y', '1st', 'a_b', 'A', 'null', '$x', 'n'.repeat(64), 'é', '%'],
];

export function id(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** A value of the column, as an expression. */
export function randomValue(random: Random, c: RandomColumn): string {
  if (c.isNullable && random.chance(0.15)) return 'NULL';
  return random.chance(0.6) ? random.pick(c.pool) : c.type.fresh(random);
}

export function randomTable(
  random: Random,
  facts: ServerFacts,
  number: number,
  parent?: RandomTable,
): RandomTable {
  const names = new Set<string>();
  const nameOf = (): string => {
    const odd = random.pick(ODD_NAMES);
    const plain = `c${names.size}`;
    const isFree = ![...names].some(n => n.toLowerCase() === odd.toLowerCase());
    const name = isFree && random.chance(0.25) ? odd : plain;
    names.add(name);
    return name;
  };
  const key = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () =>
    column(random, nameOf(), keyType(random, facts), true),
  );
  const [first] = key;
  const isCounter =
    key.length === 1 && /^(TINY|SMALL|MEDIUM|BIG)?INT\b/.test(first?.type.sql ?? '');
  if (first !== undefined && isCounter && random.chance(0.3)) first.attributes += ' AUTO_INCREMENT';
  const others = Array.from({ length: 1 + random.below(9) }, () =>
    column(random, nameOf(), randomType(random, facts), false),
  );
  const child = parent === undefined ? [] : [childColumn(random, nameOf(), parent)];
  const plain = shuffled(random, [...key, ...others, ...child]);
  const generated = random.chance(0.4) ? [generatedColumn(random, nameOf(), plain)] : [];
  const columns = [...plain, ...generated];
  const { uniques, lines } = indexes(random, facts, columns);
  const name = `t${number}`;
  const isPrimary = random.chance(0.8);
  const create = [
    ...columns.map(definitionOf),
    `${isPrimary ? 'PRIMARY KEY' : 'UNIQUE KEY `rk`'} (${key.map(c => id(c.name)).join(', ')})`,
    ...lines,
    ...(parent === undefined ? [] : child.map(c => foreignKey(random, facts, c, parent, number))),
  ];
  return {
    name,
    columns,
    key,
    uniques,
    create: `CREATE TABLE ${id(name)} (\n  ${create.join(',\n  ')})${tail(random, isPrimary, key)}`,
  };
}

export function definitionOf({ name, type, attributes }: RandomColumn): string {
  return `${id(name)} ${type.sql}${attributes}`;
}

export function column(
  random: Random,
  name: string,
  type: RandomType,
  isKey: boolean,
): RandomColumn {
  // NOT NULL, IGNORE makes values of them that no statement writes (docs/TYPES.md).
  const isBare = type.family === 'shape' || type.sql.startsWith('VECTOR');
  const isNullable = !isKey && (random.chance(0.7) || isBare);
  const pool = Array.from({ length: POOL }, () => type.fresh(random));
  const attributes = [isNullable ? ' NULL' : ' NOT NULL'];
  if (!isKey && random.chance(0.25)) attributes.push(` DEFAULT (${defaultOf(random, type)})`);
  else if (/^(DATETIME|TIMESTAMP)/.test(type.sql) && random.chance(0.4)) {
    const now = `CURRENT_TIMESTAMP${/\(\d\)/.exec(type.sql)?.[0] ?? ''}`;
    attributes.push(` DEFAULT ${now}${random.chance(0.6) ? ` ON UPDATE ${now}` : ''}`);
  }
  if (!isKey && random.chance(0.08)) attributes.push(' INVISIBLE');
  if (random.chance(0.1)) attributes.push(" COMMENT 'odd; -- one'");
  return { name, type, isNullable, isGenerated: false, attributes: attributes.join(''), pool };
}

/** Not every text or byte: some a server prints otherwise than it has them (docs/TYPES.md). */
function defaultOf(random: Random, type: RandomType): string {
  switch (type.family) {
    case 'text':
      return random.pick(["'x'", "''", "'a '"]);
    case 'bytes':
      return random.pick(["'x'", "''", "x'00'"]);
    case 'json':
      return random.pick(["'{}'", "'[1, 1.0]'", 'JSON_ARRAY(1, 2)']);
    default:
      return type.fresh(random);
  }
}

/** Like the key of the parent, with its values. */
function childColumn(random: Random, name: string, parent: RandomTable): RandomColumn {
  const [key] = parent.key;
  if (key === undefined) throw new Error('a parent without a key');
  const made = column(random, name, key.type, false);
  return { ...made, isNullable: true, attributes: ' NULL', pool: key.pool };
}

/** Servers before MySQL 9.6 do not log what a foreign key changes (docs/DDL.md). */
function foreignKey(
  random: Random,
  { flavor }: ServerFacts,
  { name }: RandomColumn,
  parent: RandomTable,
  number: number,
): string {
  const isLogged = flavor === 'mysql';
  const actions = isLogged ? ['CASCADE', 'SET NULL', 'RESTRICT'] : ['RESTRICT', 'NO ACTION'];
  const key = id(parent.key[0]?.name ?? '');
  return (
    `CONSTRAINT \`fk${number}\` FOREIGN KEY (${id(name)}) REFERENCES ${id(parent.name)} (${key}) ` +
    `ON DELETE ${random.pick(actions)} ON UPDATE ${random.pick(actions)}`
  );
}

/** By an expression of another column that each server can compute. */
function generatedColumn(
  random: Random,
  name: string,
  columns: readonly RandomColumn[],
): RandomColumn {
  const from = random.pick(columns);
  const c = id(from.name);
  const forms: Partial<Record<RandomType['family'], [string, string][]>> = {
    number: [['DOUBLE', `${c} * 2`]],
    text: [
      ['VARCHAR(80)', `UPPER(LEFT(${c}, 40))`],
      ['INT', `LENGTH(${c})`],
      // A session that is not strict takes rows of which it warns.
      ['INT', `CAST(${c} AS SIGNED)`],
    ],
    bytes: [['VARCHAR(200)', `HEX(LEFT(${c}, 60))`]],
    time: [['INT', `LENGTH(${c})`]],
    json: [['INT', `JSON_DEPTH(${c})`]],
  };
  const [sql, expression] = random.pick(forms[from.type.family] ?? [['INT', `${c} IS NULL`]]);
  const kind = random.pick(['VIRTUAL', 'STORED']);
  const type: RandomType = {
    sql,
    family: 'other',
    isKey: false,
    isRoute: false,
    isLong: false,
    fresh: () => 'DEFAULT',
  };
  const attributes = ` GENERATED ALWAYS AS (${expression}) ${kind}`;
  return { name, type, isNullable: true, isGenerated: true, attributes, pool: ['DEFAULT'] };
}

function indexes(
  random: Random,
  { flavor }: ServerFacts,
  columns: readonly RandomColumn[],
): { uniques: RandomColumn[][]; lines: string[] } {
  const uniques: RandomColumn[][] = [];
  const lines: string[] = [];
  const usable = columns.filter(c => c.type.isKey || c.type.isLong);
  for (let n = random.pick([0, 0, 1, 1, 2]); n > 0 && usable.length > 0; n--) {
    const parts = shuffled(random, usable).slice(0, random.pick([1, 1, 2]));
    const isPart = (c: RandomColumn): boolean => c.type.isLong;
    const text = parts.map(c => `${id(c.name)}${isPart(c) ? `(${random.pick([1, 3, 9])})` : ''}`);
    lines.push(`UNIQUE KEY \`u${lines.length}\` (${text.join(', ')})`);
    if (!parts.some(isPart)) uniques.push(parts);
  }
  const numbers = columns.filter(c => /^(TINY|SMALL|MEDIUM|BIG)?INT\b/.test(c.type.sql));
  if (flavor === 'mysql' && numbers.length > 0 && random.chance(0.1)) {
    lines.push(`UNIQUE KEY \`u${lines.length}\` ((${id(random.pick(numbers).name)} DIV 2))`);
  }
  return { uniques, lines };
}

function tail(random: Random, isPrimary: boolean, key: readonly RandomColumn[]): string {
  const row = random.chance(0.2) ? ` ROW_FORMAT=${random.pick(['COMPACT', 'DYNAMIC'])}` : '';
  const isParted = isPrimary && random.chance(0.1);
  return isParted ? `${row} PARTITION BY KEY (${id(key[0]?.name ?? '')}) PARTITIONS 3` : row;
}
