/**
 * Random schema changes of those that docs/DDL.md says pass or are taken up by themselves: none of
 * them may stop a job, however far behind its reader is. What halts by the documentation is not
 * made here (a unique key that goes, a column with a default): it would say nothing.
 */
import type { Random } from '../support/load/random.ts';
import type { ServerFacts } from './server-facts.ts';
import { column, definitionOf, id, type RandomColumn, type RandomTable } from './table.ts';
import { type RandomType, randomType } from './type.ts';
import { widerColumn } from './wider.ts';

export interface RandomDdl {
  sql: string;
  /** Columns that the table has then. */
  added: RandomColumn[];
  /** What else is to be known of it then. */
  become?: () => void;
}

type Maker = (random: Random, table: RandomTable, facts: ServerFacts) => RandomDdl | string | null;

function altered(table: RandomTable, how: string): string {
  return `ALTER TABLE ${id(table.name)} ${how}`;
}

/** Not ENUM or SET: in a session's character set two members may be one, which is refused. */
function addedType(random: Random, facts: ServerFacts): RandomType {
  for (;;) {
    const type = randomType(random, facts);
    if (type.family !== 'members') return type;
  }
}

/** Columns that are NULL in the rows that are there. */
const addColumns: Maker = (random, table, facts) => {
  const added = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, (_, n) => {
    const name = `x${table.columns.length + n}`;
    const type = addedType(random, facts);
    const made = column(random, name, type, false);
    const comment = random.chance(0.2) ? " COMMENT 'it''s new'" : '';
    return { ...made, isNullable: true, isOld: false as const, attributes: ` NULL${comment}` };
  });
  const place = (): string =>
    random.pick(['', '', ' FIRST', ` AFTER ${id(random.pick(table.columns).name)}`]);
  const parts = added.map(c => `ADD COLUMN ${definitionOf(c)}${place()}`);
  return { sql: altered(table, parts.join(', ')), added };
};

const wider: Maker = (random, table) => {
  const made = widerColumn(random, table);
  return made && { sql: altered(table, made.sql), added: [], become: made.become };
};

const indexes: Maker = (random, table) => {
  const c = random.pick(table.columns);
  const part = c.type.isLong ? `${id(c.name)}(5)` : id(c.name);
  const name = `ix${random.below(4)}`;
  return random.pick([
    altered(table, `ADD KEY ${name} (${part})`),
    altered(table, `DROP KEY ${name}`),
    altered(table, `RENAME KEY ${name} TO iy${random.below(4)}`),
    `CREATE INDEX ${name} ON ${id(table.name)} (${part})`,
    `DROP INDEX ${name} ON ${id(table.name)}`,
  ]);
};

/** Not where it might become what rows are told apart by. */
const unique: Maker = (random, table) => {
  if (!table.create.includes('PRIMARY KEY')) return null;
  const c = random.pick(table.columns);
  const part = c.type.isLong ? `${id(c.name)}(9)` : id(c.name);
  return altered(table, `ADD UNIQUE KEY uy${random.below(100)} (${part})`);
};

const quiet: Maker = (random, table, { flavor }) => {
  const c = id(random.pick(table.columns.filter(x => !x.isGenerated)).name);
  const t = id(table.name);
  return random.pick([
    altered(table, `COMMENT = 'number ${random.below(100)}'`),
    altered(table, `AUTO_INCREMENT = ${random.below(1000)}`),
    altered(table, 'STATS_PERSISTENT = 1'),
    altered(table, `DEFAULT CHARACTER SET ${random.pick(['latin1', 'utf8mb4'])}`),
    altered(table, `ALTER COLUMN ${c} SET DEFAULT NULL`),
    altered(table, `ALTER COLUMN ${c} DROP DEFAULT`),
    ...(flavor === 'mysql' ? [altered(table, `ALTER COLUMN ${c} SET VISIBLE`)] : []),
    altered(table, 'ENGINE = InnoDB'),
    altered(table, 'FORCE'),
    altered(table, `ROW_FORMAT = ${random.pick(['DYNAMIC', 'COMPACT'])}`),
    `ANALYZE TABLE ${t}`,
    `OPTIMIZE TABLE ${t}`,
    `CREATE TABLE IF NOT EXISTS ${t} (id INT PRIMARY KEY)`,
    altered(table, `ADD CONSTRAINT ck${random.below(1000)} CHECK (${c} IS NULL OR 1 = 1)`),
  ]);
};

const partitions: Maker = (random, table) => {
  const key = id(table.key[0]?.name ?? '');
  return random.pick([
    altered(table, `PARTITION BY KEY (${key}) PARTITIONS ${1 + random.below(4)}`),
    altered(table, 'REMOVE PARTITIONING'),
    altered(table, 'COALESCE PARTITION 1'),
    altered(table, 'ADD PARTITION PARTITIONS 2'),
    altered(table, 'REBUILD PARTITION ALL'),
  ]);
};

/** Of other tables, and of what stands beside tables. */
const others: Maker = (random, table) => {
  const t = id(table.name);
  const other = id(random.pick([`_${table.name}_gho`, `_${table.name}_new`, 'other', 'tmp 1']));
  return random.pick([
    `CREATE TABLE IF NOT EXISTS ${other} LIKE ${t}`,
    `INSERT IGNORE INTO ${other} SELECT * FROM ${t}`,
    `DROP TABLE IF EXISTS ${other}`,
    `CREATE OR REPLACE VIEW ${id(`v ${table.name}`)} AS SELECT * FROM ${t}`,
    `CREATE TEMPORARY TABLE IF NOT EXISTS ${id(`temp ${table.name}`)} SELECT * FROM ${t}`,
  ]);
};

const MAKERS = { addColumns, wider, indexes, unique, quiet, partitions, others };
const WEIGHTS: Readonly<Record<keyof typeof MAKERS, number>> = {
  addColumns: 5,
  wider: 5,
  indexes: 3,
  unique: 1,
  quiet: 6,
  partitions: 2,
  others: 3,
};

export function randomDdl(random: Random, table: RandomTable, facts: ServerFacts): RandomDdl {
  for (;;) {
    const made = MAKERS[random.weighted(WEIGHTS)](random, table, facts);
    if (made !== null) return typeof made === 'string' ? { sql: made, added: [] } : made;
  }
}
