/**
 * Calls the `reshard` command as a user would: as a process, by its arguments, output and exit
 * code. What the demo and the pipeline tests know of a job, they know by this.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cacheRoot } from '../../services/control/node24.mjs';
import type { Status } from '../../services/control/status/status.ts';

/** As children of `reshard up` have it: what strips types off is not even loaded. */
function environment(): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: path.join(cacheRoot(), 'compiled'), ...process.env };
}
const MAIN = fileURLToPath(new URL('../../services/control/main.ts', import.meta.url));

export type RunningCommand = {
  readonly pid: number;
  /** Exit code, or 128 when it ended by a signal. */
  readonly exited: Promise<number>;
  readonly running: boolean;
  kill(signal: NodeJS.Signals): void;
};

export type SpawnOptions = {
  /** File for output; by default the command writes where we write. */
  log?: string;
  /** Descriptor for standard output. */
  fd?: number;
  env?: Record<string, string>;
};

export function spawnReshard(args: readonly string[], options: SpawnOptions = {}): RunningCommand {
  const file = options.log === undefined ? undefined : openSync(options.log, 'a');
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', file ?? options.fd ?? 'inherit', file ?? 'inherit'],
    env: { ...environment(), ...options.env },
  });
  if (file !== undefined) closeSync(file);
  return running(child);
}

function running(child: ChildProcess): RunningCommand {
  let isRunning = true;
  const exited = new Promise<number>(resolve => {
    child.once('error', () => resolve(127));
    child.once('exit', code => resolve(code ?? 128));
  }).finally(() => {
    isRunning = false;
  });
  return {
    pid: child.pid ?? 0,
    exited,
    get running() {
      return isRunning;
    },
    kill: signal => {
      child.kill(signal);
    },
  };
}

export interface CommandEnd {
  /** 128 when it ended by a signal. */
  code: number;
  out: string;
  err: string;
}

/** Runs a command to its end. */
export function callReshard(...args: readonly string[]): Promise<CommandEnd> {
  return beginReshard(...args).ended;
}

/** The same for one that may be killed before. */
export function beginReshard(...args: readonly string[]): {
  ended: Promise<CommandEnd>;
  kill(signal: NodeJS.Signals): void;
  /** What it has told so far. */
  told(): string;
} {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(),
  });
  let out = '';
  let err = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    err += chunk;
  });
  const ended = new Promise<CommandEnd>(resolve =>
    child.once('close', code => resolve({ code: code ?? 128, out, err })),
  );
  return { ended, kill: signal => void child.kill(signal), told: () => err };
}

/** Follows `reshard status --watch --json`. */
export class StatusWatch implements AsyncDisposable {
  latest: Status | undefined;
  /** How many there have been. */
  count = 0;
  /** The command has ended. */
  isOver = false;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise<void>(resolve => child.once('close', () => resolve())).finally(() => {
      this.isOver = true;
    });
    if (child.stdout === null) return;
    createInterface({ input: child.stdout }).on('line', line => {
      const status: Status = JSON.parse(line);
      // Before there is a log, it tells only what control waits for.
      if (status.waiting !== null || status.tables.length === 0) return;
      this.latest = status;
      this.count++;
    });
  }

  static open(jobFile: string): StatusWatch {
    const args = [MAIN, 'status', jobFile, '--watch', '--json'];
    const stdio: StdioOptions = ['ignore', 'pipe', 'ignore'];
    return new StatusWatch(spawn(process.execPath, args, { stdio, env: environment() }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}
