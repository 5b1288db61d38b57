/**
 * A column with a wider type, or NULL, of those that docs/DDL.md says are taken up by themselves:
 * each column once, as a second time behind a lag halts, and none that a key, a route or another
 * column rests on.
 */
import { type Random, shuffled } from '../support/load/random.ts';
import { id, type RandomColumn, type RandomTable } from './table.ts';
import type { RandomType } from './type.ts';

const INTEGERS = ['TINYINT', 'SMALLINT', 'MEDIUMINT', 'INT', 'BIGINT'];
const TEXTS = ['TINYTEXT', 'TEXT', 'MEDIUMTEXT', 'LONGTEXT'];
const BLOBS = ['TINYBLOB', 'BLOB', 'MEDIUMBLOB', 'LONGBLOB'];
/** A letter of four bytes. */
const TINY_LETTERS = 63;

interface Wider {
  sql: string;
  isLong?: true;
  /** A value that the narrower type does not have. */
  value?: string;
}

function behind(random: Random, list: readonly string[], word: string): string | null {
  const more = list.slice(list.indexOf(word) + 1);
  return more.length === 0 ? null : random.pick(more);
}

function integer(random: Random, word: string, sign: string): Wider | null {
  const more = behind(random, INTEGERS, word);
  if (more === null || (sign !== '' && sign !== ' UNSIGNED')) return null;
  // BIGINT UNSIGNED is a Decimal in the log.
  const isSigned = sign === '' || more === 'BIGINT' || random.chance(0.5);
  const value = { SMALLINT: '-300', MEDIUMINT: '70000', INT: '-9000000', BIGINT: '5000000000' };
  return { sql: `${more}${isSigned ? '' : sign}`, value: value[more as keyof typeof value] };
}

function longer(random: Random, word: string, length: number, rest: string): Wider {
  const more = length + random.pick([1, 50, 100]);
  const value = `REPEAT('y', ${more})`;
  if (word === 'CHAR' || random.chance(0.6)) return { sql: `${word}(${more})${rest}`, value };
  const list = word === 'VARCHAR' ? TEXTS : BLOBS;
  const fit = length > TINY_LETTERS ? list.slice(1) : list;
  return { sql: `${random.pick(fit)}${rest}`, isLong: true };
}

/** Null: there is none of it, or it halts. */
function wider(random: Random, sql: string): Wider | null {
  const [, word = '', inside = '', rest = ''] = /^(\w+)(?:\(([^)]*)\))?(.*)$/s.exec(sql) ?? [];
  if (INTEGERS.includes(word)) return integer(random, word, rest);
  if (/^(VARCHAR|CHAR|VARBINARY)$/.test(word)) return longer(random, word, Number(inside), rest);
  const large = [TEXTS, BLOBS].find(list => list.includes(word));
  if (large !== undefined) {
    const more = behind(random, large, word);
    return more === null ? null : { sql: `${more}${rest}`, isLong: true };
  }
  if (word === 'DECIMAL' && rest === '') {
    const [precision = 0, scale = 0] = inside.split(',').map(Number);
    if (precision === 65) return null;
    const more = random.between(precision + 1, Math.min(66, precision + 9));
    return { sql: `DECIMAL(${more},${scale})`, value: `-1${'0'.repeat(more - scale - 1)}` };
  }
  const isMembers = (word === 'ENUM' || word === 'SET') && isPlain(inside);
  return isMembers ? { sql: `${word}(${inside},'zz')${rest}`, value: "'zz'" } : null;
}

export interface WiderColumn {
  sql: string;
  /** The column is so then. */
  become: () => void;
}

/** What is no ASCII is another text in another session, and halts. */
const isPlain = (sql: string): boolean => /^[ -~]*$/.test(sql);

/** Null: it stays as it is. */
function changed(random: Random, c: RandomColumn): WiderColumn | null {
  const found = wider(random, c.type.sql);
  const isLifted = !c.isNullable && random.chance(0.6) && isPlain(c.type.sql);
  if (found === null && !isLifted) return null;
  const { sql, isLong, value } = found ?? { sql: c.type.sql };
  const isNullable = c.isNullable || isLifted;
  const { fresh: old } = c.type;
  const fresh = (r: Random): string => (value !== undefined && r.chance(0.3) ? value : old(r));
  const type: RandomType = { ...c.type, sql, fresh };
  return {
    sql: `MODIFY ${id(c.name)} ${sql}${isNullable ? ' NULL' : ' NOT NULL'}`,
    become: () => {
      Object.assign(c, { isNullable, isOld: false });
      c.type = isLong ? { ...type, isLong, isKey: false } : type;
    },
  };
}

export function widerColumn(random: Random, table: RandomTable): WiderColumn | null {
  // Without a primary key any column may be what the server tells rows apart by.
  if (!table.create.includes('PRIMARY KEY')) return null;
  const computed = table.columns.flatMap(c => (c.isGenerated ? [c.attributes] : []));
  const isFree = (c: RandomColumn): boolean =>
    !c.isGenerated &&
    !table.key.includes(c) &&
    c.isOld !== false &&
    (c.isNullable || !c.type.isRoute) &&
    !computed.some(expression => expression.includes(c.name));
  for (const c of shuffled(random, table.columns.filter(isFree))) {
    const made = changed(random, c);
    if (made !== null) return made;
  }
  return null;
}
