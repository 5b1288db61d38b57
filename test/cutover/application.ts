/**
 * An application with a memory: clients that write orders under ids of their own, change and delete
 * them, read their own writes, and remember what they were told is done. It goes where the open
 * command sends it, as a proxy would: a file holds the words `over` and `back`.
 */
import { readFileSync } from 'node:fs';
import type { MysqlServer } from '../support/job-file.ts';
import { LoadClient } from '../support/load/client.ts';

type Place = 'over' | 'back';

export interface ApplicationOptions {
  /** Where the open command writes to. */
  switchFile: string;
  /** By place, its servers: one, or one for each remainder of the customer's number. */
  servers: Record<Place, readonly MysqlServer[]>;
  account: { user: string; password: string };
  database: string;
  clients: number;
}

interface Order {
  customer: number;
  total: number;
}

/** read_only, or super_read_only, or a lock of the account refuses it: it has not happened. */
const REFUSED = /read-only|is locked/;
/** Its session was ended, in the middle of a statement perhaps. */
const ENDED = /closed|Connection lost|ECONNRESET|EPIPE|interrupted/i;
const FIRST_ID = 50_000_000;

export class Application implements AsyncDisposable {
  /** Orders as they must be, by id. */
  readonly orders = new Map<number, Order>();
  readonly deleted = new Set<number>();
  /** Orders of which nobody has told whether their last write is done. */
  readonly unsure = new Set<number>();
  /** Times of writes that were acknowledged. */
  acknowledged = 0;
  /** From a refused write to the next one that went through, the longest. */
  longestStopMs = 0;
  readonly #o: ApplicationOptions;
  readonly #open = new Map<string, Promise<LoadClient>>();
  /** By client, the order that it writes now. */
  readonly #written = new Map<number, number>();
  #running: Promise<void>[] = [];
  #isStopped = false;
  #next = 0;
  #faults: string[] = [];

  constructor(o: ApplicationOptions) {
    this.#o = o;
  }

  start(): void {
    this.#isStopped = false;
    const { clients } = this.#o;
    this.#running = Array.from({ length: clients }, (_, i) => this.#run(i));
  }

