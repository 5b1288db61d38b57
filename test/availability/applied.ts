/** How far the targets are, asked of the targets themselves, and how long any of it stood still. */
import { LoadClient } from '../support/load/client.ts';
import type { MysqlEndpoint } from '../support/servers/servers.ts';

const SQL = `SELECT GROUP_CONCAT(CONCAT(part, '=', total)) FROM (
  SELECT part, SUM(next_offset) AS total FROM reshard_offset GROUP BY part) AS parts`;
const EVERY_MS = 100;

export class Applied implements AsyncDisposable {
  readonly #clients: readonly LoadClient[];
  readonly #moved = new Map<string, { offset: number; atMs: number }>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #error: unknown;
  worstMs = 0;
  worstAt = '';

  private constructor(clients: readonly LoadClient[]) {
    this.#clients = clients;
  }

  static async open(targets: readonly MysqlEndpoint[], database: string): Promise<Applied> {
    return new Applied(await Promise.all(targets.map(t => LoadClient.open(t, database))));
  }

  /** By `<target>/<partition>`: records of all tables that are applied. */
  async now(): Promise<Map<string, number>> {
    const found = new Map<string, number>();
    for (const [i, client] of this.#clients.entries()) {
      const text = (await client.value(SQL)) ?? '';
      for (const pair of text.split(',')) {
        const [part = '', total] = pair.split('=');
        found.set(`${i}/${part}`, Number(total));
      }
    }
    return found;
  }

  /** Watches from now on for the longest time in which a partition of a target stood still. */
  watch(): void {
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look()
        .catch(e => {
          this.#error = e;
        })
        .finally(() => {
          this.#looking = undefined;
        });
    }, EVERY_MS);
  }

  async #look(): Promise<void> {
    const now = await this.now();
    const atMs = performance.now();
    for (const [part, offset] of now) {
      const last = this.#moved.get(part);
      if (last !== undefined && atMs - last.atMs > this.worstMs) {
        this.worstMs = atMs - last.atMs;
        this.worstAt = part;
      }
      if (last?.offset !== offset) this.#moved.set(part, { offset, atMs });
    }
  }

  async stop(): Promise<number> {
    clearInterval(this.#timer);
    await this.#looking;
    if (this.#error !== undefined) throw this.#error;
    return this.worstMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#clients.map(c => c.close()));
  }
}
