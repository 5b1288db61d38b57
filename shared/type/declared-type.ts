/** A column's type as INFORMATION_SCHEMA words it, and the lists of members in such words. */

/** The INFORMATION_SCHEMA.COLUMNS fields that decide a type. */
export interface DeclaredType {
  dataType: string;
  columnType: string;
  charset: string | null;
  collation: string | null;
  octetLength: string | number | null;
  precision: string | number | null;
  scale: string | number | null;
  fsp: string | number | null;
}

const ESCAPES: Record<string, string> = { '0': '\0', n: '\n', r: '\r', t: '\t', Z: '\x1a' };

/** Values of `enum('a','it''s')`; quotes are doubled, other special characters have a backslash. */
export function listedValues(columnType: string): string[] {
  const values: string[] = [];
  let i = columnType.indexOf('(') + 1;
  while (i > 0 && columnType[i] === "'") {
    let value = '';
    for (i += 1; i < columnType.length; i++) {
      const c = columnType[i] ?? '';
      if (c === '\\') {
        i += 1;
        const escaped = columnType[i] ?? '';
        value += ESCAPES[escaped] ?? escaped;
      } else if (c !== "'") {
        value += c;
      } else if (columnType[i + 1] === "'") {
        value += "'";
        i += 1;
      } else {
        break;
      }
    }
    values.push(value);
    i += 1;
    if (columnType[i] !== ',') break;
    i += 1;
  }
  return values;
}
