/**
 * What a bench run works on: the servers, a job file, and the services as processes of their own,
 * started and stopped one by one, so that each stage runs alone and flat out.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Connection, createConnection } from 'mysql2/promise';
import { stringify } from 'yaml';
import { HANDED_ENV, handJob } from '../../services/control/cli/child-message.ts';
import { StatusFeed } from '../../services/control/status/feed.ts';
import type { Status } from '../../services/control/status/status.ts';
import type { Job } from '../../shared/job/job.ts';
import { parseJob } from '../../shared/job/job-schema.ts';
import type { ServiceName } from '../../shared/member/context.ts';
import { until } from '../../shared/runtime/clock.ts';
import { createLogger } from '../../shared/runtime/log.ts';
import { childrenOf } from '../support/processes.ts';
import { DATABASE } from './table.ts';

const MAIN = fileURLToPath(new URL('../../services/control/main.ts', import.meta.url));

/** A look at the status costs 5 ms of CPU here, and some in the brokers: more are measured too. */
const WATCH_MS = 250;

export interface BenchServers {
  brokers: string[];
  registryUrl: string;
  mysql: Record<string, { host: string; port: number; user: string; password: string }>;
  /** Process ids of the servers by name, for their share of the CPU. */
  pids: Record<string, number>;
}

export interface RigOptions {
  dir: string;
  name: string;
  table: string;
  /** What the job file has besides. */
  more?: { cutover?: object; options?: object };
  /** Where a profile of each process goes when it ends. */
  profileDir?: string | undefined;
}

export class Rig implements AsyncDisposable {
  readonly job: Job;
  readonly file: string;
  readonly dir: string;
  readonly #servers: BenchServers;
  readonly #profileDir: string | undefined;
  readonly #children = new Map<ServiceName, ChildProcess>();
  #feed: StatusFeed | null = null;

  constructor(servers: BenchServers, o: RigOptions) {
    this.#servers = servers;
    this.#profileDir = o.profileDir;
    this.dir = o.dir;
    mkdirSync(o.dir, { recursive: true });
    const { s1, ...targets } = servers.mysql;
    const text = stringify({
      job: o.name,
      kafka: { brokers: servers.brokers },
      registry: { url: servers.registryUrl },
      sources: [{ name: o.name, ...s1, database: DATABASE }],
      // With a way back the log of a target is the job's own, as that of a source is.
      targets: Object.entries(targets).map(([server, t]) => ({
        ...{ name: `${o.name}-${server}`, ...t, database: DATABASE },
      })),
      tables: [{ name: o.table }],
      route: { kind: 'modulus', column: 'user_id' },
      ...o.more,
      // What is measured runs alone.
      options: { checkWhenInSync: false, ...o.more?.options },
    });
    this.file = path.join(o.dir, `${o.name}.yaml`);
    writeFileSync(this.file, text);
    this.job = parseJob(text, process.env);
  }

  start(...names: ServiceName[]): void {
    for (const name of names) {
      const log = openSync(path.join(this.dir, `${this.job.job}-${name}.log`), 'a');
      const args = [MAIN, 'service', name, this.file];
      if (name === 'control') args.push('--create-targets');
      const profile = this.#profileDir;
      if (profile) args.unshift('--cpu-prof', `--cpu-prof-dir=${path.join(profile, name)}`);
      const child = spawn(process.execPath, args, {
        // As `reshard up` starts it.
        detached: name === 'checker',
        // By the channel it hears that we are gone, however that happened.
        stdio: ['ignore', log, log, 'ipc'],
        env: { ...process.env, ...HANDED_ENV, RESHARD_LOG_JSON: '1' },
      });
      handJob(child, null);
      closeSync(log);
      // Services of a bench that is interrupted must not run on beside the next one.
      const kill = (): boolean => child.kill('SIGKILL');
      process.once('exit', kill);
      child.once('exit', () => process.off('exit', kill));
      this.#children.set(name, child);
    }
  }

  async stop(...names: ServiceName[]): Promise<void> {
    for (const name of names) this.#children.get(name)?.kill('SIGTERM');
    for (const name of names) {
      const child = this.#children.get(name);
      if (child && child.exitCode === null) {
        await new Promise(resolve => child.once('exit', resolve));
      }
      this.#children.delete(name);
    }
  }

  pids(): Record<string, number> {
    const ours = [...this.#children].map(([name, c]): [string, number] => [name, c.pid ?? 0]);
    const [wayBack] = childrenOf(this.#children.get('binlog')?.pid ?? 0);
    return {
      ...Object.fromEntries(ours),
      ...(wayBack === undefined ? {} : { wayBack }),
      ...this.#servers.pids,
    };
  }

  /** Runs one CLI command to its end; resolves with its exit code and output. */
  async cli(...args: string[]): Promise<{ code: number; out: string }> {
    const child = spawn(process.execPath, [MAIN, ...args, this.file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', chunk => {
      out += chunk;
    });
    const code = await new Promise<number>(resolve => child.once('close', c => resolve(c ?? 1)));
    return { code, out };
  }

  async feed(): Promise<StatusFeed> {
    this.#feed ??= await until(
      async () =>
        (await StatusFeed.open(this.job, createLogger({ name: 'bench', level: 'warn' }))) ??
        undefined,
      { timeoutMs: 60_000, everyMs: 200, what: 'the job to be prepared' },
    );
    return this.#feed;
  }

  /** Samples the status until `done`; fails when a service has died or halted. */
  async watch(
    what: string,
    done: (s: Status) => boolean,
    o: { timeoutMs?: number; everyMs?: number } = {},
  ): Promise<Status> {
    const feed = await this.feed();
    return until(
      async () => {
        this.#checkAlive();
        const status = await feed.status();
        const halted = status.services.find(s => s.state === 'halted');
        if (halted) throw new Error(`${halted.service}/${halted.unit}: ${halted.error}`);
        return done(status) ? status : undefined;
      },
      { timeoutMs: o.timeoutMs ?? 600_000, everyMs: o.everyMs ?? WATCH_MS, what },
    );
  }

  #checkAlive(): void {
    for (const [name, child] of this.#children) {
      if (child.exitCode !== null) {
        throw new Error(`${name} ended with ${child.exitCode}; its log is in ${this.dir}`);
      }
    }
  }

  endpoint(server: string): BenchServers['mysql'][string] {
    const endpoint = this.#servers.mysql[server];
    if (!endpoint) throw new Error(`no server ${server}`);
    return endpoint;
  }

  connect(server: string): Promise<Connection> {
    return createConnection({
      ...this.endpoint(server),
      multipleStatements: true,
      supportBigNumbers: true,
      dateStrings: true,
    });
  }

  /** Names of their servers. */
  get targets(): string[] {
    return Object.keys(this.#servers.mysql).filter(server => server !== 's1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(...this.#children.keys());
    await this.#feed?.[Symbol.asyncDispose]();
  }
}
