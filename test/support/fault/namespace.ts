/**
 * A network namespace for one server, with two links to it: one that a test may break, and one that
 * stays up for the load and the judges. So our services meet what a real network does: packets that
 * vanish and are sent again, hosts that cannot be reached, ends that have forgotten us. Needs root
 * on Linux, and `ip`, `nsenter` and `ss`; elsewhere a TcpProxy has to do.
 */

import { isAlive } from '../processes.ts';
import { run, which } from '../servers/command.ts';
import type { BreakableNetwork } from './network.ts';

const PREFIX = 'reshard';
/** 198.18.0.0/15 is set aside for tests of networks (RFC 2544). */
const BASE = (198 << 24) + (18 << 16);
const PER_PROCESS = 32;
const PER_NAMESPACE = 8;
const PROCESSES = 4096;

export class Namespace implements BreakableNetwork {
  /** What stands before a command to run it inside. */
  readonly command: readonly string[];
  /** The server's address on the link that tests break. */
  readonly host: string;
  /** Its address on the link that stays. */
  readonly steadyHost: string;
  readonly #name: string;
  /** Ends of the two links outside. */
  readonly #links: readonly [string, string];

  private constructor(number: number) {
    const base = BASE + (process.pid % PROCESSES) * PER_PROCESS + number * PER_NAMESPACE;
    this.#name = `${PREFIX}-${process.pid}-${number}`;
    this.#links = linksOf(process.pid, number);
    this.command = ['nsenter', `--net=/run/netns/${this.#name}`];
    this.host = address(base + 2);
    this.steadyHost = address(base + 6);
  }

  /** Why this process cannot make namespaces; undefined if it can. */
  static async refusal(): Promise<string | undefined> {
    if (process.platform !== 'linux') return 'not Linux';
    if (process.getuid?.() !== 0) return 'not root';
    const missing = ['ip', 'nsenter', 'ss'].filter(c => which(c) === undefined);
    if (missing.length > 0) return `no ${missing.join(', ')}`;
    try {
      await sweep();
      await using tried = await Namespace.open(PER_PROCESS / PER_NAMESPACE - 1);
      await tried.silence();
      return undefined;
    } catch (e) {
      return e instanceof Error ? e.message : String(e);
    }
  }

  /** `number` tells apart those of one process: 0 to 2. */
  static async open(number: number): Promise<Namespace> {
    const namespace = new Namespace(number);
    try {
      await namespace.#make();
    } catch (e) {
      await namespace[Symbol.asyncDispose]();
      throw e;
    }
    return namespace;
  }

  async cut(): Promise<void> {
    await this.#killSockets();
    await this.silence();
  }

  async silence(): Promise<void> {
    await this.#inside('link', 'set', 'breakable', 'down');
  }

  async forget(): Promise<void> {
    await this.#killSockets();
  }

  async heal(): Promise<void> {
    await this.#inside('link', 'set', 'breakable', 'up');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await remove(this.#name, this.#links);
  }

  async #make(): Promise<void> {
    await run('ip', ['netns', 'add', this.#name]);
    await this.#inside('link', 'set', 'lo', 'up');
    for (const [i, inner] of ['breakable', 'steady'].entries()) {
      const outer = this.#links[i] ?? '';
      const host = i === 0 ? this.host : this.steadyHost;
      const kind = ['type', 'veth', 'peer', 'name', inner, 'netns', this.#name];
      await run('ip', ['link', 'add', outer, ...kind]);
      await run('ip', ['addr', 'add', `${before(host)}/30`, 'dev', outer]);
      await run('ip', ['link', 'set', outer, 'up']);
      await this.#inside('addr', 'add', `${host}/30`, 'dev', inner);
      await this.#inside('link', 'set', inner, 'up');
    }
  }

  /** Sends resets, which are lost while the link is down, and remembers nothing. */
  async #killSockets(): Promise<void> {
    const [command = '', ...args] = this.command;
    await run(command, [...args, 'ss', '-K', 'src', this.host]);
  }

  async #inside(...args: string[]): Promise<void> {
    await run('ip', ['-n', this.#name, ...args]);
  }
}

function linksOf(pid: number, number: number): readonly [string, string] {
  return [`rs${pid}.${number}a`, `rs${pid}.${number}b`];
}

/** What processes have left that were killed. */
async function sweep(): Promise<void> {
  for (const line of (await run('ip', ['netns', 'list'])).split('\n')) {
    const [name, pid, number] = new RegExp(`^${PREFIX}-(\\d+)-(\\d+)`).exec(line) ?? [];
    if (name === undefined || isAlive(Number(pid))) continue;
    await remove(name, linksOf(Number(pid), Number(number)));
  }
}

/** The links first: a namespace lives on as long as a process is in it. */
async function remove(name: string, links: readonly string[]): Promise<void> {
  for (const link of links) await run('ip', ['link', 'del', link]).catch(() => undefined);
  await run('ip', ['netns', 'del', name]).catch(() => undefined);
}

function address(n: number): string {
  return [24, 16, 8, 0].map(shift => (n >>> shift) & 255).join('.');
}

/** The address before this one: the outer end of its link. */
function before(host: string): string {
  const n = host.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return address(n - 1);
}
