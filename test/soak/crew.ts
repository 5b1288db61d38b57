/**
 * The members of the job as processes, and who starts them again: `reshard up` would do that too,
 * but the soak must know which process is which, to kill one and to say how much memory it took.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type RunningCommand, spawnReshard } from '../support/reshard-cli.ts';

export const SERVICES = ['control', 'binlog', 'snapshot', 'sink', 'checker'] as const;
export type Service = (typeof SERVICES)[number];

export interface Member {
  readonly service: Service;
  readonly number: number;
  readonly log: string;
  process: RunningCommand;
  /** The test has ended it: its exit code is then not a surprise. */
  ending: NodeJS.Signals | undefined;
  paused: boolean;
}

export interface Surprise {
  member: string;
  code: number;
  at: string;
  lastWords: string;
  times: number;
}

const RESTART_AFTER_MS = 1000;
const DRAIN_MS = 60_000;
/** So often in a row a member may end by itself before the run is given up. */
const ENDS_MAX = 10;
const LOOK_MS = 400;

export function nameOf({ service, number }: Member): string {
  return `${service}-${number}`;
}

export class Crew implements AsyncDisposable {
  readonly members: Member[] = [];
  /** Members that ended without being asked to, and those that did not end as they should. */
  readonly surprises: Surprise[] = [];
  /** Why the run is pointless: a member does not stay up. */
  failure: string | undefined;
  /** Highest resident memory in bytes, by service. */
  readonly peakBytes = new Map<Service, number>();
  starts = 0;
  readonly #o: { jobFile: string; dir: string; sizes: Readonly<Record<Service, number>> };
  readonly #sampler: NodeJS.Timeout;
  #isOver = false;

  constructor(o: { jobFile: string; dir: string; sizes: Readonly<Record<Service, number>> }) {
    this.#o = o;
    this.#sampler = setInterval(() => this.#sample(), LOOK_MS);
    for (const service of SERVICES) {
      for (let number = 1; number <= o.sizes[service]; number++) this.#add(service, number);
    }
  }

  of(service: Service): Member[] {
    return this.members.filter(m => m.service === service);
  }

  /** Ends a member; the supervisor starts it again. */
  end(member: Member, signal: 'SIGKILL' | 'SIGTERM'): void {
    member.ending = signal;
    const { process: ending } = member;
    ending.kill(signal);
    if (signal === 'SIGKILL') return;
    const timer = setTimeout(() => {
      if (!ending.running) return;
      this.#surprise(member, -1, `has not ended ${DRAIN_MS / 1000} s after SIGTERM`);
      ending.kill('SIGKILL');
    }, DRAIN_MS);
    ending.exited.finally(() => clearTimeout(timer));
  }

  pause(member: Member): void {
    member.paused = true;
    member.process.kill('SIGSTOP');
  }

  resume(member: Member): void {
    member.paused = false;
    member.process.kill('SIGCONT');
  }

  /** The end of the log of every member. */
  evidence(): string {
    return this.members.map(m => `--- ${nameOf(m)}: ${m.log}\n${tailOf(m.log, 5)}`).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#sampler);
    for (const member of this.members) {
      if (member.paused) this.resume(member);
      this.end(member, 'SIGTERM');
    }
    await Promise.all(this.members.map(m => m.process.exited));
  }

  #add(service: Service, number: number): void {
    const log = path.join(this.#o.dir, `${service}-${number}.log`);
    const process = this.#spawn(service, log);
    const member = { service, number, log, process, ending: undefined, paused: false };
    this.members.push(member);
    void this.#supervise(member);
  }

  #spawn(service: Service, log: string): RunningCommand {
    this.starts++;
    const args = ['service', service, this.#o.jobFile];
    if (service === 'control') args.push('--create-targets');
    return spawnReshard(args, { log, env: { RESHARD_LOG_JSON: '1' } });
  }

  async #supervise(member: Member): Promise<void> {
    for (let ends = 0; ; ) {
      const begun = performance.now();
      const code = await member.process.exited;
      const wanted =
        member.ending === 'SIGKILL' ? 128 : member.ending === 'SIGTERM' ? 0 : undefined;
      if (code !== wanted) this.#surprise(member, code, tailOf(member.log, 3));
      ends = code === wanted || performance.now() - begun > DRAIN_MS ? 0 : ends + 1;
      if (ends >= ENDS_MAX) {
        this.failure ??= `${nameOf(member)} does not stay up: ${tailOf(member.log, 3)}`;
      }
      member.ending = undefined;
      if (this.#isOver) return;
      await new Promise(resolve => setTimeout(resolve, RESTART_AFTER_MS));
      if (this.#isOver) return;
      member.paused = false;
      member.process = this.#spawn(member.service, member.log);
    }
  }

  #surprise(member: Member, code: number, lastWords: string): void {
    const at = new Date().toISOString().slice(11, 23);
    const name = nameOf(member);
    const last = this.surprises.findLast(s => s.member === name);
    if (last?.code === code && last.lastWords === lastWords) last.times++;
    else this.surprises.push({ member: name, code, at, lastWords, times: 1 });
  }

  #sample(): void {
    for (const { service, process } of this.members) {
      if (!process.running) continue;
      const bytes = peakOf(process.pid);
      if (bytes > (this.peakBytes.get(service) ?? 0)) this.peakBytes.set(service, bytes);
    }
  }
}

/** The kernel's own high-water mark; 0 where there is none, or when the process is gone. */
function peakOf(pid: number): number {
  try {
    const found = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function tailOf(file: string, lines: number): string {
  const text = readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines);
  return text.map(line => line.slice(0, 600)).join('\n');
}
