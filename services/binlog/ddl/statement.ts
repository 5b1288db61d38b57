/**
 * What the text of a Query event means for the tables that we copy. With row format the binlog
 * holds only DDL and marks of transactions as text; a data change as text (a session that switched
 * to statement format) cannot be replayed exactly, so it must be recognised and refused.
 * No SQL parser: words in order, and on doubt the answer is the one that stops loudly.
 */

export type Statement =
  | { kind: 'begin' | 'commit' | 'rollback' | 'rollback-to' | 'xa' | 'harmless' }
  /** A transaction goes on after it: CREATE TABLE ... START TRANSACTION (a CREATE ... SELECT). */
  | { kind: 'opens' }
  | { kind: 'data' | 'ddl'; table: string; verb: string };

/** Our tables: lower-case database and table names. */
export interface TrackedNames {
  db: string;
  tables: ReadonlySet<string>;
}

interface Word {
  text: string;
  /** Quoted: a name, never a keyword. */
  quoted: boolean;
}

const SKIPPED = String.raw`--[ \t][^\n]*|#[^\n]*|\/\*(?!!|M!)[\s\S]*?\*\/`;
const STRING = String.raw`'(?:[^'\\]|\\[\s\S]|'')*'`;
const QUOTED = String.raw`${'`'}((?:[^${'`'}]|${'``'})*)${'`'}|"((?:[^"\\]|\\[\s\S]|"")*)"`;
const PLAIN = String.raw`[\w$\u0080-\uffff]+`;
const TOKEN = new RegExp(`${SKIPPED}|${STRING}|${QUOTED}|(${PLAIN})|([.,()])`, 'g');

/** Statements are looked at up to this length: names of DDL come first, data may be huge. */
const TEXT_MAX = 1 << 20;

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.slice(0, TEXT_MAX).matchAll(TOKEN)) {
    const [, ticked, quoted, plain, mark] = match;
    if (ticked !== undefined) words.push({ text: ticked.replaceAll('``', '`'), quoted: true });
    else if (quoted !== undefined) words.push({ text: quoted, quoted: true });
    else if (plain !== undefined) words.push({ text: plain, quoted: false });
    else if (mark !== undefined) words.push({ text: mark, quoted: false });
  }
  return words;
}

class Reader {
  readonly words: Word[];
  readonly #schema: string;
  readonly #tracked: TrackedNames;
  at = 0;

  constructor(words: Word[], schema: string, tracked: TrackedNames) {
    this.words = words;
    this.#schema = schema.toLowerCase();
    this.#tracked = tracked;
  }

  keyword(i: number = this.at): string {
    const word = this.words[i];
    return word === undefined || word.quoted ? '' : word.text.toUpperCase();
  }

  /** Steps over the next words if they are these. */
  skip(...keywords: string[]): boolean {
    if (!keywords.every((k, i) => this.keyword(this.at + i) === k)) return false;
    this.at += keywords.length;
    return true;
  }

  /** Reads a table name; gives it if it is one of ours. */
  table(): string | null {
    const first = this.words[this.at]?.text ?? '';
    this.at += 1;
    if (this.keyword() !== '.') return this.#ours(this.#schema, first);
    const second = this.words[this.at + 1]?.text ?? '';
    this.at += 2;
    return this.#ours(first, second);
  }

  /** A list of names, separated by a comma or the word. */
  tables(separator: string): string | null {
    for (;;) {
      const found = this.table();
      if (found !== null) return found;
      if (!this.skip(',') && !this.skip(separator)) return null;
    }
  }

  /** The first of our names anywhere from here on. */
  anywhere(): string | null {
    while (this.at < this.words.length) {
      const found = this.table();
      if (found !== null) return found;
    }
    return null;
  }

  #ours(db: string, table: string): string | null {
    const t = table.toLowerCase();
    return db.toLowerCase() === this.#tracked.db && this.#tracked.tables.has(t) ? t : null;
  }

  isOurDatabase(): boolean {
    return this.words[this.at]?.text.toLowerCase() === this.#tracked.db;
  }
}

