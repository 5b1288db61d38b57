/** Very many differences: one row in so many is wrong. */
import type { Damage, DetectionTable } from './damage.ts';

/** Rows that one statement copies: its transaction is not the one that is measured. */
const COPIED_ROWS = 50_000;

/** A table of that many rows, with keys from 1. */
export function manyRows(rows: number): DetectionTable {
  const columns = 'id, customer_id, name, amount, made';
  const copies = Array.from({ length: Math.ceil(rows / COPIED_ROWS) - 1 }, (_, i) => {
    const from = COPIED_ROWS * (i + 1);
    return `INSERT INTO many SELECT id + ${from}, customer_id + ${from}, name, amount, made FROM many
      WHERE id <= ${Math.min(COPIED_ROWS, rows - from)}`;
  });
  const digits = (name: string, base: number): string =>
    `(SELECT ${Array.from({ length: base }, (_, i) => `${i}${i === 0 ? ' AS n' : ''}`).join(' UNION SELECT ')}) ${name}`;
  return {
    name: 'many',
    create: `CREATE TABLE many (id INT PRIMARY KEY, customer_id INT NOT NULL,
      name VARCHAR(80) NOT NULL, amount DECIMAL(12,2) NOT NULL, made DATETIME(3) NOT NULL)`,
    fill: [
      `INSERT INTO many (${columns})
        SELECT id, id, SHA2(id, 256), id / 7, '2024-02-29 01:02:03.004' FROM (
          SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS id
          FROM ${digits('a', 10)}, ${digits('b', 10)}, ${digits('c', 10)}, ${digits('d', 50)}
        ) ids WHERE id <= ${rows}`,
      ...copies,
    ],
  };
}

/** One row in `every` of a table is wrong; an even number, so that all of them are on one target. */
export function manyOf(table: 'wide' | 'many', every: number): Pick<Damage, 'done'> {
  const set = table === 'wide' ? 'v = v + 7' : 'amount = amount + 0.01';
  return {
    done: [{ target: 0, sql: `UPDATE ${table} SET ${set} WHERE id % ${every} = 0` }],
  };
}
