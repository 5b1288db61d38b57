/**
 * The bench's own data: one table of eight columns, about 130 bytes a row, a secondary index and
 * JSON, and a change mix of 50 % inserts, 40 % updates and 10 % deletes. All of it follows from a
 * seed, so that a run can be repeated.
 */
import type { Connection } from 'mysql2/promise';

export const DATABASE = 'bench';

export function createTable(table: string): string {
  return `CREATE TABLE ${DATABASE}.${table} (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT NOT NULL,
    status VARCHAR(20) NOT NULL,
    amount DECIMAL(12,2) NOT NULL,
    note VARCHAR(200),
    created_at DATETIME(6) NOT NULL,
    updated_at TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    payload JSON,
    KEY (user_id)) ENGINE=InnoDB`;
}

const COLUMNS = 'id,user_id,status,amount,note,created_at,payload';

function rowText(id: number, i: number): string {
  const payload = `{"a": ${i - (i % 1000)}, "b": [1, 2, 3], "c": "x"}`;
  const note = `note ${i} lorem ipsum dolor sit amet`;
  const amount = ((i % 100_000) / 100).toFixed(2);
  return (
    `(${id},${(i * 7919) % 100_003},'new',${amount},'${note}',` +
    `'2026-01-02 03:04:05.123456','${payload}')`
  );
}

export async function fresh(c: Connection, table: string): Promise<void> {
  await c.query(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`);
  await c.query(`DROP TABLE IF EXISTS ${DATABASE}.${table}`);
  await c.query(createTable(table));
}

/** Fills a fresh table with rows 1..n. */
export async function fill(
  c: Connection,
  table: string,
  n: number,
  onProgress: (rows: number) => void = () => {},
): Promise<void> {
  await fresh(c, table);
  const step = 2000;
  for (let i = 0; i < n; i += step) {
    const rows: string[] = [];
    for (let k = i; k < Math.min(n, i + step); k++) rows.push(rowText(k + 1, k));
    await c.query(`INSERT INTO ${DATABASE}.${table} (${COLUMNS}) VALUES ${rows.join(',')}`);
    onProgress(Math.min(n, i + step));
  }
}

/**
 * Multi-row upserts of the rows with these numbers, `size` rows each; of all columns, as whoever
 * copies a row must write them.
 */
export function upserts(table: string, numbers: readonly number[], size: number): string[] {
  const columns = `${COLUMNS},updated_at`;
  const sets = columns
    .split(',')
    .slice(1)
    .map(c => `${c}=v.${c}`);
  const statements: string[] = [];
  for (let i = 0; i < numbers.length; i += size) {
    const rows = numbers
      .slice(i, i + size)
      .map(n => `${rowText(n + 1, n).slice(0, -1)},'2026-01-02 03:04:05.123')`);
    statements.push(
      `INSERT INTO ${DATABASE}.${table} (${columns}) VALUES ${rows.join(',')} AS v
       ON DUPLICATE KEY UPDATE ${sets.join(',')}`,
    );
  }
  return statements;
}

/** Small reproducible random numbers (mulberry32). */
export function random(seed: number): (below: number) => number {
  let s = seed;
  return below => {
    s = (s + 0x6d2b79f5) | 0;
    let x = Math.imul(s ^ (s >>> 15), 1 | s);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) % below;
  };
}

/**
 * Commits `events` row changes in transactions of `size` on one connection, on ids of its own
 * (`worker` apart by ten million). Returns how many were made.
 */
export async function changes(
  c: Connection,
  table: string,
  o: { worker: number; events: number; size: number; seed: number },
): Promise<number> {
  const name = `${DATABASE}.${table}`;
  const pick = random(o.seed + o.worker);
  const base = (o.worker + 1) * 10_000_000;
  let [low, high, made] = [0, 0, 0];
  for (let round = 0; made < o.events; round++) {
    const deletes = o.size >= 10 ? Math.floor(o.size / 10) : round % 2;
    const updates = Math.floor(o.size * 0.4);
    const inserts = o.size - updates - deletes;
    const statements = ['BEGIN'];
    const rows: string[] = [];
    for (let i = 0; i < inserts; i++, high++) rows.push(rowText(base + high, high));
    const ids = new Set<number>();
    const oldest = low + deletes;
    while (ids.size < Math.min(updates, high - oldest)) {
      ids.add(base + oldest + pick(high - oldest));
    }
    const gone = Array.from({ length: deletes }, (_, i) => base + low + i);
    low += deletes;
    if (o.size >= 10) {
      statements.push(`INSERT INTO ${name} (${COLUMNS}) VALUES ${rows.join(',')}`);
      statements.push(update(name, round, [...ids]));
      if (gone.length > 0) statements.push(`DELETE FROM ${name} WHERE id IN (${gone.join(',')})`);
    } else {
      for (const row of rows) statements.push(`INSERT INTO ${name} (${COLUMNS}) VALUES ${row}`);
      for (const id of ids) statements.push(update(name, round, [id]));
      for (const id of gone) statements.push(`DELETE FROM ${name} WHERE id=${id}`);
    }
    statements.push('COMMIT');
    await c.query(statements.join(';'));
    made += inserts + ids.size + gone.length;
  }
  return made;
}

function update(name: string, round: number, ids: number[]): string {
  const where = ids.length === 1 ? `id=${ids[0]}` : `id IN (${ids.join(',')})`;
  return `UPDATE ${name} SET amount=amount+0.01, status='upd${round % 10}' WHERE ${where}`;
}
