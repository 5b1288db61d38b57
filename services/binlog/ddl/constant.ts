/**
 * Columns that are added with a constant: what a server puts in the rows that are there is in the
 * statement itself, and nowhere else. The default that the table shows later may be another one, as
 * many tools take it away at once (`ALTER COLUMN ... DROP DEFAULT`); so the text is read here, at
 * the statement's place, and whether a value follows from it is told by others
 * (shared/schema/column-constant.ts).
 *
 * Invariant: a text that could mean two things is none. A backslash, and a string that is not plain
 * ASCII, mean what the session's sql_mode and character set say; an expression may be of the time.
 */
import type { AddedConstant } from '../../../shared/schema/column-constant.ts';
import type { Word } from './words.ts';

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const STRING = /^'(?:[^'\\]|'')*'$/;
const PLAIN = /^[\x20-\x7e]*$/;
/** Behind the type's name. */
const OF_TYPE = new Set(['UNSIGNED', 'SIGNED', 'PRECISION', 'VARYING']);
const SMALL = new Set(['VISIBLE', 'INVISIBLE', 'FIRST']);

/** Reads what stands behind the name; null: it is declared in another way too. */
export function constantOf(name: string, declared: readonly Word[]): AddedConstant | null {
  const type = typeOf(declared);
  if (type === null) return null;
  const found: AddedConstant = { name, type: type.text, notNull: false, literal: null };
  let at = type.end;
  while (at < declared.length) {
    const next = option(declared, at, found);
    if (next === null) return null;
    at = next;
  }
  return found.literal === null && !found.notNull ? null : found;
}

const keywordAt = (words: readonly Word[], at: number): string => {
  const word = words[at];
  return word === undefined || word.quoted ? '' : word.text.toUpperCase();
};

/** Steps over one option, and notes it; null: it is not known, or not a constant. */
function option(words: readonly Word[], at: number, found: AddedConstant): number | null {
  const word = keywordAt(words, at);
  const strings = words[at]?.strings?.length ?? 0;
  switch (word) {
    case 'DEFAULT':
      return readDefault(words, at, found);
    case 'COMMENT': {
      // MySQL takes a comment in double quotes too.
      const isWord = strings === 0 && words[at + 1]?.isDouble === true;
      return strings === 1 || isWord ? at + (isWord ? 2 : 1) : null;
    }
    case 'NOT':
      if (keywordAt(words, at + 1) !== 'NULL' || strings > 0) return null;
      found.notNull = true;
      return at + 2;
    case 'AFTER':
    case 'COLLATE':
      return strings === 0 && words[at + 1] !== undefined ? at + 2 : null;
    case 'NULL':
      return strings === 0 && !found.notNull ? at + 1 : null;
    default:
      return SMALL.has(word) && strings === 0 ? at + 1 : null;
  }
}

function readDefault(words: readonly Word[], at: number, found: AddedConstant): number | null {
  if (found.literal !== null) return null;
  const strings = words[at]?.strings ?? [];
  const [first] = strings;
  if (first !== undefined) {
    if (strings.length > 1 || !STRING.test(first) || !PLAIN.test(first)) return null;
    found.literal = first;
    return at + 1;
  }
  const next = words[at + 1];
  if (next === undefined || (next.strings?.length ?? 0) > 0) return null;
  if (next.quoted) {
    if (!next.isDouble || !PLAIN.test(next.text) || /\\/.test(next.text)) return null;
    found.literal = `'${next.text.replaceAll("'", "''")}'`;
    return at + 2;
  }
  if (/^(TRUE|FALSE)$/i.test(next.text)) {
    found.literal = next.text.toUpperCase() === 'TRUE' ? '1' : '0';
    return at + 2;
  }
  return readNumber(words, at + 1, found);
}

/** A number may be several words: a sign, digits, a point, digits. The longest that is one. */
function readNumber(words: readonly Word[], start: number, found: AddedConstant): number | null {
  let text = '';
  let end: number | null = null;
  for (let at = start; at < Math.min(words.length, start + 6); at++) {
    const word = words[at];
    if (word === undefined || word.quoted) break;
    text += word.text;
    if (NUMBER.test(text)) {
      found.literal = text.replace(/^\+/, '');
      end = at + 1;
    }
    // A string behind a word makes it another thing.
    if ((word.strings?.length ?? 0) > 0) return null;
  }
  return end;
}

/** The type as the text of its declaration, and where the options begin. */
export function typeOf(words: readonly Word[]): { text: string; end: number } | null {
  const [first] = words;
  if (first === undefined || first.quoted || (first.strings?.length ?? 0) > 0) return null;
  let text = first.text.toLowerCase();
  let at = 1;
  for (; keywordAt(words, at) !== ''; at++) {
    const word = keywordAt(words, at);
    if (word === '(') {
      const end = words.findIndex((w, i) => i > at && !w.quoted && w.text === ')');
      if (end < 0) return null;
      const inside = words.slice(at, end + 1);
      if (inside.some(w => w.quoted)) return null;
      text += inside.map(w => w.text + (w.strings ?? []).join('')).join('');
      at = end;
    } else if (OF_TYPE.has(word)) text += ` ${word.toLowerCase()}`;
    else {
      const skipped = charsetAt(words, at);
      if (skipped === 0) break;
      at += skipped - 1;
    }
  }
  return PLAIN.test(text) && !text.includes('\\') ? { text, end: at } : null;
}

/** How many words name a character set here. */
function charsetAt(words: readonly Word[], at: number): number {
  if (keywordAt(words, at) === 'CHARSET') return 2;
  const isSet = keywordAt(words, at) === 'CHARACTER' && keywordAt(words, at + 1) === 'SET';
  return isSet ? 3 : 0;
}