  /** All that was begun is acknowledged or refused when it resolves; throws what went wrong. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    if (this.#faults.length > 0) throw new Error(this.#faults.join('\n'));
  }

  /** Until so many more writes are acknowledged. */
  async more(count: number, timeoutMs = 60_000): Promise<void> {
    const wanted = this.acknowledged + count;
    const end = performance.now() + timeoutMs;
    while (this.acknowledged < wanted) {
      if (this.#faults.length > 0) throw new Error(this.#faults.join('\n'));
      if (performance.now() > end) throw new Error(`only ${this.acknowledged} of ${wanted} writes`);
      await pause(20);
    }
  }

  get place(): Place {
    try {
      const words = readFileSync(this.#o.switchFile, 'utf8').trim().split('\n');
      return words.at(-1) === 'over' ? 'over' : 'back';
    } catch {
      return 'back';
    }
  }

  /** Gives an order another customer, on another shard if need be: as such an application would. */
  async move(id: number, customer: number): Promise<void> {
    const order = this.orders.get(id);
    if (order === undefined) throw new Error(`no order ${id}`);
    const [from, to] = [await this.#client('m', order.customer), await this.#client('m', customer)];
    if (from === to) {
      await from.run('UPDATE orders SET customer_id = ? WHERE order_id = ?', [customer, id]);
    } else {
      await to.run(...insert(id, { ...order, customer }));
      await from.run('DELETE FROM orders WHERE order_id = ?', [id]);
    }
    this.orders.set(id, { ...order, customer });
    this.acknowledged += 1;
  }

  /** What the servers of a place hold otherwise than the application remembers. */
  async forgotten(place: Place): Promise<string[]> {
    const found = new Map<number, string[]>();
    for (const [i, server] of this.#o.servers[place].entries()) {
      await using client = await LoadClient.open(server, this.#o.database);
      const rows = await client.rows(
        `SELECT order_id, customer_id, total FROM orders WHERE order_id >= ${FIRST_ID}`,
      );
      for (const [id, customer, total] of rows) {
        const texts = found.get(Number(id)) ?? [];
        found.set(Number(id), [...texts, `${i}: ${customer} ${Number(total)}`]);
      }
    }
    const shards = this.#o.servers[place].length;
    const wrong: string[] = [];
    for (const [id, { customer, total }] of this.orders) {
      const has = (found.get(id) ?? []).join(', ');
      const wanted = `${customer % shards}: ${customer} ${total}`;
      if (has !== wanted) wrong.push(`order ${id} is "${has}", not "${wanted}"`);
      found.delete(id);
    }
    for (const id of this.unsure) found.delete(id);
    for (const id of found.keys()) wrong.push(`order ${id} is there, and was deleted or refused`);
    return wrong;
  }

  async #run(client: number): Promise<void> {
    const own: number[] = [];
    let refusedAt: number | null = null;
    for (let n = 0; !this.#isStopped; n++) {
      try {
        await this.#write(client, own, n);
        this.acknowledged += 1;
        if (refusedAt !== null) {
          this.longestStopMs = Math.max(this.longestStopMs, performance.now() - refusedAt);
        }
        refusedAt = null;
      } catch (e) {
        if (ENDED.test(String(e))) this.#doubt(client, own);
        else if (!REFUSED.test(String(e))) {
          this.#faults.push(String(e));
          return;
        }
        refusedAt ??= performance.now();
        await pause(20);
      }
      await pause(4);
    }
  }

  /** It comes again by new connections, and leaves alone what it was about to write. */
  #doubt(client: number, own: number[]): void {
    for (const key of this.#open.keys()) {
      if (key.startsWith(`${client} `)) this.#open.delete(key);
    }
    const id = this.#written.get(client);
    if (id === undefined) return;
    this.unsure.add(id);
    this.orders.delete(id);
    if (own.includes(id)) own.splice(own.indexOf(id), 1);
  }

  /** One statement, remembered when it is acknowledged. */
  async #write(client: number, own: number[], n: number): Promise<void> {
    const old = own[Math.floor(own.length / 2)];
    const known = old === undefined ? undefined : this.orders.get(old);
    if (old !== undefined) this.#written.set(client, old);
    if (n % 3 === 2 && old !== undefined && known !== undefined) {
      const at = await this.#client(client, known.customer);
      const total = known.total + 1;
      await at.run('UPDATE orders SET total = ? WHERE order_id = ?', [total, old]);
      this.orders.set(old, { ...known, total });
      const read = await at.value('SELECT total FROM orders WHERE order_id = ?', [old]);
      if (Number(read) !== total) throw new Error(`order ${old} reads ${read}, not ${total}`);
    } else if (n % 7 === 6 && old !== undefined && known !== undefined) {
      const at = await this.#client(client, known.customer);
      await at.run('DELETE FROM orders WHERE order_id = ?', [old]);
      own.splice(own.indexOf(old), 1);
      this.orders.delete(old);
      this.deleted.add(old);
    } else {
      const id = FIRST_ID + this.#next++;
      this.#written.set(client, id);
      const order = { customer: 1 + (id % 30), total: 1 };
      const at = await this.#client(client, order.customer);
      await at.run(...insert(id, order));
      this.orders.set(id, order);
      own.push(id);
    }
  }

  async #client(client: number | 'm', customer: number): Promise<LoadClient> {
    const { servers, account, database } = this.#o;
    const list = servers[this.place];
    const server = list[customer % list.length];
    if (server === undefined) throw new Error('no servers');
    const key = `${client} ${server.port}`;
    let open = this.#open.get(key);
    if (open === undefined) {
      open = LoadClient.open({ ...server, ...account }, database);
      this.#open.set(key, open);
      // One that is not let in tries again.
      open.catch(() => this.#open.delete(key));
    }
    return await open;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
    for (const open of this.#open.values()) await open.then(c => c.close()).catch(() => {});
  }
}

function insert(id: number, { customer, total }: Order): [string, (string | number)[]] {
  const sql = `INSERT INTO orders (order_id, customer_id, order_no, total, quantity, placed_at)
    VALUES (?, ?, ?, ?, 1, NOW(6))`;
  return [sql, [id, customer, `A-${id}`, total]];
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
