/**
 * Digits and Latin letters in the text of a key, as the collations of one family see them: 'É' is e
 * for all of them, 'æ' is ae for some, '😀' is nothing. A table says which letters a code point
 * brings, by the first level of its weights; what has no letter is left out.
 *
 * Code points are counted one after the other, so a table may only be used for collations in which
 * no sequence of code points that brings letters has weights of its own ('ch' in Czech), and in
 * which no two of the 36 are one (y and i in Lithuanian).
 */

import * as data from './key-letters-data.ts';

export interface LetterTable {
  /** By code of an ASCII character: the letter, or 0. */
  readonly ascii: Buffer;
  /** By code point of any other character. */
  readonly others: ReadonlyMap<number, Buffer>;
}

/** By the names that plans keep. `letters:code points`, each one as the step from the last. */
const TABLES: Readonly<Record<string, string>> = {
  ascii: data.ASCII,
  general: data.GENERAL,
  swedish: data.SWEDISH,
  uca400: data.UCA400,
  uca520: data.UCA520,
  uca1400: data.UCA1400,
};

const RADIX = 36;
const known = new Map<string, LetterTable>();

export function letterTable(name: string): LetterTable | undefined {
  const text = TABLES[name];
  if (text === undefined) return undefined;
  let table = known.get(name);
  if (table === undefined) {
    table = read(text);
    known.set(name, table);
  }
  return table;
}

function read(text: string): LetterTable {
  const ascii = Buffer.alloc(128);
  const others = new Map<number, Buffer>();
  for (const entry of text.split(' ')) {
    const [letters = '', steps = ''] = entry.split(':');
    const bytes = Buffer.from(letters, 'latin1');
    let point = 0;
    for (const step of steps.split(',')) {
      point += Number.parseInt(step, RADIX);
      if (point < ascii.length) ascii[point] = bytes[0] ?? 0;
      else others.set(point, bytes);
    }
  }
  return { ascii, others };
}
