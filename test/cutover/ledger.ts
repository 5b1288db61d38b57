/**
 * A simulated application with many connections: clients that book entries to accounts, change
 * them and take them back, each in a transaction of two tables, read their own writes, and remember
 * what they were told is done. Ids are those that the servers give. It knows its servers by a proxy
 * alone, and its shards as such an application does: by the number of the account.
 */
import { LoadClient, type LoadEndpoint } from '../support/load/client.ts';
import type { SwitchProxy } from '../support/switch-proxy.ts';
import type { ShelfRow, Shelves } from './shelf.ts';

export const LEDGER_TABLES = ['accounts', 'entries'] as const;
export const LEDGER_SHARD = 'account';

export const LEDGER_DDL = [
  `CREATE TABLE accounts (account INT NOT NULL PRIMARY KEY, balance BIGINT NOT NULL)`,
  `CREATE TABLE entries (
     id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, account INT NOT NULL,
     client INT NOT NULL, seq INT NOT NULL, amount INT NOT NULL, note VARCHAR(60),
     UNIQUE KEY by_client (client, seq))`,
];

interface Entry {
  id: number;
  account: number;
  client: number;
  seq: number;
  amount: number;
}

/** A time for which writes may be refused, as the record of a cutover says. */
export interface Stop {
  fromMs: number;
  toMs: number;
}

/** A write that was not acknowledged. */
interface Refusal {
  sentMs: number;
  toldMs: number;
  /** The connection led to a place that was left since. */
  isCut: boolean;
  text: string;
}

const READ_ONLY = /read-only/;
const LOST = /closed state|lost|ECONNRESET|EPIPE|ECONNREFUSED|PROTOCOL/i;
/** Ids are given out with the steps of the server. */
const AS_THE_SERVER_HAS_IT = `SET auto_increment_increment = @@global.auto_increment_increment,
  auto_increment_offset = @@global.auto_increment_offset`;

export interface LedgerOptions {
  proxy: SwitchProxy;
  account: { user: string; password: string };
  database: string;
  clients: number;
  /** Writes of all clients together. */
  perSecond: number;
  /** Of each client; their numbers are all on one shard of each place. */
  accounts: number;
  shelves: Shelves;
}

export class Ledger implements AsyncDisposable {
  acknowledged = 0;
  readonly refusals: Refusal[] = [];
  readonly faults: string[] = [];
  /** From a refused write of a client to its next one that went through, the longest. */
  longestStopMs = 0;
  /** Whether what was sent last has been done nobody said: looked up afterwards. */
  unknown = 0;
  readonly #o: LedgerOptions;
  /** By id. */
  readonly #entries = new Map<number, Entry>();
  readonly #ids = new Set<number>();
  readonly #clients: LedgerClient[];
  #running: Promise<void>[] = [];
  #isStopped = true;

  constructor(o: LedgerOptions) {
    this.#o = o;
    this.#clients = Array.from({ length: o.clients }, (_, i) => new LedgerClient(i, o));
  }

  start(): void {
    this.#isStopped = false;
    this.#running = this.#clients.map(client => this.#run(client));
  }

  /** All that was begun is known to be done, or not, when it resolves; throws what went wrong. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    this.#refuseFaults();
  }

  /** Until so many more writes are acknowledged. */
  async more(count: number, timeoutMs = 120_000): Promise<void> {
    const wanted = this.acknowledged + count;
    const end = performance.now() + timeoutMs;
    while (this.acknowledged < wanted) {
      this.#refuseFaults();
      if (performance.now() > end) throw new Error(`only ${this.acknowledged} of ${wanted} writes`);
      await pause(20);
    }
  }

