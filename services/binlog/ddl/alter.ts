/**
 * Which changes of a table's definition leave its rows and its columns alone: those that online
 * schema tools and DBAs run every day (an index, a comment, a rebuild). All others are doubted, for
 * a change of a column may change values, and one of a partition may remove rows.
 */
import type { WordReader } from './words.ts';

const KEEPING: readonly RegExp[] = [
  /^ADD (UNIQUE |FULLTEXT |SPATIAL )?(INDEX|KEY)\b/,
  /^ADD (UNIQUE|FULLTEXT|SPATIAL)\b/,
  /^ADD (CONSTRAINT \S+ )?(FOREIGN KEY|CHECK|UNIQUE)\b/,
  /^DROP (INDEX|KEY|CONSTRAINT|CHECK|FOREIGN KEY)\b/,
  /^(RENAME|ALTER) (INDEX|KEY)\b/,
  /^ALTER (COLUMN )?\S+ (SET|DROP) DEFAULT\b/,
  /^(ENGINE|COMMENT|AUTO_INCREMENT|ROW_FORMAT|KEY_BLOCK_SIZE|AVG_ROW_LENGTH|MAX_ROWS|MIN_ROWS)\b/,
  /^(STATS_\w+|ALGORITHM|LOCK|CHECKSUM|COMPRESSION|ENCRYPTION|FORCE|DEFAULT|CHARACTER|CHARSET)\b/,
  /^(COLLATE|NOWAIT|WAIT|ENABLE|DISABLE)\b/,
  /^(ANALYZE|OPTIMIZE|CHECK|REBUILD|ADD) PARTITION\b/,
];

/** Reads from behind the table's name to the end. */
export function alterKeepsRows(r: WordReader): boolean {
  // A key that sets rows of the table by itself, without a trace in the binlog.
  if (r.has('CASCADE') || r.has('CONVERT')) return false;
  const clauses = clausesFrom(r);
  if (clauses.some(c => /\bSET NULL\b/.test(c) || / PRIMARY\b/.test(c))) return false;
  // Another engine may keep fewer rows, or none.
  if (clauses.some(c => /\bENGINE (= )?(?!=|INNODB\b)/.test(c))) return false;
  return clauses.length > 0 && clauses.every(c => KEEPING.some(k => k.test(c)));
}

/** The words of each clause; what is inside of parentheses is left out. */
function clausesFrom(r: WordReader): string[] {
  const clauses: string[][] = [[]];
  let depth = 0;
  for (let i = r.at; i < r.words.length; i++) {
    const word = r.keyword(i);
    if (word === '(') depth += 1;
    else if (word === ')') depth -= 1;
    else if (depth === 0 && word === ',') clauses.push([]);
    else if (depth === 0) clauses.at(-1)?.push(word === '' ? 'a-name' : word);
  }
  return clauses.map(c => c.join(' '));
}
