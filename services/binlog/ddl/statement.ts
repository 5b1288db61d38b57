/**
 * What the text of a Query event is. With row format the binlog holds only DDL and marks of
 * transactions as text; a session in STATEMENT or MIXED format adds data changes, and those may
 * reach our tables without naming them (a trigger, a routine, a view). So the text alone never
 * makes a data change harmless: it tells what has to be looked at (judge.ts).
 *
 * Invariant: what is not in these lists is `unknown`. A kind of statement that we have never seen
 * is doubted, not passed over.
 */
import { type AlterEffect, alterEffect, lowerWords, NO_EFFECT } from './alter.ts';
import { DATA_VERBS, type DataStatement, dataStatement } from './data-statement.ts';
import { type Name, TEXT_MAX, WordReader, wordsOf } from './words.ts';

export type XaStep = 'start' | 'end' | 'prepare' | 'commit' | 'rollback';

export type Statement =
  | { kind: 'begin' | 'commit' | 'rollback' | 'rollback-to' | 'harmless' }
  /** A transaction goes on after it: CREATE TABLE ... START TRANSACTION (a CREATE ... SELECT). */
  | { kind: 'opens' }
  | { kind: 'xa'; step: XaStep; xid: string }
  | DataStatement
  | TableChange
  | Definition
  | { kind: 'unknown'; verb: string };

/** DDL that names tables of ours; `*` stands for all of them. */
export interface TableChange {
  kind: 'ddl';
  verb: string;
  /** In lower case. */
  tables: string[];
  /** What it does, if that is known; null: it may have changed rows, or anything else. */
  effect: AlterEffect | null;
}

/** DDL of other things: no row of ours changes, but later statements may mean something else. */
export interface Definition {
  kind: 'definition';
  /** Triggers, routines, views and events, of which any statement may make use. */
  program: boolean;
  /** Something that was there is gone or another one. */
  removes: boolean;
  /** Names in it, in lower case. */
  words: string[];
}

/** Our tables: lower-case database and table names. */
export interface TrackedNames {
  db: string;
  tables: ReadonlySet<string>;
}

const HARMLESS = { kind: 'harmless' } as const;

const MARKS: Record<string, Statement> = {
  BEGIN: { kind: 'begin' },
  COMMIT: { kind: 'commit' },
  ROLLBACK: { kind: 'rollback' },
};

/** These change no row and nothing that a statement goes by. */
const QUIET_VERBS = new Set(
  `OPTIMIZE CHECK CHECKSUM REPAIR FLUSH SAVEPOINT RELEASE GRANT REVOKE CACHE INSTALL
   UNINSTALL LOCK UNLOCK USE KILL SHUTDOWN RESET BACKUP`.split(/\s+/),
);
const QUIET_OBJECTS = new Set(
  `USER ROLE SERVER TABLESPACE LOGFILE UNDO RESOURCE SPATIAL INSTANCE INDEX FULLTEXT VECTOR DATABASE
   SCHEMA ONLINE OFFLINE PREPARE`.split(/\s+/),
);
/** What ANALYZE looks at; before anything else it carries the statement out (MariaDB). */
const ANALYZED = /^(TABLE|TABLES|LOCAL|NO_WRITE_TO_BINLOG)$/;
const PROGRAMS = /^(TRIGGER|FUNCTION|PROCEDURE|VIEW|EVENT|PACKAGE|LIBRARY|SEQUENCE)$/;
/** `CREATE OR REPLACE DEFINER = user@host SQL SECURITY INVOKER VIEW` has the word by then. */
const PROGRAM_WORDS_MAX = 16;

export function classify(text: string, schema: string, tracked: TrackedNames): Statement {
  const mark = MARKS[text];
  if (mark) return mark;
  const read = classifyWords(new WordReader(wordsOf(text), schema), tracked);
  if (text.length > TEXT_MAX && read.kind !== 'ddl' && read.kind !== 'definition') {
    return read.kind === 'data' ? { ...read, unclear: true } : { kind: 'unknown', verb: 'long' };
  }
  // The id is made of strings, which are no words.
  if (read.kind === 'xa') return { ...read, xid: xidOf(text) };
  if (!text.includes('\\')) return read;
  // What a backslash means is not known here: what both readings say must be harmless.
  const other = classifyWords(new WordReader(wordsOf(text, 'plain'), schema), tracked);
  const change = [read, other].find(s => s.kind === 'ddl');
  if (change?.kind === 'ddl') return isSame(read, other) ? change : { ...change, effect: null };
  if (read.kind !== 'data') return read;
  if (other.kind !== 'data') return { ...read, unclear: true };
  return {
    ...read,
    targets: [...read.targets, ...other.targets],
    calls: [...read.calls, ...other.calls],
    databases: [...new Set([...read.databases, ...other.databases])],
    words: [...new Set([...read.words, ...other.words])],
    unclear: read.unclear || other.unclear,
  };
}

