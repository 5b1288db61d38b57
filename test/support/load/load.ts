/**
 * Live random load on a source from many connections at once, until stopped. Deadlocks, lock
 * timeouts and duplicate keys belong to it and are counted; a connection that is lost (server
 * restart) comes back; anything else ends the load with an error, as it would hide a broken test.
 */
import { errorNumber, LoadClient, type LoadEndpoint } from './client.ts';
import { Random } from './random.ts';
import type { IdSpace } from './tables.ts';
import { shopWork, type WorkKind } from './work.ts';

export type LoadPace = {
  endpoint: LoadEndpoint;
  database: string;
  seed: number;
  connections?: number;
  /** Pieces of work a second over all connections; unlimited if absent. */
  perSecond?: number;
};

/** What a load does: kinds of work, how often each, and one piece of each. */
export type LoadWork<K extends string = string> = {
  weights: Readonly<Record<K, number>>;
  /** Answers the number of rows touched. */
  pieces: Readonly<Record<K, (db: LoadClient, random: Random) => Promise<number>>>;
};

export type ShopLoadOptions = LoadPace & {
  space: IdSpace;
  weights?: Readonly<Record<WorkKind, number>>;
};

export type Outcome = 'done' | 'missed' | 'duplicate' | 'deadlock' | 'timeout' | 'lost';

const EXPECTED: Readonly<Record<number, Outcome>> = {
  0: 'lost',
  1040: 'lost', // too many connections, while a server gets rid of those that it lost
  1053: 'lost', // server shutdown in progress
  1062: 'duplicate',
  1158: 'lost', // the server could not read or write a packet in time
  1159: 'lost',
  1160: 'lost',
  1161: 'lost',
  1205: 'timeout',
  1213: 'deadlock',
  1317: 'lost', // query interrupted
  1927: 'lost', // connection was killed (MariaDB)
  3024: 'timeout',
};

export class LoadStats {
  readonly byKind = new Map<string, Record<Outcome, number>>();
  rows = 0;

  count(kind: string, outcome: Outcome, rows: number): void {
    let counts = this.byKind.get(kind);
    if (counts === undefined) {
      counts = { done: 0, missed: 0, duplicate: 0, deadlock: 0, timeout: 0, lost: 0 };
      this.byKind.set(kind, counts);
    }
    counts[outcome]++;
    this.rows += rows;
  }

  total(outcome?: Outcome): number {
    let sum = 0;
    for (const counts of this.byKind.values()) {
      for (const [name, count] of Object.entries(counts)) {
        if (outcome === undefined || outcome === name) sum += count;
      }
    }
    return sum;
  }

  toJSON(): Record<string, unknown> {
    return { rows: this.rows, kinds: Object.fromEntries(this.byKind) };
  }
}

export class Load implements AsyncDisposable {
  readonly stats = new LoadStats();
  readonly #options: LoadPace;
  readonly #work: LoadWork;
  readonly #running: Promise<unknown>;
  #stopping = false;
  #failure: unknown;

  private constructor(options: LoadPace, work: LoadWork) {
    this.#options = options;
    this.#work = work;
    const connections = options.connections ?? 50;
    this.#running = Promise.all(
      Array.from({ length: connections }, (_, i) => this.#connection(i, connections)),
    );
    this.#running.catch(() => undefined);
  }

  /** The shop's load. */
  static start({ space, weights, ...pace }: ShopLoadOptions): Load {
    return new Load(pace, shopWork(space, weights));
  }

  /** A load of any other kinds of work. */
  static of<K extends string>(work: LoadWork<K>, pace: LoadPace): Load {
    return new Load(pace, work);
  }

  /** What ended the load early, if anything did. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Lets every connection finish its piece of work; throws what ended the load early. */
  async stop(): Promise<LoadStats> {
    this.#stopping = true;
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    return this.stats;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#running.catch(() => undefined);
  }

  async #connection(index: number, connections: number): Promise<void> {
    const { endpoint, database, seed, perSecond } = this.#options;
    const random = new Random(seed, index);
    const everyMs = perSecond === undefined ? 0 : (1000 * connections) / perSecond;
    // One after the other: a server that is asked for a thousand at once lets some wait too long.
    const opens = performance.now() + index * 3;
    let next = Math.max(opens, performance.now() + random.below(Math.ceil(everyMs) + 1));
    let client: LoadClient | undefined;
    try {
      while (!this.#stopping) {
        if (everyMs > 0 || performance.now() < opens) {
          const wait = next - performance.now();
          // Waits in short steps, so that a stop is prompt even at a slow rate.
          if (wait > 1) {
            await delay(Math.min(wait, 200));
            continue;
          }
          next = Math.max(next + everyMs, performance.now() - 1000);
        }
        client ??= await this.#open(endpoint, database);
        if (client !== undefined && !(await this.#once(client, random))) {
          client.destroy();
          client = undefined;
        }
      }
      await client?.close();
    } catch (error) {
      this.#failure ??= error;
      this.#stopping = true;
      client?.destroy();
    }
  }

  async #open(endpoint: LoadEndpoint, database: string): Promise<LoadClient | undefined> {
    try {
      return await LoadClient.open(endpoint, database);
    } catch (error) {
      if (EXPECTED[errorNumber(error) ?? -1] !== 'lost') throw error;
      await delay(200 + (performance.now() % 300));
      return undefined;
    }
  }

  /** False when the connection is lost. */
  async #once(client: LoadClient, random: Random): Promise<boolean> {
    const kind = random.weighted(this.#work.weights);
    const piece = this.#work.pieces[kind];
    if (piece === undefined) throw new Error(`no work of kind ${kind}`);
    // Its own stream: how far a piece of work gets must not shift the decisions that follow.
    const own = new Random(random.next(), random.next());
    try {
      const rows = await piece(client, own);
      this.stats.count(kind, rows > 0 ? 'done' : 'missed', rows);
      return true;
    } catch (error) {
      const outcome = EXPECTED[errorNumber(error) ?? -1];
      if (outcome === undefined) throw error;
      this.stats.count(kind, outcome, 0);
      if (outcome === 'lost') return false;
      await client.run('ROLLBACK').catch(() => undefined);
      return true;
    }
  }
}

function delay(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}
