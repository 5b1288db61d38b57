/**
 * What the clauses of an ALTER TABLE do to the table's rows and columns. Most of what online schema
 * tools and DBAs run every day leaves both alone (an index, a comment, a rebuild); some clauses
 * only add columns, drop some, say a column again that is there, or add foreign keys. What is in
 * none of these lists is doubted: a change of a column may change values, and one of a partition
 * may remove rows.
 *
 * Names of columns are kept in lower case, as servers compare them.
 */
import type { AddedConstant } from '../../../shared/schema/column-constant.ts';
import type { DeclaredColumn } from '../../../shared/schema/column-widening.ts';
import { plainTypeText } from '../../../shared/type/type-text.ts';
import { constantOf, typeOf } from './constant.ts';
import type { Word, WordReader } from './words.ts';

export interface AlterEffect {
  /** Columns that are added, each with one value in every row that is there already. */
  adds: string[];
  /** Those of them whose value is a constant; the others are empty (NULL) there. */
  constants: AddedConstant[];
  /** Those of them whose type can be told from the text alone. */
  addedAs: DeclaredColumn[];
  /** Columns that are dropped, and no other change of columns but additions beside them. */
  removes: string[];
  /**
   * Columns that are there are declared once more, or all texts are converted. If the table's
   * columns are the same before and after, no value has changed.
   */
  redeclares: boolean;
  /** Those of them that it names; null: it may be any. */
  redeclared: string[] | null;
  /** Such columns with the type that is declared: they may be wider than before. */
  declared: DeclaredColumn[];
  /** Adds a foreign key that sets rows of the table by itself. */
  acts: boolean;
  /** Words of the clauses that take an index away or give it another name, in lower case. */
  drops: string[];
}

/** Changes no row and no column. */
export const NO_EFFECT: AlterEffect = {
  adds: [],
  constants: [],
  addedAs: [],
  removes: [],
  redeclares: false,
  redeclared: [],
  declared: [],
  acts: false,
  drops: [],
};

const KEEPING: readonly RegExp[] = [
  /^ADD (UNIQUE |FULLTEXT |SPATIAL |VECTOR )?(INDEX|KEY)\b/,
  /^ADD (UNIQUE|FULLTEXT|SPATIAL)\b/,
  /^ADD (CONSTRAINT (IF NOT EXISTS )?(\S+ )?)?(FOREIGN KEY|CHECK|UNIQUE)\b/,
  /^DROP (INDEX|KEY|CONSTRAINT|CHECK|FOREIGN KEY)\b/,
  /^(RENAME|ALTER) (INDEX|KEY)\b/,
  /^ALTER (CHECK|CONSTRAINT)\b/,
  /^ALTER (COLUMN )?(IF EXISTS )?\S+ ((SET|DROP) DEFAULT|SET (IN)?VISIBLE)\b/,
  /^(ENGINE|COMMENT|AUTO_INCREMENT|ROW_FORMAT|KEY_BLOCK_SIZE|AVG_ROW_LENGTH|MAX_ROWS|MIN_ROWS)\b/,
  /^(STATS_\w+|ALGORITHM|LOCK|CHECKSUM|COMPRESSION|ENCRYPTION|FORCE|DEFAULT|CHARACTER|CHARSET)\b/,
  /^(COLLATE|ENABLE|DISABLE|PACK_KEYS|DELAY_KEY_WRITE|AUTOEXTEND_SIZE)\b/,
  /^(PAGE_\w+|(ENGINE|SECONDARY_ENGINE)_ATTRIBUTE|ORDER BY|(WITH|WITHOUT) VALIDATION)\b/,
  /^(PARTITION BY|REMOVE PARTITIONING)\b/,
];
/** Rows move between partitions at most. Names may follow, each behind a comma. */
const PARTITIONS = /^(ANALYZE|OPTIMIZE|CHECK|REBUILD|REPAIR|REORGANIZE|COALESCE|ADD) PARTITION\b/;
const PARTITION_NAME = /^\S+( INTO)?$/;

/** With any of these a new column may have values of its own in the rows that are there. */
const FILLED = new Set(
  `NOT DEFAULT GENERATED AS VIRTUAL STORED PERSISTENT AUTO_INCREMENT PRIMARY KEY UNIQUE SERIAL
   REFERENCES ROW`.split(/\s+/),
);
/** ADD SYSTEM VERSIONING, ADD PERIOD FOR. */
const NO_COLUMN = /^(SYSTEM|PERIOD)$/i;
/** What may not stand behind the start of a clause: options follow each other without a comma. */
const REMOVING = /\S (TRUNCATE|EXCHANGE|DISCARD|IMPORT|MODIFY|CHANGE|CONVERT|DROP(?! DEFAULT\b))\b/;
/** Nothing else may follow in the clause. A name in quotes may be a string, which is no word. */
const CONVERTED =
  /^CONVERT TO (CHARACTER SET|CHARSET|CHAR SET)( (?!COLLATE)\S+)?( COLLATE( \S+)?)?$/;