function isSame(a: Statement, b: Statement): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function classifyWords(r: WordReader, tracked: TrackedNames): Statement {
  // MariaDB marks places of dropped events by a comment alone.
  if (r.words.length === 0) return HARMLESS;
  const verb = r.keyword();
  if (verb === 'SET') return setStatement(r, tracked);
  if (verb === 'XA') return xa(r);
  if (verb === 'ROLLBACK') return { kind: r.has('TO') ? 'rollback-to' : 'rollback' };
  if (verb === 'BEGIN' || verb === 'COMMIT') return MARKS[verb] ?? HARMLESS;
  if (verb === 'LOAD' && r.keyword(1) === 'INDEX') return HARMLESS;
  if (DATA_VERBS.has(verb)) return dataStatement(r);
  if (verb === 'ANALYZE') return analyze(r, tracked);
  if (QUIET_VERBS.has(verb)) return HARMLESS;
  r.at = 1;
  return ddl(r, verb, tracked);
}

/** MariaDB's SET STATEMENT carries another statement; other SETs in a binlog are of accounts. */
function setStatement(r: WordReader, tracked: TrackedNames): Statement {
  if (r.keyword(1) === 'STATEMENT') {
    r.seek('FOR');
    return classifyWords(new WordReader(r.words.slice(r.at + 1), r.schema), tracked);
  }
  return /^(PASSWORD|DEFAULT|ROLE|RESOURCE)$/.test(r.keyword(1)) ? HARMLESS : dataStatement(r);
}

/** MariaDB's ANALYZE of a statement carries it out, changes and all. */
function analyze(r: WordReader, tracked: TrackedNames): Statement {
  if (ANALYZED.test(r.keyword(1))) return HARMLESS;
  const start = r.keyword(1) === 'FORMAT' ? 4 : 1;
  return classifyWords(new WordReader(r.words.slice(start), r.schema), tracked);
}

const XA_STEPS: Record<string, XaStep> = {
  START: 'start',
  BEGIN: 'start',
  END: 'end',
  PREPARE: 'prepare',
  COMMIT: 'commit',
  ROLLBACK: 'rollback',
};

function xa(r: WordReader): Statement {
  const step = XA_STEPS[r.keyword(1)];
  return step === undefined ? { kind: 'unknown', verb: 'XA' } : { kind: 'xa', step, xid: '' };
}

const XID = /^\s*XA\s+\w+\s+(.*?)(?:\s+ONE\s+PHASE|\s*\/\*.*)?\s*$/is;

/** The id of an XA statement as servers print it: X'..',X'..',number. */
function xidOf(text: string): string {
  return (XID.exec(text)?.[1] ?? text).replaceAll(/\s/g, '').toLowerCase();
}

function ddl(r: WordReader, verb: string, tracked: TrackedNames): Statement {
  switch (verb) {
    case 'TRUNCATE':
      r.skip('TABLE');
      return tableChange(verb, [r.name()], tracked, null) ?? HARMLESS;
    case 'CREATE':
      return create(r, tracked);
    case 'DROP':
      return drop(r, tracked);
    case 'RENAME':
      if (!r.skip('TABLE') && !r.skip('TABLES')) return HARMLESS;
      return tableChange(verb, r.names(), tracked, null) ?? definition(r, false, true);
    case 'IMPORT':
      return tableChange(verb, r.names(), tracked, null) ?? definition(r, false, true);
    case 'ALTER':
      return alter(r, tracked);
    default:
      return { kind: 'unknown', verb };
  }
}

function tableChange(
  verb: string,
  names: Iterable<Name>,
  tracked: TrackedNames,
  effect: AlterEffect | null,
): TableChange | null {
  const ours = [...names].filter(n => n.db.toLowerCase() === tracked.db);
  const tables = ours.map(n => n.name.toLowerCase()).filter(t => tracked.tables.has(t));
  return tables.length === 0 ? null : { kind: 'ddl', verb, tables, effect };
}

function definition(r: WordReader, program: boolean, removes: boolean): Definition {
  const words = r.words.map(w => w.text.toLowerCase());
  return { kind: 'definition', program, removes, words: [...new Set(words)] };
}

/** The database itself is made anew or dropped, with all that is in it. */
function ofDatabase(r: WordReader, verb: string, tracked: TrackedNames): Statement {
  const name = r.words[r.at]?.text.toLowerCase();
  if (name !== tracked.db) return definition(r, true, true);
  return { kind: 'ddl', verb, tables: ['*'], effect: null };
}

