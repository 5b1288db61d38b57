/** `reshard up` of a job whose targets are empty, and what its status says. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { until } from '../../shared/runtime/clock.ts';
import { type RunningCommand, StatusWatch, spawnReshard } from './reshard-cli.ts';

export class UpRun implements AsyncDisposable {
  readonly #log: string;
  readonly #tree: RunningCommand;
  readonly #watch: StatusWatch;

  /** `dir`: where its log goes. */
  constructor(jobFile: string, dir: string) {
    this.#log = path.join(dir, 'up.log');
    const args = ['up', jobFile, '--create-targets', '--quiet'];
    this.#tree = spawnReshard(args, { log: this.#log, env: { RESHARD_LOG_JSON: '1' } });
    this.#watch = StatusWatch.open(jobFile);
  }

  /** A status of after the call that `done` holds of. */
  async until(what: string, timeoutMs: number, done: (s: Status) => boolean): Promise<Status> {
    const from = this.#watch.count;
    const seen = (): Status | undefined => {
      if (!this.#tree.running) throw new Error(`\`up\` has ended\n${this.#lastWords()}`);
      const { latest, count } = this.#watch;
      return latest !== undefined && count > from && done(latest) ? latest : undefined;
    };
    try {
      return await until(seen, { timeoutMs, everyMs: 50, what });
    } catch (cause) {
      const text = JSON.stringify(this.#watch.latest);
      throw new Error(`${what}: ${text}\n${this.#lastWords()}`, { cause });
    }
  }

  #lastWords(): string {
    return readFileSync(this.#log, 'utf8').slice(-4000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    this.#tree.kill('SIGTERM');
    await this.#tree.exited;
  }
}
