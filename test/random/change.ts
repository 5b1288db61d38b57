/**
 * Random changes of rows, as an application may make them: each unit is statements that one session
 * runs in a row. What the server refuses is left out, as the application would leave it.
 */
import { type Random, shuffled } from '../support/load/random.ts';
import { id, type RandomColumn, type RandomTable, randomValue } from './table.ts';

type Piece = (random: Random, table: RandomTable) => string[];

function written(table: RandomTable): RandomColumn[] {
  return table.columns.filter(c => !c.isGenerated);
}

/** Most columns, and all of the key: the others have their defaults. */
function someColumns(random: Random, table: RandomTable): RandomColumn[] {
  return written(table).filter(c => table.key.includes(c) || random.chance(0.85));
}

function rows(random: Random, columns: readonly RandomColumn[], count: number): string {
  const one = (): string => `(${columns.map(c => randomValue(random, c)).join(', ')})`;
  return Array.from({ length: count }, one).join(',\n ');
}

function inserted(random: Random, table: RandomTable, verb: string, count: number): string {
  const columns = someColumns(random, table);
  const names = columns.map(c => id(c.name)).join(', ');
  return `${verb} INTO ${id(table.name)} (${names}) VALUES ${rows(random, columns, count)}`;
}

/** Rows of one key, of any place, or of a value. */
function chosen(random: Random, table: RandomTable): string {
  const limit = ` ORDER BY RAND(${random.below(1000)}) LIMIT ${1 + random.below(4)}`;
  if (random.chance(0.5)) return limit;
  const c = random.chance(0.6) ? random.pick(table.key) : random.pick(table.columns);
  if (random.chance(0.1)) return ` WHERE ${id(c.name)} IS NULL${limit}`;
  const value = c.isGenerated ? '1' : random.pick(c.pool);
  return ` WHERE ${id(c.name)} = ${value}${random.chance(0.5) ? limit : ''}`;
}

function assigned(random: Random, columns: readonly RandomColumn[]): string {
  return columns.map(c => `${id(c.name)} = ${randomValue(random, c)}`).join(', ');
}

const insert: Piece = (random, table) => [
  inserted(random, table, random.pick(['INSERT', 'INSERT', 'INSERT IGNORE']), 1 + random.below(4)),
];

const replace: Piece = (random, table) => [inserted(random, table, 'REPLACE', 1 + random.below(3))];

const upsert: Piece = (random, table) => {
  const some = shuffled(random, written(table)).slice(0, 1 + random.below(3));
  const sql = inserted(random, table, 'INSERT', 1 + random.below(3));
  return [`${sql} ON DUPLICATE KEY UPDATE ${assigned(random, some)}`];
};

const update: Piece = (random, table) => {
  const some = shuffled(random, written(table)).slice(0, 1 + random.below(3));
  const verb = random.pick(['UPDATE', 'UPDATE', 'UPDATE IGNORE']);
  return [`${verb} ${id(table.name)} SET ${assigned(random, some)}${chosen(random, table)}`];
};

const updateKey: Piece = (random, table) => {
  const set = assigned(random, [random.pick(table.key)]);
  return [`UPDATE ${id(table.name)} SET ${set} ORDER BY RAND(${random.below(1000)}) LIMIT 1`];
};

/** The same value, or what the collation takes for it, in other bytes. */
const respell: Piece = (random, table) => {
  const texts = written(table).filter(c => c.type.family === 'text' || c.type.family === 'bytes');
  const c = texts.length > 0 ? random.pick(texts) : random.pick(table.key);
  const name = id(c.name);
  const forms: string[] =
    c.type.family === 'text' || c.type.family === 'bytes'
      ? [`UPPER(${name})`, `LOWER(${name})`, `CONCAT(${name}, ' ')`, `TRIM(${name})`]
      : [`-${name}`, `${name} + 0`];
  const order = ` ORDER BY RAND(${random.below(1000)}) LIMIT ${1 + random.below(3)}`;
  return [`UPDATE IGNORE ${id(table.name)} SET ${name} = ${random.pick(forms)}${order}`];
};

