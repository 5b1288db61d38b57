/**
 * Values of a row as SQL literals for a script that people run by hand: plain ASCII, whatever the
 * value is, so no client, file or terminal on its way can change it. What the sink writes is the
 * same value in fewer bytes, but raw.
 */
import type { RowCodec } from '../../../shared/row/row-codec.ts';
import { ByteWriter } from '../../../shared/runtime/bytes.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import type { ColumnType } from '../../../shared/type/column-type.ts';
import { isByBytes } from '../../../shared/type/text.ts';
import { familyOf } from '../../../shared/type/type-families.ts';

/** By column name. */
export function rowLiterals(codec: RowCodec, row: Buffer): Map<string, string> {
  const starts = new Int32Array(codec.codecs.length);
  codec.offsets(row, 0, starts);
  const values = codec.toJs(row, 0);
  const out = new ByteWriter(64);
  const literals = codec.schema.columns.map(({ name, type }, i): [string, string] => {
    const value = values[i];
    if (value === null) return [name, 'NULL'];
    const form = codec.hasKinds(row, starts[i] ?? 0, i) ? 'plain' : formOf(type);
    if (form === 'text') return [name, ofText(type, String(value))];
    if (form === 'bytes' && Buffer.isBuffer(value)) return [name, bytesLiteral(value)];
    out.clear();
    codec.toSql(row, starts[i] ?? 0, i, out);
    return [name, out.take().toString('latin1')];
  });
  return new Map(literals);
}

/** Whose literals are digits and signs; whose value is characters; whose it is bytes. */
export function formOf(type: ColumnType): 'plain' | 'text' | 'bytes' {
  switch (type.kind) {
    case 'text':
    case 'json':
    case 'enum':
    case 'set':
      return 'text';
    case 'binary':
    case 'geometry':
    case 'vector':
      return 'bytes';
    case 'integer':
    case 'decimal':
    case 'float':
    case 'double':
    case 'date':
    case 'time':
    case 'datetime':
    case 'timestamp':
    case 'year':
    case 'bit':
    case 'address':
    case 'unsupported':
      return 'plain';
    default:
      return unreachable(type);
  }
}

/** Some codes of other character sets have no character, or not one alone: they go as they are. */
function ofText(type: ColumnType, text: string): string {
  const isCoded = type.kind === 'text' && isByBytes(type.charset);
  return isCoded ? bytesLiteral(familyOf(type).printed(type, text)) : textLiteral(text);
}

function textLiteral(text: string): string {
  return text === '' ? "_utf8mb4''" : `_utf8mb4 0x${Buffer.from(text, 'utf8').toString('hex')}`;
}

function bytesLiteral(bytes: Buffer): string {
  return bytes.length === 0 ? "''" : `0x${bytes.toString('hex')}`;
}
