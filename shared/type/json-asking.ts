/**
 * How a SELECT asks for the kinds of a document's values, in a cell behind the document: NULL, or
 * the list of them (json-kind-list.ts). To make the list costs the server microseconds a document,
 * so a reader of many rows asks for less where documents have had no such values so far: for the
 * number of paths, out of those at which they had numbers, that lead to an INTEGER or a DOUBLE. If
 * the text has as many numbers, all of them are such: each path leads to one value at most, and to
 * another one than the others do. If it has not, the reader is told to read those rows again and
 * to ask for the list.
 */
import { at } from '../runtime/bytes.ts';

/** All but arrays, and these where they are first: eachScalar counts the same. */
const EACH_VALUE = "'$**[0]'";
/** Kinds that a parse of a text makes. */
export const PARSED_SCALARS = "'INTEGER','STRING','DOUBLE','BOOLEAN','NULL'";
const PARSED = `${PARSED_SCALARS},'OBJECT','ARRAY'`;

/** SQL of the list of a column's kinds; NULL if a parse of its text has the same. */
export function kindsSelect(c: string): string {
  return (
    `(SELECT JSON_OBJECTAGG(reshard_value.i,JSON_TYPE(reshard_value.v)) FROM JSON_TABLE(JSON_EXTRACT(${c},'$'),` +
    `${EACH_VALUE} COLUMNS(i FOR ORDINALITY,v JSON PATH '$')) reshard_value ` +
    `WHERE JSON_TYPE(reshard_value.v) NOT IN (${PARSED}))`
  );
}

/** More cost as much as the list. */
const PATHS_MAX = 12;
/** A table whose documents are ever other ones is asked for the list. */
const MISSES_MAX = 4;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Keys of which a path is made without an escape. */
const PLAIN_KEY = /^\w+$/;

export class JsonAsking {
  /** Null: the list is asked for. */
  #paths: readonly string[] | null = null;
  /** Strings that look like dates or bytes have been seen, and were strings. */
  #asksStrings = false;
  /** Of documents without other kinds that were read with the list; null: they were too many. */
  #seen: Set<string> | null = new Set();
  #hadKinds = false;
  #hasMissed = false;
  #misses = 0;

  /** SQL of the cell behind the column. */
  select(c: string): string {
    if (this.#paths === null) return kindsSelect(c);
    const count = this.#paths.map(path => {
      return `IFNULL(JSON_TYPE(JSON_EXTRACT(${c},'${path}')) IN ('INTEGER','DOUBLE'),0)`;
    });
    const sum = count.length === 0 ? '0' : count.join('+');
    return this.#asksStrings ? `IF(${c}<=>CAST(CAST(${c} AS CHAR) AS JSON),${sum},-1)` : sum;
  }

  /** A document came with a list. */
  noteKinds(): void {
    this.#hadKinds = true;
  }

  /** A document came with a cell that is no list: a number of numbers, or null for no kinds. */
  note(src: Buffer, start: number, end: number, cell: { start: number; end: number } | null): void {
    if (cell === null) this.#learn(src, start, end);
    else if (!this.#isPlain(src, start, end, src.toString('latin1', cell.start, cell.end))) {
      this.#hasMissed = true;
    }
  }

  /** True: what was read since the last call has to be read again, by what `select` is now. */
  settle(): boolean {
    const hasMissed = this.#hasMissed;
    if (hasMissed) {
      this.#misses++;
      this.#paths = null;
    } else if (this.#paths === null && this.#misses < MISSES_MAX && !this.#hadKinds) {
      this.#paths = this.#seen === null ? null : distinctPaths(this.#seen);
    }
    this.#hasMissed = false;
    this.#hadKinds = false;
    return hasMissed;
  }

  #isPlain(src: Buffer, start: number, end: number, numbers: string): boolean {
    const found = countNumbers(src, start, end);
    return (this.#asksStrings || !found.hasDoubtful) && String(found.numbers) === numbers;
  }

  #learn(src: Buffer, start: number, end: number): void {
    if (this.#seen === null || this.#misses >= MISSES_MAX) return;
    if (!this.#asksStrings) this.#asksStrings = countNumbers(src, start, end).hasDoubtful;
    const isKnown = notePaths(JSON.parse(src.toString('utf8', start, end)), '$', this.#seen);
    if (!isKnown) this.#seen = null;
  }
}

/** Adds the paths of the numbers; false if there are too many, or one that has no plain path. */
function notePaths(value: unknown, path: string, seen: Set<string>): boolean {
  if (typeof value === 'number') {
    seen.add(path);
    return seen.size <= PATHS_MAX;
  }
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every((v, i) => notePaths(v, `${path}[${i}]`, seen));
  return Object.entries(value).every(([key, v]) => {
    if (PLAIN_KEY.test(key)) return notePaths(v, `${path}."${key}"`, seen);
    const inner = new Set<string>();
    return notePaths(v, path, inner) && inner.size === 0;
  });
}

/**
 * Null if two might lead to one value: what is no array is its own first element to the server, so
 * `$.a` and `$.a[0]` do where `a` is a number.
 */
function distinctPaths(seen: ReadonlySet<string>): string[] | null {
  const paths = [...seen];
  const ends = new Set(paths.map(path => path.replaceAll('[0]', '')));
  return ends.size === paths.length ? paths : null;
}

/** Numbers of the text, and whether a string, or a key, looks like a date or bytes. */
function countNumbers(
  src: Buffer,
  start: number,
  end: number,
): { numbers: number; hasDoubtful: boolean } {
  let numbers = 0;
  let hasDoubtful = false;
  for (let i = start; i < end; ) {
    const b = at(src, i);
    if (b === QUOTE) {
      const stop = closingQuote(src, i + 1, end);
      hasDoubtful ||= isDoubtful(src, i + 1, stop);
      i = stop + 1;
    } else if ((b >= 0x30 && b <= 0x39) || b === 0x2d) {
      numbers++;
      for (i++; i < end && isOfNumber(at(src, i)); ) i++;
    } else i++;
  }
  return { numbers, hasDoubtful };
}

function isOfNumber(b: number): boolean {
  return (b >= 0x30 && b <= 0x39) || b === 0x2e || b === 0x65 || b === 0x2d || b === 0x2b;
}

function closingQuote(src: Buffer, pos: number, end: number): number {
  let i = pos;
  while (i < end) {
    const b = at(src, i);
    if (b === QUOTE) return i;
    i += b === BACKSLASH ? 2 : 1;
  }
  return end;
}

const TEMPORAL = /^(\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d\.\d{6})?|-?\d{2,3}:\d\d:\d\d\.\d{6})$/;
const BYTES = 'base64:type';

/** The lengths and a character of each spare nearly all the rest. */
function isDoubtful(src: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length > BYTES.length && at(src, start) === 0x62 && at(src, start + 6) === 0x3a) {
    return src.toString('latin1', start, start + BYTES.length) === BYTES;
  }
  if (length === 10 || length === 26) {
    if (at(src, start + 4) !== 0x2d || at(src, start + 7) !== 0x2d) return false;
  } else if (length >= 15 && length <= 17) {
    if (at(src, end - 7) !== 0x2e || at(src, end - 10) !== 0x3a) return false;
  } else return false;
  return TEMPORAL.test(src.toString('latin1', start, end));
}