const ACTING = /\bFOREIGN KEY\b.* (CASCADE|SET NULL|SET DEFAULT)\b/;
/** Values of such a column may change although its declaration seems to be the same. */
const COMPUTED = /\b(GENERATED|AS|VIRTUAL|STORED|PERSISTENT|AUTO_INCREMENT|REFERENCES)\b/;

/** Of constraints too: a unique index is one by its other name. */
const UNINDEXING = /^(DROP (INDEX|KEY|CONSTRAINT)|RENAME (INDEX|KEY)|ALTER (INDEX|KEY))\b/;

interface Clause {
  words: Word[];
  /** Keywords outside of parentheses; a quoted name is `a-name`. */
  text: string;
}

/** Reads from behind the table's name to the end; null: it is not known what it does. */
export function alterEffect(r: WordReader): AlterEffect | null {
  // MariaDB's words before the first clause, without a comma.
  if (r.skip('WAIT')) r.at += 1;
  else r.skip('NOWAIT');
  const ofAdds = { adds: [], constants: [], addedAs: [] };
  const lists = { removes: [], redeclared: [], declared: [], drops: [] };
  const effect: AlterEffect = { ...NO_EFFECT, ...ofAdds, ...lists };
  const clauses = clausesOf(r.words.slice(r.at)).flatMap(listed);
  /** Words of clauses that may give a column another default. */
  const altered: string[] = [];
  const [first, ...names] = clauses;
  if (first !== undefined && PARTITIONS.test(first.text) && !isOther(first)) {
    return names.every(c => PARTITION_NAME.test(c.text)) ? effect : null;
  }
  for (const clause of clauses) {
    if (isOther(clause)) return null;
    if (KEEPING.some(k => k.test(clause.text))) {
      effect.acts ||= ACTING.test(clause.text);
      if (clause.text.startsWith('ALTER ')) altered.push(...lowerWords(clause.words));
      if (UNINDEXING.test(clause.text)) effect.drops.push(...lowerWords(clause.words));
      continue;
    }
    const removed = removedBy(clause);
    if (removed !== null) {
      effect.removes.push(removed);
      continue;
    }
    const added = addedBy(clause);
    if (added === null && !CONVERTED.test(clause.text) && !isRedeclared(clause)) return null;
    if (added === null) {
      const name = redeclared(clause)?.name;
      effect.redeclares = true;
      if (name === undefined) effect.redeclared = null;
      else effect.redeclared?.push(name);
      effect.declared.push(...declaredBy(clause));
      continue;
    }
    effect.adds.push(added.name);
    effect.addedAs.push(...declarationOf(added.name, addition(clause)?.slice(1) ?? []));
    if (added.constant !== null) effect.constants.push(added.constant);
  }
  // Which of two texts about a column its rows are made by is the server's own affair.
  const { constants, redeclares } = effect;
  const isTwice = redeclares || constants.some(c => altered.includes(c.name));
  if (constants.length > 0 && isTwice) return null;
  return isMixed(effect) ? null : effect;
}

/** What the rest of the statement is about may be a column that it drops, or takes the name of. */
function isMixed({ adds, removes, redeclares, acts }: AlterEffect): boolean {
  if (removes.length === 0) return false;
  return redeclares || acts || removes.some(name => adds.includes(name));
}

/** Another primary key, two changes in a clause, or an engine that may keep fewer rows, or none. */
function isOther({ words, text }: Clause): boolean {
  if (words.some(w => w.text.toUpperCase() === 'PRIMARY')) return true;
  return REMOVING.test(text) || /\bENGINE (= )?(?!=|INNODB\b)/.test(text);
}

export function lowerWords(words: readonly Word[]): string[] {
  return words.map(w => w.text.toLowerCase());
}

