/**
 * The two tables of the soak, and the beat. Both have a primary key, a unique key, a counter and a
 * random value, and the column by which they are sharded; keys and unique values are few, so that
 * statements collide all the time. Unique texts differ in case only, now and then: the servers
 * must agree on what is a duplicate, not we.
 */
import { LoadClient, type LoadEndpoint } from '../support/load/client.ts';
import { Random } from '../support/load/random.ts';
import type { Value } from '../support/load/tables.ts';

export const ROUTE_COLUMN = 'customer_id';
export const BEAT = 'beat';
export const TABLES = ['accounts', 'entries', BEAT] as const;
export type TableName = (typeof TABLES)[number];

export const KEYS: Readonly<Record<TableName, readonly string[]>> = {
  accounts: ['no'],
  entries: ['no', 'seq'],
  beat: ['id'],
};

/** Rows of the beat: enough to be in every partition on the way to every target. */
export const BEAT_ROWS = 64;
/** Values of `seq` within one `no` of entries. */
const SEQS = 4;

const CREATE: readonly string[] = [
  `CREATE TABLE accounts (
    no BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    seq INT NOT NULL,
    uk VARCHAR(40) NOT NULL,
    update_cnt INT NOT NULL DEFAULT 0,
    customer_id BIGINT NOT NULL,
    val VARCHAR(300) NULL,
    UNIQUE KEY uk (uk)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
  `CREATE TABLE entries (
    no BIGINT UNSIGNED NOT NULL,
    seq INT NOT NULL,
    uk BIGINT UNSIGNED NULL,
    update_cnt INT NOT NULL DEFAULT 0,
    customer_id INT NOT NULL,
    val VARBINARY(64) NULL,
    PRIMARY KEY (no, seq),
    UNIQUE KEY uk (uk)
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
  `CREATE TABLE ${BEAT} (
    id INT NOT NULL PRIMARY KEY,
    customer_id INT NOT NULL,
    n BIGINT NOT NULL
  ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`,
];

export const COLUMNS = 'no,seq,uk,update_cnt,customer_id,val';

/** Which keys and values the random work picks from. */
export class KeySpace {
  readonly keys: number;
  readonly #hot: number;

  constructor(keys: number) {
    this.keys = keys;
    this.#hot = Math.max(50, Math.floor(keys / 40));
  }

  /** A third of all picks fall on few keys. */
  #number(random: Random): number {
    return random.below(random.chance(0.33) ? this.#hot : this.keys);
  }

  account(random: Random): number {
    return 1 + this.#number(random);
  }

  entry(random: Random): [no: number, seq: number] {
    const n = this.#number(random);
    return [Math.floor(n / SEQS), n % SEQS];
  }

  accountUk(random: Random): string {
    return this.accountUkOf(this.#number(random) + random.below(this.#hot), random);
  }

  accountUkOf(n: number, random: Random): string {
    return random.chance(0.2) ? `ACCOUNT-${n}` : `account-${n}`;
  }

  entryUk(random: Random): string | null {
    if (random.chance(0.1)) return null;
    return this.entryUkOf(this.#number(random) + random.below(this.#hot));
  }

  /** Above 2^63: beyond what a signed 64-bit integer holds. */
  entryUkOf(n: number): string {
    return (18446744073709551615n - BigInt(n)).toString();
  }

  customer(random: Random): number {
    return random.between(-500, 5000);
  }

  accountRow(random: Random, no: number | null): Value[] {
    const uk = this.accountUk(random);
    return [no, random.below(1000), uk, 0, this.customer(random), text(random)];
  }

  entryRow(random: Random, [no, seq] = this.entry(random)): Value[] {
    return [no, seq, this.entryUk(random), 0, this.customer(random), bytes(random)];
  }
}

const WORDS = ["it's", 'back\\slash', '漢字', '🚚', '\n', '"', '', 'NULL', '%_', 'plain'] as const;

export function text(random: Random): string | null {
  if (random.chance(0.1)) return null;
  const words = Array.from({ length: random.below(12) }, () => random.pick(WORDS));
  return `${random.next()} ${words.join(' ')}`;
}

export function bytes(random: Random): Buffer | null {
  if (random.chance(0.1)) return null;
  return Buffer.from(Array.from({ length: random.below(65) }, () => random.below(256)));
}

/** Drops and creates the database; `rows` rows in the two tables together, by the seed. */
export async function createTables(
  endpoint: LoadEndpoint,
  database: string,
  o: { rows: number; seed: number },
): Promise<void> {
  const client = await LoadClient.open(endpoint);
  try {
    await client.run(`DROP DATABASE IF EXISTS ${database}`);
    await client.run(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
    await client.run(`USE ${database}`);
    for (const statement of CREATE) await client.run(statement);
    if (o.rows > 0) await fill(client, o);
  } finally {
    await client.close();
  }
}

async function fill(client: LoadClient, o: { rows: number; seed: number }): Promise<void> {
  const space = new KeySpace(o.rows / 2);
  const random = new Random(o.seed, 1 << 22);
  const batch = 1000;
  for (let from = 0; from < space.keys; from += batch) {
    const numbers = Array.from({ length: Math.min(batch, space.keys - from) }, (_, i) => from + i);
    const accounts = numbers.map(n => {
      const row = space.accountRow(random, n + 1);
      row[2] = space.accountUkOf(n, random);
      return row;
    });
    const entries = numbers.map(n => {
      const row = space.entryRow(random, [Math.floor(n / SEQS), n % SEQS]);
      row[2] = space.entryUkOf(n);
      return row;
    });
    await client.run(`INSERT INTO accounts (${COLUMNS}) VALUES ?`, [accounts]);
    await client.run(`INSERT INTO entries (${COLUMNS}) VALUES ?`, [entries]);
  }
}

export async function emptyDatabase(endpoint: LoadEndpoint, database: string): Promise<void> {
  const client = await LoadClient.open(endpoint);
  try {
    await client.run(`DROP DATABASE IF EXISTS ${database}`);
    await client.run(`CREATE DATABASE ${database} CHARACTER SET utf8mb4`);
  } finally {
    await client.close();
  }
}
