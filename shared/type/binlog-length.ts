/**
 * Length prefixes of variable-size values in a row image: one byte or two by the column's largest
 * size in bytes for CHAR, VARCHAR and their binary twins; by the form alone for TEXT and BLOB.
 */

import { at } from '../runtime/bytes.ts';
import type { BinaryForm, TextForm } from './column-type.ts';

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
  }
}

export function readLength(src: Buffer, pos: number, bytes: number): number {
  let n = 0;
  for (let i = bytes - 1; i >= 0; i--) n = n * 256 + at(src, pos + i);
  return n;
}
