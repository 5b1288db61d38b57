/**
 * A condition over the columns of one row, as an operator writes it: `created_at >= '2026-01-01'`.
 * It goes into statements of ours on sources and targets, so it must end where we think it does,
 * and mean the same rows whenever it is asked. Only what is known to do so is let through: columns
 * of the table, plain literals, operators, and functions of their arguments alone. A list of what
 * is forbidden, the obvious way, is wrong with the next version of a server.
 *
 * It is written anew from its tokens, with every column quoted, so there is no comment, no text in
 * double quotes and no other word in it than was looked at. The servers still have the last word.
 */
import { ReshardError } from '../runtime/error.ts';
import { quoteId } from './identifier.ts';

const WORDS = words(`AND OR NOT XOR IN IS NULL TRUE FALSE LIKE ESCAPE BETWEEN DIV MOD`);
/** In front of a text: a literal of that type. */
const TYPED = words('DATE TIME TIMESTAMP');
/** Each depends on its arguments alone, and is in both flavors. */
const FUNCTIONS = words(`
  ABS CEIL CEILING FLOOR ROUND TRUNCATE SIGN MOD CRC32 GREATEST LEAST COALESCE IFNULL NULLIF
  LENGTH OCTET_LENGTH CHAR_LENGTH LOWER UPPER LEFT RIGHT SUBSTRING CONCAT HEX UNHEX
  DATE TIME YEAR MONTH DAY DAYOFMONTH DAYOFWEEK DAYOFYEAR HOUR MINUTE SECOND MICROSECOND TO_DAYS`);

/** White space, then one token. */
const TOKEN = new RegExp(
  [
    /(?<text>'(?:[^'\\]|'')*')/,
    /(?<quoted>`(?:[^`]|``)+`)/,
    /(?<number>0x[0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w$])/,
    /(?<word>[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*)/,
    /(?<sign><=>|<=|>=|<>|!=|<<|>>|[-+*/%=<>&|^~(),])/,
  ]
    .map(r => r.source)
    .join('|'),
  'uy',
);

const REMEDY =
  'columns of the table, literals, AND OR NOT IN IS LIKE BETWEEN, comparisons, arithmetic, and ' +
  'functions of a value such as LENGTH(note) or DATE(created_at); times are in UTC';

/** The condition with its columns quoted; throws `config` with the reason why it is none. */
export function rowCondition(text: string, columns: readonly string[]): string {
  const names = new Map(columns.map(name => [name.toLowerCase(), name]));
  const tokens = tokensOf(text);
  if (tokens.length === 0) throw refused('is empty');
  let depth = 0;
  let sql = '';
  for (const [i, token] of tokens.entries()) {
    depth += Number(token.text === '(') - Number(token.text === ')');
    if (depth < 0) throw refused('closes a parenthesis that is not open');
    const isCall = token.kind === 'word' && tokens[i + 1]?.text === '(';
    const next = tokens[i + 1];
    // Some functions are none to a server if there is a space in front of their parenthesis.
    sql += isCall ? called(token.text) : `${written(token, next, names)} `;
  }
  if (depth > 0) throw refused('has a parenthesis that is not closed');
  return sql.trimEnd();
}

interface Token {
  kind: string;
  text: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let pos = 0; ; ) {
    while (/\s/.test(text[pos] ?? '')) pos += 1;
    if (pos >= text.length) return tokens;
    TOKEN.lastIndex = pos;
    const found = TOKEN.exec(text);
    if (found === null)
      throw refused(`is not understood from here on: ${text.slice(pos, pos + 20)}`);
    const groups = Object.entries(found.groups ?? {});
    const [kind = ''] = groups.find(([, part]) => part !== undefined) ?? [];
    tokens.push({ kind, text: found[0] });
    pos += found[0].length;
  }
}

/** A word in front of a parenthesis. */
function called(word: string): string {
  const name = word.toUpperCase();
  if (FUNCTIONS.has(name)) return name;
  if (WORDS.has(name)) return `${name} `;
  throw refused(`has ${word}(...), which is not let through`);
}

function written({ kind, text }: Token, next: Token | undefined, names: Names): string {
  if (kind === 'quoted') return columnOf(text.slice(1, -1).replaceAll('``', '`'), names);
  if (kind !== 'word') return text;
  const name = text.toUpperCase();
  const isTyped = TYPED.has(name) && next?.kind === 'text';
  return isTyped || WORDS.has(name) ? name : columnOf(text, names);
}

/** By lower-case name, the name. */
type Names = ReadonlyMap<string, string>;

function columnOf(text: string, names: Names): string {
  const name = names.get(text.toLowerCase());
  if (name === undefined) throw refused(`has ${text}, which is no column of the table`);
  return quoteId(name);
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}

function refused(why: string): ReshardError {
  return new ReshardError('config', `the condition ${why}`, { remedy: REMEDY });
}
