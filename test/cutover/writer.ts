/** An application that writes all the time and remembers what it was told is done. */
import { LoadClient, type LoadEndpoint } from '../support/load/client.ts';

interface Write {
  id: string;
  customer: number;
  beganMs: number;
}

export class Writer implements AsyncDisposable {
  /** Acknowledged. */
  readonly done: Write[] = [];
  readonly #client: LoadClient;
  readonly #from: number;
  #isStopped = false;
  #refused: string | null = null;
  #running: Promise<void> = Promise.resolve();

  private constructor(client: LoadClient, from: number) {
    this.#client = client;
    this.#from = from;
  }

  /** `from`: its order numbers are its own. */
  static async start(endpoint: LoadEndpoint, database: string, from: number): Promise<Writer> {
    const writer = new Writer(await LoadClient.open(endpoint, database), from);
    writer.#running = writer.#run();
    return writer;
  }

  /** Why a write was refused: it ends then, as an application would be told to. */
  get refused(): string | null {
    return this.#refused;
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#isStopped; n++) {
      const beganMs = Date.now();
      const customer = 1 + (n % 30);
      try {
        await this.#client.run(
          `INSERT INTO orders (customer_id, order_no, total, quantity, placed_at)
             VALUES (?, ?, 1, 1, NOW(6))`,
          [customer, `W-${this.#from + n}`],
        );
        const id = (await this.#client.value('SELECT LAST_INSERT_ID()')) ?? '';
        this.done.push({ id, customer, beganMs });
      } catch (e) {
        this.#refused = String(e);
        return;
      }
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#client.close();
  }
}