const remove: Piece = (random, table) => [`DELETE FROM ${id(table.name)}${chosen(random, table)}`];

/** Values of a unique key go round among rows: each by a statement, all in one transaction. */
const swap: Piece = (random, table) => {
  const key = random.pick([table.key, ...table.uniques]);
  const c = random.pick(key);
  if (c.isGenerated) return update(random, table);
  const [a, b, free] = [random.pick(c.pool), random.pick(c.pool), c.type.fresh(random)];
  const set = (from: string, to: string): string =>
    `UPDATE ${id(table.name)} SET ${id(c.name)} = ${to} WHERE ${id(c.name)} = ${from}`;
  return ['START TRANSACTION', set(a, free), set(b, a), set(free, b), 'COMMIT'];
};

/** A row goes, another one takes its key or its unique values. */
const pass: Piece = (random, table) => [
  'START TRANSACTION',
  `DELETE FROM ${id(table.name)}${chosen(random, table)}`,
  inserted(random, table, random.pick(['INSERT', 'REPLACE']), 1),
  'COMMIT',
];

const PIECES = { insert, replace, upsert, update, updateKey, respell, remove, swap, pass };
const WEIGHTS: Readonly<Record<keyof typeof PIECES, number>> = {
  insert: 8,
  replace: 3,
  upsert: 4,
  update: 8,
  updateKey: 3,
  respell: 3,
  remove: 3,
  swap: 2,
  pass: 2,
};

function transaction(random: Random, tables: readonly RandomTable[]): string[] {
  const sql = ['START TRANSACTION'];
  for (let left = 1 + random.below(5); left > 0; left--) {
    const many = PIECES[random.weighted(WEIGHTS)](random, random.pick(tables));
    sql.push(...many.filter(s => s !== 'START TRANSACTION' && s !== 'COMMIT'));
    if (random.chance(0.15)) sql.push('SAVEPOINT sp');
    if (random.chance(0.1)) sql.push('ROLLBACK TO SAVEPOINT sp');
  }
  return [...sql, random.chance(0.2) ? 'ROLLBACK' : 'COMMIT'];
}

const MODES = [
  ...['ALLOW_INVALID_DATES', 'ANSI_QUOTES', 'NO_BACKSLASH_ESCAPES', 'PIPES_AS_CONCAT'],
  ...['NO_AUTO_VALUE_ON_ZERO', 'STRICT_ALL_TABLES', 'PAD_CHAR_TO_FULL_LENGTH', 'NO_ZERO_DATE'],
  ...['HIGH_NOT_PRECEDENCE', 'IGNORE_SPACE', 'NO_UNSIGNED_SUBTRACTION', 'REAL_AS_FLOAT'],
];

/** What a session says of itself now and then. */
export function sessionSettings(random: Random): string[] {
  const modes = shuffled(random, MODES).slice(0, random.below(4));
  const zone = random.pick(['+00:00', '+05:45', '-08:00', '+13:00']);
  return [
    `SET NAMES ${random.pick(['utf8mb4', 'utf8mb4', 'latin1', 'sjis', 'gbk'])}`,
    `SET SESSION sql_mode = '${modes.join(',')}', time_zone = '${zone}'`,
    `SET SESSION foreign_key_checks = ${random.chance(0.85) ? 1 : 0}`,
  ];
}

/** Rows for a table that has none yet. */
export function filled(random: Random, table: RandomTable, statements: number): string[] {
  return Array.from({ length: statements }, () => inserted(random, table, 'INSERT IGNORE', 4));
}

/** One unit of work on some of the tables. */
export function randomChange(random: Random, tables: readonly RandomTable[]): string[] {
  if (random.chance(0.08)) return sessionSettings(random);
  if (random.chance(0.2)) return transaction(random, tables);
  return PIECES[random.weighted(WEIGHTS)](random, random.pick(tables));
}
