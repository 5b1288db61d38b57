/**
 * What a data change that was logged as a statement may have written to: the tables that it names
 * as its targets, and the routines that it calls. What a view, a trigger or a foreign key carries
 * further is not in the text; the server is asked for that (live-judge.ts).
 */
import { CALLS_NOTHING } from './native-function.ts';
import type { Name, Word, WordReader } from './words.ts';

export interface DataStatement {
  kind: 'data';
  verb: string;
  targets: Name[];
  /** What stands before a parenthesis and is not known to be harmless. */
  calls: string[];
  /** Where names may be: the default database, and all that stands before a dot. */
  databases: string[];
  /** Every word that may be a name, in lower case. */
  words: string[];
  /** The targets cannot be told from the text. */
  unclear: boolean;
}

const CHANGES = ['INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'LOAD'];
/** Statements without a target: all that they may change, a routine does. */
const ROUTINE_CALLS = ['SELECT', 'DO', 'CALL', 'SET', 'VALUES'];

export const DATA_VERBS: ReadonlySet<string> = new Set([...CHANGES, ...ROUTINE_CALLS, 'WITH']);

interface Targets {
  names: Name[];
  unclear: boolean;
}

export function dataStatement(r: WordReader): DataStatement {
  let verb = r.keyword();
  if (verb === 'WITH') {
    r.at += 1;
    verb = r.seek('SELECT', ...CHANGES) || 'WITH';
  }
  r.at += 1;
  const { names, unclear } = targetsOf(r, verb);
  const words = r.words.filter(isName);
  return {
    kind: 'data',
    verb,
    targets: names,
    calls: [...(verb === 'CALL' ? [r.words[1]?.text ?? ''] : []), ...callsOf(r, names)],
    databases: databasesOf(r, names),
    words: [...new Set(words.map(w => w.text.toLowerCase()))],
    unclear,
  };
}

/** A word, and not a number: those differ from statement to statement, and name nothing. */
function isName({ text, quoted }: Word): boolean {
  return quoted || (/\w/.test(text) && !/^(\d+(e\d*)?|0x[0-9a-f]+)$/i.test(text));
}

function targetsOf(r: WordReader, verb: string): Targets {
  switch (verb) {
    case 'INSERT':
    case 'REPLACE':
      r.skipAny('LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE', 'INTO');
      return { names: [r.name()], unclear: false };
    case 'LOAD':
      while (!r.ended && !r.skip('INTO', 'TABLE')) r.at += 1;
      return r.ended ? { names: [], unclear: true } : { names: [r.name()], unclear: false };
    case 'UPDATE':
      r.skipAny('LOW_PRIORITY', 'IGNORE');
      return tableReferences(r, 'SET');
    case 'DELETE':
      r.skipAny('LOW_PRIORITY', 'QUICK', 'IGNORE', 'HISTORY');
      return deleted(r);
    default:
      return { names: [], unclear: !ROUTINE_CALLS.includes(verb) };
  }
}

/** Of more than one table any may be deleted from: the list before names aliases as well. */
function deleted(r: WordReader): Targets {
  const start = r.at;
  // DELETE FROM list USING tables; what has a parenthesis behind it is a join's USING.
  const isList = r.keyword() === 'FROM' && r.seek('USING', 'WHERE') === 'USING';
  if (!isList || r.keyword(r.at + 1) === '(') {
    r.at = start;
    r.seek('FROM');
  }
  r.at += 1;
  return tableReferences(r, 'WHERE', 'ORDER', 'LIMIT', 'RETURNING');
}

/** Names between here and one of the words; a join or a subquery in parentheses is unclear. */
function tableReferences(r: WordReader, ...ends: string[]): Targets {
  const names: Name[] = [r.keyword() === '(' ? { db: '', name: '' } : r.name()];
  let unclear = names[0]?.name === '';
  while (!r.ended && !ends.includes(r.keyword())) {
    const isNext = r.skip(',') || r.skip('JOIN') || r.skip('STRAIGHT_JOIN');
    if (!isNext) {
      // An index hint, a condition or a list of partitions has its parentheses too.
      r.at += 1;
      continue;
    }
    if (r.keyword() === '(') unclear = true;
    else names.push(r.name());
  }
  return { names, unclear };
}

function callsOf(r: WordReader, targets: readonly Name[]): string[] {
  const { words } = r;
  const found: string[] = [];
  for (let i = 1; i < words.length; i++) {
    const word = words[i - 1];
    if (word === undefined || words[i]?.text !== '(' || words[i]?.quoted) continue;
    if (!word.quoted && !/\w/.test(word.text)) continue;
    const isQualified = r.keyword(i - 2) === '.';
    if (!word.quoted && !isQualified && CALLS_NOTHING.has(word.text.toUpperCase())) continue;
    // INSERT INTO t (columns): the parenthesis that stands right behind the target.
    if (i === r.at && targets.length === 1) continue;
    found.push(word.text);
  }
  return found;
}

/** A table's name follows these. */
const BEFORE_TABLE = ['FROM', 'JOIN', 'STRAIGHT_JOIN', 'INTO', 'UPDATE', 'TABLE'];

/**
 * Databases in which the statement may name something: the default one, those of the targets, and
 * what stands before a dot, unless that is a table of the statement or its alias.
 */
function databasesOf(r: WordReader, targets: readonly Name[]): string[] {
  const tables = tableNames(r);
  const found = new Set([r.schema, ...targets.map(t => t.db)]);
  for (const [i, word] of r.words.entries()) {
    const isQualifier = r.keyword(i + 1) === '.' && r.keyword(i - 1) !== '.' && isName(word);
    if (!isQualifier) continue;
    if (BEFORE_TABLE.includes(r.keyword(i - 1)) || !tables.has(word.text)) found.add(word.text);
  }
  return [...found];
}

/** Names by which columns may be told apart: of tables and their aliases. */
function tableNames(r: WordReader): Set<string> {
  const names = new Set<string>();
  for (let i = 0; i < r.words.length; i++) {
    if (r.keyword(i) === 'AS') names.add(r.words[i + 1]?.text ?? '');
    if (!BEFORE_TABLE.includes(r.keyword(i))) continue;
    const last = r.keyword(i + 2) === '.' ? i + 3 : i + 1;
    names.add(r.words[last]?.text ?? '').add(r.words[last + 1]?.text ?? '');
  }
  return names;
}
