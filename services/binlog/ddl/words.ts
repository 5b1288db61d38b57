/**
 * The words of a statement, in order: what all judgement of statements rests on. No SQL parser: the
 * binlogs of ten server versions hold more grammar than any parser knows, so names are looked for
 * by position, and what is not understood is doubted, never passed over.
 *
 * Comments that the server has carried out are words like others; those that it has passed over
 * come as plain comments, as servers rewrite them before they log.
 */

export interface Word {
  text: string;
  /** Quoted: a name, never a keyword. */
  quoted: boolean;
  /** It stands in double quotes: a name, or a string, by the session's sql_mode. */
  isDouble?: boolean;
  /** Strings that follow it, as they stand: they are no words. */
  strings?: string[];
}

/** A table or routine as the statement names it. */
export interface Name {
  db: string;
  name: string;
}

const SKIPPED = String.raw`--[ \t\r\n][^\n]*|#[^\n]*|\/\*(?!!|M!)[\s\S]*?\*\/|\/\*M?!\d*|\*\/`;
/** What a backslash means in a string depends on the session's sql_mode. */
const STRING = {
  escaped: String.raw`'(?:[^'\\]|\\[\s\S]|'')*'`,
  plain: "'(?:[^']|'')*'",
};
const DOUBLE = {
  escaped: String.raw`"((?:[^"\\]|\\[\s\S]|"")*)"`,
  plain: '"((?:[^"]|"")*)"',
};
const TICKED = '`((?:[^`]|``)*)`';
const PLAIN = String.raw`[\w$\u0080-\uffff]+`;

export type Backslash = 'escaped' | 'plain';

const tokens = (mode: Backslash): RegExp =>
  new RegExp(`${SKIPPED}|${STRING[mode]}|${TICKED}|${DOUBLE[mode]}|(${PLAIN})|(\\S)`, 'g');
const TOKENS = { escaped: tokens('escaped'), plain: tokens('plain') };

/** Longer texts are not read to their end; see `isCut`. */
export const TEXT_MAX = 1 << 20;

export function wordsOf(text: string, mode: Backslash = 'escaped'): Word[] {
  const words: Word[] = [];
  for (const match of text.slice(0, TEXT_MAX).matchAll(TOKENS[mode])) {
    const [, ticked, quoted, plain, mark] = match;
    if (ticked !== undefined) words.push({ text: ticked.replaceAll('``', '`'), quoted: true });
    else if (quoted !== undefined) words.push({ text: quoted, quoted: true, isDouble: true });
    else if (plain !== undefined) words.push({ text: plain, quoted: false });
    else if (mark !== undefined) words.push({ text: mark, quoted: false });
    else if (match[0].startsWith("'")) follow(words.at(-1), match[0]);
  }
  return words;
}

/** Most of a statement that is kept for people. */
const SHOWN_MAX = 2000;

/**
 * A statement without its strings and comments, for records and people: no value is in it. Where a
 * backslash leaves open what is a string, nothing of it is shown.
 */
export function withoutStrings(text: string): string {
  if (text.includes('\\')) return '(not shown: it has a backslash)';
  const start = text.slice(0, TEXT_MAX);
  const shown = start.replace(TOKENS.plain, whole => {
    if (/^(--|#|\/\*|\*\/)/.test(whole)) return ' ';
    return /^['"]./.test(whole) ? `${whole[0]}?${whole[0]}` : whole;
  });
  const plain = shown.replace(/\s+/g, ' ').trim();
  // A quote that does not end would leave what is behind it.
  const open = plain.replace(/'\?'|"\?"|`(?:[^`]|``)*`/g, '').search(/['"`]/);
  if (open >= 0) return '(not shown: a string in it has no end)';
  return plain.length > SHOWN_MAX ? `${plain.slice(0, SHOWN_MAX)} ...` : plain;
}

function follow(word: Word | undefined, string: string): void {
  if (word === undefined) return;
  word.strings ??= [];
  word.strings.push(string);
}

/** Steps through the words of a statement. */
export class WordReader {
  readonly words: readonly Word[];
  /** The default database: where names without one are. */
  readonly schema: string;
  at = 0;

  constructor(words: readonly Word[], schema: string) {
    this.words = words;
    this.schema = schema;
  }

  get ended(): boolean {
    return this.at >= this.words.length;
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

  skipAny(...keywords: string[]): void {
    while (keywords.includes(this.keyword())) this.at += 1;
  }

  /** Steps to the next of these words outside of parentheses, or to the end. */
  seek(...keywords: string[]): string {
    for (let depth = 0; !this.ended; this.at += 1) {
      const word = this.keyword();
      if (word === '(') depth += 1;
      else if (word === ')') depth -= 1;
      else if (depth === 0 && keywords.includes(word)) return word;
    }
    return '';
  }

  /** Reads a name, with or without its database. */
  name(): Name {
    // MySQL takes a dot in front of a table's name.
    if (this.keyword() === '.') this.at += 1;
    const first = this.words[this.at]?.text ?? '';
    this.at += 1;
    if (this.keyword() !== '.') return { db: this.schema, name: first };
    const second = this.words[this.at + 1]?.text ?? '';
    this.at += 2;
    return { db: first, name: second };
  }

  /** Every name that could be one, from here on. */
  *names(): Generator<Name> {
    while (!this.ended) yield this.name();
  }

  has(keyword: string): boolean {
    return this.words.some((_, i) => this.keyword(i) === keyword);
  }
}
