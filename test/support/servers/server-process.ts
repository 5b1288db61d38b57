/**
 * One server as a process of its own group, with its log and its id in the run folder. It may be
 * stopped, killed and started again on the same data and port. When this process ends in any way
 * that still runs code, its servers end with it; otherwise the next run finds the id file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { until } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { identityOf, isAlive, type ProcessIdentity } from './process-identity.ts';

export interface ProcessSpec {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
  /** Folder of the log and of the id file. */
  folder: string;
  readyTimeoutMs: number;
  stopTimeoutMs: number;
  /** True once the server serves; an exception means not yet. */
  ready: () => Promise<boolean>;
  /** Lives on when this process ends. */
  detached: boolean;
}

const running = new Set<ProcessIdentity>();
let hooked = false;

export class ServerProcess {
  readonly logFile: string;
  #spec: ProcessSpec;
  #child: ChildProcess | undefined;
  #identity: ProcessIdentity | undefined;

  constructor(spec: ProcessSpec) {
    this.#spec = spec;
    this.logFile = path.join(spec.folder, `${spec.name}.log`);
  }

  /** The id of the running process, undefined when stopped. */
  get pid(): number | undefined {
    return this.#identity && isAlive(this.#identity) ? this.#identity.pid : undefined;
  }

  async start(): Promise<void> {
    if (this.pid !== undefined) return;
    this.#spawn();
    const { name, ready, readyTimeoutMs } = this.#spec;
    const outcome = await until(
      async () => {
        if (this.pid === undefined) return 'ended while starting';
        return (await ready().catch(() => false)) ? 'serves' : undefined;
      },
      { timeoutMs: readyTimeoutMs, everyMs: 40, what: `${name} to serve` },
    ).catch(() => `did not serve within ${readyTimeoutMs} ms`);
    if (outcome === 'serves') return;
    const failure = this.#failure(outcome);
    await this.kill();
    throw failure;
  }

  /** An orderly end; a server that takes too long is killed. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM', this.#spec.stopTimeoutMs);
    await this.kill();
  }

  /** SIGKILL, as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL', 10_000);
    if (this.#identity) running.delete(this.#identity);
    await rm(idFile(this.#spec.folder, this.#spec.name), { force: true });
  }

  #spawn(): void {
    const { command, args, env, folder, name, detached } = this.#spec;
    const log = openSync(this.logFile, 'a');
    const child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...env },
      cwd: folder,
    });
    closeSync(log);
    child.on('error', () => {});
    child.unref();
    this.#child = child;
    if (child.pid === undefined) throw this.#failure(`cannot run ${command}`);
    this.#identity = identityOf(child.pid);
    writeFileSync(idFile(folder, name), JSON.stringify(this.#identity));
    if (detached) return;
    running.add(this.#identity);
    if (!hooked) process.once('exit', killRunning);
    hooked = true;
  }

  async #end(signal: NodeJS.Signals, timeoutMs: number): Promise<void> {
    const { pid } = this;
    if (pid === undefined) return;
    process.kill(pid, signal);
    await until(() => this.pid === undefined, {
      timeoutMs,
      everyMs: 20,
      what: `${this.#spec.name} to end`,
    }).catch(() => {});
  }

  #failure(what: string): ReshardError {
    const tail = readFileSync(this.logFile, 'utf8').trimEnd().split('\n').slice(-12).join('\n');
    const code = this.#child?.exitCode;
    return new ReshardError('config', `${this.#spec.name} ${what}`, {
      remedy: `see its log ${this.logFile}, which ends:\n${tail}`,
      context: { exitCode: code ?? 'none' },
    });
  }
}

/** The file that says which process a server of a run folder is. */
export function idFile(folder: string, name: string): string {
  return path.join(folder, `${name}.process`);
}

function killRunning(): void {
  for (const identity of running) {
    if (isAlive(identity)) process.kill(identity.pid, 'SIGKILL');
  }
}
