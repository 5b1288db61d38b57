/**
 * Tables with many rows beside those of the ledger: each write of the application counts a row of
 * one of them up, in its own transaction. What it counts it remembers.
 */
import type { LoadClient } from '../support/load/client.ts';

export interface ShelvesOptions {
  tables: number;
  /** Of all tables together. */
  rows: number;
  /** Numbers of all accounts are below. */
  accounts: number;
}

export interface ShelfRow {
  table: string;
  id: number;
}

const NOTE = 'x'.repeat(60);
const FILLED_AT_ONCE = 50_000;

export class Shelves {
  readonly tables: readonly string[];
  readonly #o: ShelvesOptions;
  readonly #counts = new Map<string, number>();

  constructor(o: ShelvesOptions) {
    this.#o = o;
    this.tables = Array.from({ length: o.tables }, (_, i) => `shelf_${i + 1}`);
  }

  get #rowsOfEach(): number {
    return Math.ceil(this.#o.rows / Math.max(1, this.#o.tables));
  }

  /** Rows of a shard; nobody writes. */
  async fill(client: LoadClient, shard: number, shards: number): Promise<void> {
    const { accounts } = this.#o;
    await client.run(`SET SESSION cte_max_recursion_depth = ${FILLED_AT_ONCE}`);
    for (const table of this.tables) {
      await client.run(
        `CREATE TABLE ${table} (id INT NOT NULL PRIMARY KEY, account INT NOT NULL,
           n INT NOT NULL, note VARCHAR(80))`,
      );
      for (let from = 0; from < this.#rowsOfEach; from += FILLED_AT_ONCE) {
        const to = Math.min(from + FILLED_AT_ONCE, this.#rowsOfEach);
        await client.run(
          `INSERT INTO ${table}
             WITH RECURSIVE ids AS (
               SELECT ${from} AS id UNION ALL SELECT id + 1 FROM ids WHERE id < ${to - 1})
             SELECT id, id % ${accounts}, 0, '${NOTE}' FROM ids
             WHERE id % ${accounts} % ${shards} = ${shard}`,
        );
      }
    }
  }

  /** A row of the account; null: there are no shelves. */
  pick(account: number): ShelfRow | null {
    const table = this.tables[Math.floor(Math.random() * this.tables.length)];
    if (table === undefined) return null;
    const ofAccount = Math.max(1, Math.floor(this.#rowsOfEach / this.#o.accounts));
    return { table, id: account + this.#o.accounts * Math.floor(Math.random() * ofAccount) };
  }

  learn({ table, id }: ShelfRow): void {
    const key = `${table}/${id}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** What the servers of a place count otherwise than is remembered. */
  async forgotten(clients: readonly LoadClient[]): Promise<string[]> {
    const wrong: string[] = [];
    const left = new Map(this.#counts);
    for (const client of clients) {
      for (const table of this.tables) {
        for (const [id, n] of await client.rows(`SELECT id, n FROM ${table} WHERE n > 0`)) {
          const key = `${table}/${id}`;
          if (Number(n) !== left.get(key)) wrong.push(`${key} is ${n}, not ${left.get(key) ?? 0}`);
          left.delete(key);
        }
      }
    }
    return [...wrong, ...[...left].map(([key, n]) => `${key} is not counted, ${n} are remembered`)];
  }
}
