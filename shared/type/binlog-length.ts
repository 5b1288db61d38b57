/**
 * Length prefixes of variable-size values in a row image: one byte or two by the column's largest
 * size in bytes for CHAR, VARCHAR and their binary twins; by the form alone for TEXT and BLOB.
 */

import { at } from '../runtime/bytes.ts';
import { unreachable } from '../runtime/error.ts';
import type { BinaryForm, ColumnType, TextForm } from './column-type.ts';
import { type SeenColumn, TYPE_CODE } from './seen-column.ts';

export function lengthBytes(form: TextForm | BinaryForm, maxBytes: number): number {
  switch (form) {
    case 'char':
    case 'varchar':
    case 'binary':
    case 'varbinary':
      return maxBytes > 255 ? 2 : 1;
    case 'tinytext':
    case 'tinyblob':
      return 1;
    case 'text':
    case 'blob':
      return 2;
    case 'mediumtext':
    case 'mediumblob':
      return 3;
    case 'longtext':
    case 'longblob':
      return 4;
    default:
      return unreachable(form);
  }
}

export function readLength(src: Buffer, pos: number, bytes: number): number {
  let n = 0;
  for (let i = bytes - 1; i >= 0; i--) n = n * 256 + at(src, pos + i);
  return n;
}

/**
 * Whether `is` holds all texts, or bytes, of `was`, and more. Those of variable length may become a
 * TEXT or BLOB, those of a fixed one only a longer CHAR, whose blanks at the end are no part of the
 * value: whoever copies a CHAR into another form may make them so (PAD_CHAR_TO_FULL_LENGTH).
 */
export function isWiderForm(
  was: Extract<ColumnType, { kind: 'text' | 'binary' }>,
  is: Extract<ColumnType, { kind: 'text' | 'binary' }>,
): boolean {
  const isLarge = /(text|blob)$/.test(is.form);
  if (was.form === is.form) return was.form !== 'binary' && was.length < is.length;
  const isFixed = was.form === 'char' || was.form === 'binary';
  return isLarge && !isFixed && was.length <= is.length;
}

/** Whether the binlog's metadata tell the same form and the same largest size. */
export function sameBytes(
  { form, length }: Extract<ColumnType, { kind: 'text' | 'binary' }>,
  { code, metadata }: SeenColumn,
): boolean {
  switch (form) {
    case 'char':
    case 'binary':
      return code === TYPE_CODE.STRING && metadata.max_length === length;
    case 'varchar':
    case 'varbinary':
      return code === TYPE_CODE.VARCHAR && metadata.max_length === length;
    case 'tinytext':
    case 'text':
    case 'mediumtext':
    case 'longtext':
    case 'tinyblob':
    case 'blob':
    case 'mediumblob':
    case 'longblob':
      return code === TYPE_CODE.BLOB && metadata.length_size === lengthBytes(form, length);
    default:
      return unreachable(form);
  }
}