  #refuseFaults(): void {
    if (this.faults.length > 0) throw new Error(this.faults.slice(0, 20).join('\n'));
  }

  /** Refusals that no write stop explains. */
  unexplained(stops: readonly Stop[]): string[] {
    return this.refusals
      .filter(r => !r.isCut && !stops.some(s => r.toldMs >= s.fromMs && r.sentMs <= s.toMs))
      .map(r => `${new Date(r.sentMs).toISOString()}: ${r.text}`);
  }

  /** What the servers of a place hold otherwise than is remembered; nobody writes. */
  async forgotten(servers: readonly LoadEndpoint[]): Promise<string[]> {
    const wrong: string[] = [];
    const left = new Map(this.#entries);
    for (const [shard, server] of servers.entries()) {
      await using client = await LoadClient.open(server, this.#o.database);
      const rows = await client.rows('SELECT id, account, client, seq, amount FROM entries');
      const sums = new Map<number, number>();
      for (const row of rows) {
        const [id = 0, account = 0, by, seq, amount = 0] = row.map(Number);
        sums.set(account, (sums.get(account) ?? 0) + amount);
        const known = left.get(id);
        const is = `${account} ${by} ${seq} ${amount}`;
        const was = known && `${known.account} ${known.client} ${known.seq} ${known.amount}`;
        if (is !== was) wrong.push(`entry ${id} on ${shard} is ${is}, not ${was ?? 'there'}`);
        if (account % servers.length !== shard) wrong.push(`entry ${id} is on shard ${shard}`);
        left.delete(id);
      }
      for (const row of await client.rows('SELECT account, balance FROM accounts')) {
        const [account = 0, balance] = row.map(Number);
        const sum = sums.get(account) ?? 0;
        if (balance !== sum) wrong.push(`account ${account} on ${shard}: ${balance}, not ${sum}`);
        if (account % servers.length !== shard) wrong.push(`account ${account} is on ${shard}`);
      }
    }
    for (const { id, account } of left.values()) wrong.push(`entry ${id} of ${account} is missing`);
    return [...wrong, ...(await this.#miscounted(servers))];
  }

  async #miscounted(servers: readonly LoadEndpoint[]): Promise<string[]> {
    const { shelves, database } = this.#o;
    const clients = await Promise.all(servers.map(s => LoadClient.open(s, database)));
    const wrong = await shelves.forgotten(clients);
    await Promise.all(clients.map(c => c.close()));
    return wrong;
  }

  async #run(client: LedgerClient): Promise<void> {
    const everyMs = (1000 * this.#o.clients) / this.#o.perSecond;
    // Not all at once, and not in step.
    await pause(Math.random() * everyMs);
    while (!this.#isStopped) {
      try {
        await this.#write(client);
      } catch (e) {
        this.faults.push(String(e instanceof Error ? e.stack : e));
        return;
      }
      await pause(everyMs * (0.5 + Math.random()));
    }
    await this.#settle(client);
  }

  async #write(client: LedgerClient): Promise<void> {
    await this.#settle(client);
    const sentMs = Date.now();
    const { turns } = this.#o.proxy;
    try {
      this.#learn(client, await client.write());
      this.acknowledged += 1;
      if (client.refusedAt !== null) {
        this.longestStopMs = Math.max(this.longestStopMs, performance.now() - client.refusedAt);
      }
      client.refusedAt = null;
    } catch (e) {
      const text = String(e);
      if (!READ_ONLY.test(text) && !LOST.test(text)) throw e;
      const isCut = LOST.test(text) && turns !== this.#o.proxy.turns;
      this.refusals.push({ sentMs, toldMs: Date.now(), isCut, text });
      client.isDoubtful = true;
      client.refusedAt ??= performance.now();
      client.drop();
      await pause(20);
    }
  }

  /** Whether what was sent last has been done, where no answer came. */
  async #settle(client: LedgerClient): Promise<void> {
    while (client.isDoubtful) {
      try {
        const found = await client.look();
        client.isDoubtful = false;
        if (found === null) return;
        this.unknown += 1;
        this.#learn(client, found);
      } catch (e) {
        if (!LOST.test(String(e))) throw e;
        client.drop();
        await pause(20);
      }
    }
  }

  #learn(client: LedgerClient, done: Done): void {
    const { entry, was, counted } = done;
    if (counted !== null) this.#o.shelves.learn(counted);
    if (was === null && entry !== null) {
      if (this.#ids.has(entry.id)) throw new Error(`the id ${entry.id} is given out again`);
      this.#ids.add(entry.id);
    }
    if (entry === null && was !== null) this.#entries.delete(was.id);
    if (entry !== null) this.#entries.set(entry.id, entry);
    client.own(done);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    for (const client of this.#clients) client.drop();
  }
}

/** What a transaction has done: an entry as it is now, and as it was before. */
interface Done {
  entry: Entry | null;
  was: Entry | null;
  /** A row that it has counted up. */
  counted: ShelfRow | null;
}

class LedgerClient {
  isDoubtful = false;
  /** Since when no write has gone through. */
  refusedAt: number | null = null;
  readonly #o: LedgerOptions;
  readonly #number: number;
  readonly #own: Entry[] = [];
  #seq = 0;
  #meant: Done | null = null;
  #open: { client: LoadClient; turns: number } | null = null;

  constructor(number: number, o: LedgerOptions) {
    this.#number = number;
    this.#o = o;
  }

  drop(): void {
    this.#open?.client.destroy();
    this.#open = null;
  }

  /** One transaction, and a look at what it has done. */
  async write(): Promise<Done> {
    const meant = this.#next();
    this.#meant = meant;
    const { entry, was } = meant;
    const client = await this.#connected();
    await client.run('BEGIN');
    if (entry === null) await client.run('DELETE FROM entries WHERE id = ?', [was?.id ?? 0]);
    else if (was === null) {
      await client.run(
        'INSERT INTO entries (account, client, seq, amount, note) VALUES (?, ?, ?, ?, ?)',
        [entry.account, entry.client, entry.seq, entry.amount, `by ${entry.client}`],
      );
      entry.id = Number(await client.value('SELECT LAST_INSERT_ID()'));
    } else await client.run('UPDATE entries SET amount = ? WHERE id = ?', [entry.amount, entry.id]);
    const account = entry?.account ?? was?.account ?? 0;
    const change = (entry?.amount ?? 0) - (was?.amount ?? 0);
    await client.run('UPDATE accounts SET balance = balance + ? WHERE account = ?', [
      change,
      account,
    ]);
    const { counted } = meant;
    if (counted !== null) {
      await client.run(`UPDATE ${counted.table} SET n = n + 1 WHERE id = ?`, [counted.id]);
    }
    await client.run('COMMIT');
    const found = await this.#read(client, meant);
    if (!isSame(found, entry)) {
      throw new Error(`read ${JSON.stringify(found)} behind ${JSON.stringify(meant)}`);
    }
    return meant;
  }

  /** What became of the transaction that was not acknowledged; null: nothing. */
  async look(): Promise<Done | null> {
    const meant = this.#meant;
    if (meant === null) return null;
    const { entry, was } = meant;
    const found = await this.#read(await this.#connected(), meant);
    if (entry !== null && was === null) return found && { ...meant, entry: found };
    return isSame(found, entry) ? meant : null;
  }

  own({ entry, was }: Done): void {
    this.#meant = null;
    if (was !== null) this.#own.splice(this.#own.indexOf(was), 1);
    if (entry !== null) this.#own.push(entry);
  }

  #next(): Done {
    const { entry, was } = this.#change();
    const account = entry?.account ?? was?.account ?? 0;
    return { entry, was, counted: this.#o.shelves.pick(account) };
  }

  #change(): Pick<Done, 'entry' | 'was'> {
    const was = this.#own[Math.floor(Math.random() * this.#own.length)] ?? null;
    const dice = Math.random();
    if (was !== null && dice < 0.12) return { entry: null, was };
    if (was !== null && dice < 0.35) return { entry: { ...was, amount: was.amount + 1 }, was };
    const { clients, accounts } = this.#o;
    const account = this.#number + clients * Math.floor(Math.random() * accounts);
    const seq = this.#seq++;
    const amount = 1 + Math.floor(Math.random() * 100);
    return { entry: { id: 0, account, client: this.#number, seq, amount }, was: null };
  }

  async #read(client: LoadClient, { entry, was }: Done): Promise<Entry | null> {
    const { client: by = 0, seq = 0 } = entry ?? was ?? {};
    const [row] = await client.rows(
      `SELECT id, account, client, seq, amount FROM entries WHERE client = ${by} AND seq = ${seq}`,
    );
    if (row === undefined) return null;
    const [id = 0, account = 0, , , amount = 0] = row.map(Number);
    return { id, account, client: by, seq, amount };
  }

  /** To the shard of its accounts, at the place that the proxy leads to. */
  async #connected(): Promise<LoadClient> {
    const { proxy, account, database } = this.#o;
    if (this.#open !== null && this.#open.turns === proxy.turns) return this.#open.client;
    this.drop();
    const { turns } = proxy;
    const shards = proxy.at(proxy.place);
    const at = shards[this.#number % shards.length];
    if (at === undefined) throw new Error('no servers');
    const client = await LoadClient.open({ ...at, ...account }, database);
    await client.run(AS_THE_SERVER_HAS_IT);
    this.#open = { client, turns };
    return client;
  }
}

function isSame(a: Entry | null, b: Entry | null): boolean {
  return a?.id === b?.id && a?.amount === b?.amount;
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
