/**
 * A column's type in the words of a declaration: as a statement has it, or as a server prints it
 * (COLUMN_TYPE). Two texts are of one type only if they are the same when they are plain.
 */
import type { ColumnType } from './column-type.ts';
import { columnTypeOf } from './type-families.ts';

/** How a server declares what people write; a display width says nothing of values. */
const ALIASES: readonly [RegExp, string][] = [
  [/^bool(ean)?$/, 'tinyint'],
  [/^integer\b/, 'int'],
  [/^(dec|numeric|fixed)\b/, 'decimal'],
  [/^(character|char) varying\b/, 'varchar'],
  [/^character\b/, 'char'],
  [/^double precision\b/, 'double'],
  [/^((tiny|small|medium|big)?int|year)\(\d+\)/, '$1'],
  [/ signed\b/, ''],
  [/^decimal(?!\()/, 'decimal(10,0)'],
  [/^decimal\((\d+)\)/, 'decimal($1,0)'],
  [/^char(?!\()/, 'char(1)'],
];

/** The text without what people may write in several ways. */
export function plainTypeText(text: string): string {
  const [, head = '', rest = ''] = /^([^(]*)(.*)$/s.exec(text) ?? [];
  const plain = `${head.toLowerCase()}${rest}`;
  return ALIASES.reduce((t, [pattern, by]) => t.replace(pattern, by), plain).trim();
}

/** Bytes of types that have no length of their own. */
const OCTETS: Readonly<Record<string, number>> = {
  ...{ tinytext: 255, text: 65_535, mediumtext: 16_777_215, longtext: 4_294_967_295 },
  ...{ tinyblob: 255, blob: 65_535, mediumblob: 16_777_215, longblob: 4_294_967_295 },
};

/**
 * The type of a text, as far as the text says it: a letter counts as one byte, and there is no
 * character set. `unsupported` if no family knows it.
 */
export function typeOfText(text: string): ColumnType {
  const columnType = plainTypeText(text);
  const [, dataType = '', inside = ''] = /^(\w+)(?:\(([^')]*)\))?/.exec(columnType) ?? [];
  const [first = '', scale = '0'] = inside.split(',');
  return columnTypeOf({
    ...{ dataType, columnType, charset: '', collation: '' },
    ...{ octetLength: OCTETS[dataType] ?? first, precision: first, scale, fsp: first },
  });
}

/**
 * Whether `ColumnType` has all that the text says of values: not the sign of a DECIMAL, nor the
 * digits of a FLOAT, nor members that a server cannot print.
 */
export function isToldByType(text: string): boolean {
  const plain = plainTypeText(text);
  if (/^(enum|set)\(/.test(plain)) return !plain.includes('?');
  if (/ zerofill\b/.test(plain) || /^(float|double)\(/.test(plain)) return false;
  return !/^(decimal|float|double)\b.* unsigned\b/.test(plain);
}