const MARKS: Record<string, Statement> = {
  BEGIN: { kind: 'begin' },
  COMMIT: { kind: 'commit' },
  ROLLBACK: { kind: 'rollback' },
};

const DATA_VERBS = new Set(['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'LOAD', 'WITH', 'CALL']);

export function classify(text: string, schema: string, tracked: TrackedNames): Statement {
  const mark = MARKS[text];
  if (mark) return mark;
  const r = new Reader(wordsOf(text), schema, tracked);
  const verb = r.keyword();
  r.at = 1;
  if (verb === 'XA') return { kind: 'xa' };
  if (verb === 'ROLLBACK') {
    const whole = !r.words.slice(1).some(w => w.text.toUpperCase() === 'TO');
    return { kind: whole ? 'rollback' : 'rollback-to' };
  }
  if (verb === 'BEGIN' || verb === 'COMMIT') return MARKS[verb] ?? { kind: 'harmless' };
  if (DATA_VERBS.has(verb)) return named('data', r.anywhere(), verb);
  if (verb === 'TRUNCATE') {
    r.skip('TABLE');
    return named('data', r.table(), verb);
  }
  return ddl(r, verb);
}

function named(kind: 'data' | 'ddl', table: string | null, verb: string): Statement {
  return table === null ? { kind: 'harmless' } : { kind, table, verb };
}

function ddl(r: Reader, verb: string): Statement {
  if (verb === 'CREATE') return create(r);
  if (verb === 'DROP') return drop(r);
  if (verb === 'RENAME' && (r.skip('TABLE') || r.skip('TABLES'))) {
    return named('ddl', r.tables('TO'), verb);
  }
  if (verb === 'IMPORT') return named('ddl', r.anywhere(), verb);
  if (verb === 'ALTER') return alter(r);
  return { kind: 'harmless' };
}

function create(r: Reader): Statement {
  r.skip('OR', 'REPLACE');
  if (r.skip('UNIQUE', 'INDEX')) {
    while (r.at < r.words.length && !r.skip('ON')) r.at += 1;
    return named('ddl', r.table(), 'CREATE UNIQUE INDEX');
  }
  if (!r.skip('TABLE')) return { kind: 'harmless' };
  r.skip('IF', 'NOT', 'EXISTS');
  const table = r.table();
  if (table !== null) return { kind: 'ddl', table, verb: 'CREATE' };
  const n = r.words.length;
  const opens = r.keyword(n - 2) === 'START' && r.keyword(n - 1) === 'TRANSACTION';
  return { kind: opens ? 'opens' : 'harmless' };
}

function drop(r: Reader): Statement {
  if (r.skip('DATABASE') || r.skip('SCHEMA')) {
    r.skip('IF', 'EXISTS');
    return r.isOurDatabase() ? { kind: 'ddl', table: '*', verb: 'DROP' } : { kind: 'harmless' };
  }
  if (!r.skip('TABLE') && !r.skip('TABLES')) return { kind: 'harmless' };
  r.skip('IF', 'EXISTS');
  return named('ddl', r.tables(','), 'DROP');
}

function alter(r: Reader): Statement {
  while (r.skip('ONLINE') || r.skip('OFFLINE') || r.skip('IGNORE')) {
    // MariaDB's words before TABLE.
  }
  if (!r.skip('TABLE')) return { kind: 'harmless' };
  r.skip('IF', 'EXISTS');
  let table = r.table();
  while (table === null && r.at < r.words.length) {
    // Another table that takes our name, or swaps a partition with ours.
    const other = r.skip('RENAME', 'TO') || r.skip('RENAME', 'AS') || r.skip('WITH', 'TABLE');
    if (other || (r.skip('RENAME') && !/^(COLUMN|INDEX|KEY)$/.test(r.keyword()))) table = r.table();
    else r.at += 1;
  }
  return named('ddl', table, 'ALTER');
}
