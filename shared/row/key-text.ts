/**
 * A key as people and reports write it (column name -> text; bytes as 0x..., ENUM and SET by member
 * names) back as canonical key bytes. The text is put into the form in which a server prints the
 * key columns, and the row codec reads that: there is no second encoding of a key.
 */

import { ReshardError } from '../runtime/error.ts';
import type { Column } from '../type/column-type.ts';
import type { KeyBound } from './key-bound.ts';

const SHORT_MAX = 250;

export function keyFromText(bound: KeyBound, key: Readonly<Record<string, string>>): Buffer {
  const packet = bound.columns.flatMap(column => {
    const text = key[column.name];
    if (text === undefined) throw wrong(column, 'is missing in the key');
    const bytes = printed(column, text);
    return [lengthOf(bytes.length), bytes];
  });
  const row = Buffer.concat(packet);
  try {
    return bound.fromText(row, 0, row.length);
  } catch (e) {
    if (e instanceof ReshardError && e.kind !== 'corrupt') throw e;
    throw wrong(bound.columns[0], 'the key is not of the type of its columns', e);
  }
}

/** What the server sends for this value of a key column (range-sql.ts, selectExpression). */
function printed(column: Column, text: string): Buffer {
  const { type } = column;
  switch (type.kind) {
    case 'binary':
      if (!/^0x([0-9a-f]{2})*$/i.test(text)) throw wrong(column, 'is not written as 0x...');
      return Buffer.from(text.slice(2), 'hex');
    case 'bit':
      return bits(column, text, (type.bits + 7) >> 3);
    case 'enum': {
      const index = type.values.indexOf(text);
      if (index < 0) throw wrong(column, 'is not a member');
      return Buffer.from(String(index + 1));
    }
    case 'set': {
      let sum = 0n;
      for (const member of text === '' ? [] : text.split(',')) {
        const index = type.values.indexOf(member);
        if (index < 0) throw wrong(column, 'is not a member');
        sum |= 1n << BigInt(index);
      }
      return Buffer.from(String(sum));
    }
    case 'integer':
      return plain(column, text, /^-?\d+$/);
    case 'decimal':
      return plain(column, text, /^-?\d+(\.\d+)?$/);
    case 'year':
      return plain(column, text, /^\d{4}$/);
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
      return plain(column, text, /^-?\d+([-: .]\d+)+$/);
    default:
      return Buffer.from(text, 'utf8');
  }
}

/** The row codec trusts a server to print well; people may not. */
function plain(column: Column, text: string, form: RegExp): Buffer {
  if (!form.test(text)) throw wrong(column, `is not a ${column.type.kind}`);
  return Buffer.from(text, 'latin1');
}

function bits(column: Column, text: string, length: number): Buffer {
  if (!/^\d+$/.test(text)) throw wrong(column, 'is not a number');
  const hex = BigInt(text).toString(16);
  return Buffer.from(hex.padStart(length * 2, '0').slice(-length * 2), 'hex');
}

/** Length-encoded, as in a row packet. */
function lengthOf(length: number): Buffer {
  if (length <= SHORT_MAX) return Buffer.from([length]);
  return Buffer.from([0xfc, length & 0xff, length >> 8]);
}

function wrong(column: Column | undefined, what: string, cause?: unknown): ReshardError {
  return new ReshardError('config', `${column?.name ?? 'key'}: ${what}`, { cause });
}