/** Parts between commas outside of parentheses. */
function clausesOf(words: readonly Word[]): Clause[] {
  const parts: Word[][] = [[]];
  let depth = 0;
  for (const word of words) {
    const mark = word.quoted ? '' : word.text;
    if (mark === '(') depth += 1;
    if (mark === ')') depth -= 1;
    if (mark === ',' && depth === 0) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts.filter(p => p.length > 0).map(p => ({ words: p, text: textOf(p) }));
}

function textOf(words: readonly Word[]): string {
  const texts: string[] = [];
  let depth = 0;
  for (const { text, quoted } of words) {
    if (!quoted && text === ')') depth -= 1;
    else if (!quoted && text === '(') depth += 1;
    else if (depth === 0) texts.push(quoted ? 'a-name' : text.toUpperCase());
  }
  return texts.join(' ');
}

/** What stands behind the start of a clause that adds a column, or a list; null: it is another. */
function addition({ words, text }: Clause): Word[] | null {
  const head = /^ADD (COLUMN )?(IF NOT EXISTS )?/.exec(`${text} `);
  return head === null ? null : words.slice(head[0].trim().split(' ').length);
}

/** A list in parentheses has indexes and constraints beside columns: each is a clause. */
function listed(clause: Clause): Clause[] {
  const rest = addition(clause) ?? [];
  if (rest[0]?.text !== '(' || rest[0].quoted) return [clause];
  return clausesOf(rest.slice(1, -1)).map(({ words }) => {
    const all = [...clause.words.slice(0, 1), ...words];
    return { words: all, text: textOf(all) };
  });
}

interface AddedColumn {
  name: string;
  constant: AddedConstant | null;
}

/** The column that the clause adds, empty or with a constant; null if that is not all it does. */
function addedBy(clause: Clause): AddedColumn | null {
  const [word, ...declared] = addition(clause) ?? [];
  if (word === undefined) return null;
  if (!word.quoted && NO_COLUMN.test(word.text)) return null;
  const name = word.text.toLowerCase();
  if (isEmpty(textOf(declared))) return { name, constant: null };
  const constant = constantOf(name, declared);
  return constant === null ? null : { name, constant };
}

/** Pure: whether a column that is declared so is NULL in the rows that are there. */
function isEmpty(declared: string): boolean {
  const words = declared.replace(/\bDEFAULT NULL\b/, '').split(' ');
  // Without the word it is NOT NULL, and the time of the ALTER, on servers that have it so.
  if (words[0] === 'TIMESTAMP' && !words.includes('NULL')) return false;
  return words[0] !== '' && !words.some(w => FILLED.has(w));
}

const REMOVED = /^DROP (COLUMN )?(IF EXISTS )?(?=\S+( RESTRICT| CASCADE)?$)/;

/** The column that the clause drops; null if it does something else. */
function removedBy({ words, text }: Clause): string | null {
  const [head] = REMOVED.exec(text) ?? [];
  if (head === undefined) return null;
  return words[head.trim().split(' ').length]?.text.toLowerCase() ?? null;
}

/** Under its own name: with another one values may change places. */
function isRedeclared({ words, text }: Clause): boolean {
  if (COMPUTED.test(text)) return false;
  return redeclared({ words, text }) !== null;
}

/** The column that is declared once more under its own name, and what stands behind that. */
function redeclared({ words, text }: Clause): { name: string; declared: Word[] } | null {
  const [head] = /^(MODIFY|CHANGE) (COLUMN )?(IF EXISTS )?(?=\S)/.exec(text) ?? [];
  if (head === undefined) return null;
  const [from, ...rest] = words.slice(head.trim().split(' ').length);
  if (from === undefined) return null;
  const name = from.text.toLowerCase();
  if (head.startsWith('MODIFY')) return { name, declared: rest };
  const [to, ...declared] = rest;
  return name === to?.text.toLowerCase() ? { name, declared } : null;
}

/** A longer text is one of many members: such a column is not told to be wider. */
const TYPE_TEXT_MAX = 1000;

/** The column that is declared once more, if its type can be told from the text alone. */
function declaredBy(clause: Clause): DeclaredColumn[] {
  const { name, declared = [] } = redeclared(clause) ?? {};
  return name === undefined ? [] : declarationOf(name, declared);
}

function declarationOf(name: string, declared: readonly Word[]): DeclaredColumn[] {
  const type = plainTypeText(typeOf(declared)?.text ?? '');
  if (type === '' || type.length > TYPE_TEXT_MAX) return [];
  const words = textOf(declared);
  // Without the word a TIMESTAMP is NOT NULL on servers that have it so.
  const isNull =
    !/\bNOT NULL\b/.test(words) && (!/^timestamp/.test(type) || /\bNULL\b/.test(words));
  return [{ name, type, nullable: isNull }];
}
