/**
 * The beat: a row set that every lane of the pipeline carries (all partitions, both targets),
 * changed in one transaction on the source and watched for on the targets. When a beat has arrived
 * on all targets, all that the source had committed before it has been applied. It asks neither
 * our services nor Kafka, so it measures recovery as a user would feel it.
 */
import { LoadClient, type LoadEndpoint } from '../support/load/client.ts';
import { BEAT, BEAT_ROWS } from './tables.ts';

const EVERY_MS = 1000;
const LOOK_MS = 100;
/** A server that is paused answers nothing, not even an error. */
const ANSWER_MS = 3000;

export class Beat implements AsyncDisposable {
  /** Longest time between two arrivals on all targets. */
  longestGapMs = 0;
  readonly #database: string;
  readonly #source: LoadEndpoint;
  /** The latest beat on each target. */
  readonly #latest: number[];
  readonly #running: Promise<unknown>;
  #sent = 0;
  #isOver = false;
  #arrivedAt = performance.now();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(o: { database: string; source: LoadEndpoint; targets: LoadEndpoint[] }) {
    this.#database = o.database;
    this.#source = o.source;
    this.#latest = o.targets.map(() => -1);
    this.#running = Promise.all([
      this.#pulses(),
      ...o.targets.map((target, i) => this.#watch(target, i)),
    ]);
  }

  static async start(o: {
    database: string;
    source: LoadEndpoint;
    targets: LoadEndpoint[];
  }): Promise<Beat> {
    const rows = Array.from({ length: BEAT_ROWS }, (_, id) => [id, id, 0]);
    const client = await LoadClient.open(o.source, o.database);
    await client.run(`INSERT INTO ${BEAT} (id,customer_id,n) VALUES ?`, [rows]);
    await client.close();
    return new Beat(o);
  }

  /** The beat that has arrived on all targets. */
  get arrived(): number {
    return Math.min(...this.#latest);
  }

  /** Commits a beat that begins after this call, as soon as the source takes it. */
  async now(): Promise<number> {
    while (!this.#isOver) {
      const n = await this.#pulse().catch(() => undefined);
      if (n !== undefined) return n;
      await pause(LOOK_MS);
    }
    throw new Error('the beat has ended');
  }

  /** Milliseconds until the beat has arrived everywhere; undefined if it has not in time. */
  async takes(n: number, sinceMs: number, timeoutMs: number): Promise<number | undefined> {
    const end = performance.now() + timeoutMs;
    while (performance.now() < end) {
      if (this.arrived >= n) return performance.now() - sinceMs;
      await pause(LOOK_MS / 2);
    }
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** One at a time. */
  #pulse(): Promise<number> {
    const pulse = this.#turn.then(() => this.#once());
    this.#turn = pulse.catch(() => undefined);
    return pulse;
  }

  async #once(): Promise<number> {
    const n = this.#sent + 1;
    const client = await inTime(LoadClient.open(this.#source, this.#database));
    try {
      // One that timed out may still be carried out, after a later one.
      await inTime(client.run(`UPDATE ${BEAT} SET n=GREATEST(n,?)`, [n]));
      this.#sent = n;
      return n;
    } finally {
      client.destroy();
    }
  }

  async #pulses(): Promise<void> {
    while (!this.#isOver) {
      await this.#pulse().catch(() => undefined);
      for (let waited = 0; waited < EVERY_MS && !this.#isOver; waited += LOOK_MS) {
        await pause(LOOK_MS);
      }
    }
  }

  async #watch(target: LoadEndpoint, index: number): Promise<void> {
    let client: LoadClient | undefined;
    const sql = `SELECT IF(COUNT(*)=${BEAT_ROWS / 2}, MIN(n), -1) FROM ${BEAT}`;
    while (!this.#isOver) {
      try {
        client ??= await inTime(LoadClient.open(target, this.#database));
        const n = Number(await inTime(client.value(sql)));
        this.#note(index, n);
      } catch {
        client?.destroy();
        client = undefined;
      }
      await pause(LOOK_MS);
    }
    client?.destroy();
  }

  #note(index: number, n: number): void {
    const before = this.arrived;
    this.#latest[index] = Math.max(n, this.#latest[index] ?? -1);
    if (this.arrived === before) return;
    const at = performance.now();
    if (before >= 0) this.longestGapMs = Math.max(this.longestGapMs, at - this.#arrivedAt);
    this.#arrivedAt = at;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms));
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no answer in time')), ANSWER_MS);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
