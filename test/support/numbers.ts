/** Rows of whole numbers without recursion, whose limits differ between MySQL and MariaDB. */
const DIGITS = `(${[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(d => `SELECT ${d} AS d`).join(' UNION ALL ')})`;

/** A derived table `n` with one column `i` from 0 to 10^digits - 1. */
export function numbersSql(digits: number): string {
  const names = Array.from({ length: digits }, (_, k) => `d${k}`);
  const sum = names.map((name, k) => `${name}.d * ${10 ** k}`).join(' + ');
  return `(SELECT ${sum} AS i FROM ${names.map(name => `${DIGITS} ${name}`).join(', ')}) n`;
}