function create(r: WordReader, tracked: TrackedNames): Statement {
  const replaces = r.skip('OR', 'REPLACE');
  if (r.skip('DATABASE') || r.skip('SCHEMA')) {
    return replaces ? ofDatabase(r, 'CREATE OR REPLACE DATABASE', tracked) : HARMLESS;
  }
  if (r.skip('UNIQUE', 'INDEX')) {
    while (!r.ended && !r.skip('ON')) r.at += 1;
    return tableChange('CREATE UNIQUE INDEX', [r.name()], tracked, NO_EFFECT) ?? HARMLESS;
  }
  if (r.skip('TABLE')) return createTable(r, replaces, tracked);
  if (r.skip('TEMPORARY', 'TABLE')) return createdFrom(r) ?? HARMLESS;
  return ofProgram(r, replaces);
}

function createTable(r: WordReader, replaces: boolean, tracked: TrackedNames): Statement {
  const isOptional = r.skip('IF', 'NOT', 'EXISTS');
  const name = r.name();
  // Where the table is there already, nothing has been done; where it was not, it was not ours.
  const effect = isOptional && !replaces && !r.has('SELECT') ? NO_EFFECT : null;
  const ours = tableChange('CREATE', [name], tracked, effect);
  if (ours !== null) return ours;
  const n = r.words.length;
  const opens = r.keyword(n - 2) === 'START' && r.keyword(n - 1) === 'TRANSACTION';
  if (opens) return { kind: 'opens' };
  return createdFrom(r) ?? definition(r, false, replaces);
}

/** A table that was made of a SELECT, as text: the routines in it may have changed others. */
function createdFrom(r: WordReader): DataStatement | null {
  if (!r.has('SELECT')) return null;
  while (!r.ended && r.keyword() !== 'SELECT') r.at += 1;
  const read = new WordReader(r.words.slice(r.at), r.schema);
  return { ...dataStatement(read), verb: 'CREATE TABLE ... SELECT' };
}

function ofProgram(r: WordReader, removes: boolean): Statement {
  const start = r.at;
  if (QUIET_OBJECTS.has(r.keyword())) return HARMLESS;
  for (let i = start; i < start + PROGRAM_WORDS_MAX; i++) {
    if (PROGRAMS.test(r.keyword(i))) return definition(r, true, removes);
    // `CREATE DEFINER = admin ROLE ...`: names of accounts may be words as well.
    if (i > start && /^(TABLE|DATABASE)$/.test(r.keyword(i))) break;
  }
  return { kind: 'unknown', verb: `${r.keyword(0)} ${r.keyword(start)}` };
}

function drop(r: WordReader, tracked: TrackedNames): Statement {
  if (r.skip('DATABASE') || r.skip('SCHEMA')) {
    r.skip('IF', 'EXISTS');
    return ofDatabase(r, 'DROP', tracked);
  }
  if (r.skip('TEMPORARY')) return HARMLESS;
  if (r.keyword() === 'INDEX') return dropIndex(r, tracked);
  if (!r.skip('TABLE') && !r.skip('TABLES')) return ofProgram(r, true);
  return tableChange('DROP', r.names(), tracked, null) ?? definition(r, false, true);
}

/** Without its primary key a table is another one. */
function dropIndex(r: WordReader, tracked: TrackedNames): Statement {
  const isPrimary = r.words.some(w => w.text.toUpperCase() === 'PRIMARY');
  const start = r.at;
  r.seek('ON');
  const effect = { ...NO_EFFECT, drops: lowerWords(r.words.slice(start, r.at)) };
  r.at += 1;
  return tableChange('DROP INDEX', [r.name()], tracked, isPrimary ? null : effect) ?? HARMLESS;
}

function alter(r: WordReader, tracked: TrackedNames): Statement {
  const isIgnoring = ['ONLINE', 'OFFLINE', 'IGNORE'].includes(r.keyword());
  const start = r.at;
  // MariaDB's words before TABLE.
  r.skipAny('ONLINE', 'OFFLINE', 'IGNORE');
  if (!r.skip('TABLE')) {
    r.at = start;
    return ofProgram(r, true);
  }
  r.skip('IF', 'EXISTS');
  const name = r.name();
  const own = tableChange('ALTER', [name], tracked, isIgnoring ? null : alterEffect(r));
  return own ?? alterOther(r, tracked);
}

/** Another table that takes our name, or exchanges rows with one of ours. */
function alterOther(r: WordReader, tracked: TrackedNames): Statement {
  while (!r.ended) {
    const isNamed =
      r.skip('RENAME', 'TO') ||
      r.skip('RENAME', 'AS') ||
      r.skip('WITH', 'TABLE') ||
      r.skip('TO', 'TABLE') ||
      r.skip('CONVERT', 'TABLE') ||
      (r.skip('RENAME') && !/^(COLUMN|INDEX|KEY)$/.test(r.keyword()));
    const ours = isNamed ? tableChange('ALTER', [r.name()], tracked, null) : null;
    if (ours !== null) return ours;
    if (!isNamed) r.at += 1;
  }
  return definition(r, false, true);
}
