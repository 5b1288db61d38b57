/**
 * A job run by the CLI alone: `reshard up` in the background, its state by `reshard status --json`,
 * the live view by `reshard status --watch`. What the demo does, a user can do by hand.
 */
import { copyFileSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Status } from '../../services/control/status/status.ts';
import { type RunningCommand, StatusWatch, spawnReshard } from '../support/reshard-cli.ts';

/** Without any progress for so long, the demo gives up instead of waiting for ever. */
const STALL_MS = 180_000;
const LOOK_EVERY_MS = 200;

export class DemoFailure extends Error {}

export class JobRun implements AsyncDisposable {
  readonly logDir: string;
  readonly #jobFile: string;
  /** Undefined when the services run elsewhere. */
  readonly #up: RunningCommand | undefined;
  readonly #watch: StatusWatch;
  readonly #upLog: string;

  private constructor(jobFile: string, dir: string) {
    this.#jobFile = jobFile;
    this.logDir = path.join(dir, 'logs');
    this.#upLog = path.join(dir, 'up.log');
    if (process.env.RESHARD_DEMO_SERVICES === 'elsewhere') {
      // They wait for this file: from now on there is something to move.
      copyFileSync(jobFile, path.join(dir, 'job.yaml'));
    } else {
      const options = ['--create-targets', '--quiet', '--logs', this.logDir];
      this.#up = spawnReshard(['up', jobFile, ...options], { log: this.#upLog });
    }
    this.#watch = StatusWatch.open(jobFile);
  }

  static start(jobFile: string, dir: string): JobRun {
    return new JobRun(jobFile, dir);
  }

  get status(): Status | undefined {
    return this.#watch.latest;
  }

  /** Shows the CLI's view until `done` holds of a status; answers that status. */
  async until(
    done: (s: Status) => boolean,
    signal: AbortSignal,
    view: { fd: number } | undefined,
  ): Promise<Status> {
    const args = ['status', this.#jobFile, '--watch'];
    const shown = view === undefined ? undefined : spawnReshard(args, { fd: view.fd });
    try {
      return await this.#until(done, signal);
    } finally {
      shown?.kill('SIGTERM');
      await shown?.exited;
    }
  }

  async #until(done: (s: Status) => boolean, signal: AbortSignal): Promise<Status> {
    const from = this.#watch.count;
    let last = '';
    let movedAt = performance.now();
    for (;;) {
      if (signal.aborted) throw new DemoFailure('interrupted');
      if (this.#up?.running === false) {
        const lines = readFileSync(this.#upLog, 'utf8').trim().split('\n').slice(-40);
        throw new DemoFailure(`reshard up has ended:\n${lines.join('\n')}`);
      }
      const status = this.#watch.count > from ? this.#watch.latest : undefined;
      if (status !== undefined) {
        refuseHalted(status, this.logDir);
        if (done(status)) return status;
        const now = JSON.stringify([status.phase, status.tables, status.targets]);
        if (now !== last) movedAt = performance.now();
        last = now;
      }
      if (performance.now() - movedAt > STALL_MS) {
        throw new DemoFailure(`no progress for ${STALL_MS / 1000} s; logs in ${this.logDir}`);
      }
      await new Promise(resolve => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#watch[Symbol.asyncDispose]();
    this.#up?.kill('SIGTERM');
    await this.#up?.exited;
  }
}

function refuseHalted(status: Status, logDir: string): void {
  const halted = status.services.filter(s => s.state === 'halted');
  if (halted.length === 0) return;
  const lines = halted.map(s => `${s.service}/${s.unit} has halted: ${s.error ?? ''}`);
  throw new DemoFailure(`${lines.join('\n')}\nlogs in ${logDir}`);
}
