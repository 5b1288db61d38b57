/** CPU seconds and peak memory of processes, from the operating system's own accounting. */
import { readFileSync } from 'node:fs';

export interface ProcessUse {
  /** User and system time since the process began, seconds. */
  cpuSeconds: number;
  /** Largest resident set so far, megabytes. */
  peakMb: number;
}

/** Zeros when the process is gone. */
export function processUse(pid: number): ProcessUse {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const peakKb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    return {
      cpuSeconds: (Number(stat[11] ?? 0) + Number(stat[12] ?? 0)) / 100,
      peakMb: Math.round(peakKb / 1024),
    };
  } catch {
    return { cpuSeconds: 0, peakMb: 0 };
  }
}

export type UseReport = Record<string, { cpuSeconds: number; peakMb: number }>;

/** Use of several named processes between two moments. */
export class Meter {
  readonly #pids: () => Record<string, number>;
  readonly #before = new Map<string, number>();
  readonly #startedAt = performance.now();

  constructor(pids: () => Record<string, number>) {
    this.#pids = pids;
    for (const [name, pid] of Object.entries(pids())) {
      this.#before.set(`${name}/${pid}`, processUse(pid).cpuSeconds);
    }
  }

  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  report(): UseReport {
    const used: UseReport = {};
    for (const [name, pid] of Object.entries(this.#pids())) {
      const now = processUse(pid);
      const before = this.#before.get(`${name}/${pid}`) ?? 0;
      used[name] = {
        cpuSeconds: Math.round((now.cpuSeconds - before) * 100) / 100,
        peakMb: now.peakMb,
      };
    }
    return used;
  }
}

/** A counter sampled until it reaches a value: first and last movement, and the steady middle. */
export class Curve {
  readonly #samples: { at: number; value: number }[] = [];

  note(value: number): void {
    const last = this.#samples.at(-1);
    if (last?.value !== value) this.#samples.push({ at: performance.now(), value });
  }

  /** Units per second from the first to the last movement, and between 20 % and 80 % of it. */
  rates(): { total: number; seconds: number; perSecond: number; steadyPerSecond: number } {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at === first.at) {
      return { total: last?.value ?? 0, seconds: 0, perSecond: 0, steadyPerSecond: 0 };
    }
    const moved = last.value - first.value;
    const reach = (part: number): { at: number; value: number } =>
      this.#samples.find(s => s.value - first.value >= part * moved) ?? last;
    const [low, high] = [reach(0.2), reach(0.8)];
    const seconds = (last.at - first.at) / 1000;
    const steady = high.at > low.at ? ((high.value - low.value) * 1000) / (high.at - low.at) : 0;
    return {
      total: last.value,
      seconds: Math.round(seconds * 100) / 100,
      perSecond: Math.round(moved / seconds),
      steadyPerSecond: Math.round(steady),
    };
  }
}
