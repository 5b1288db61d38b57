/** Says what the demo does: a line for each step, with progress that is redrawn on a terminal. */
export class Narrator {
  readonly #out: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #step = 0;
  #open = false;
  #saidAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  step(text: string): void {
    this.#step++;
    this.#line(`\n[${this.#seconds()} s] ${this.#step}. ${text}`);
  }

  say(text: string): void {
    this.#line(`   ${text}`);
  }

  /** Replaces the last progress on a terminal; elsewhere a line now and then. */
  progress(text: string): void {
    const now = performance.now();
    if (this.#out.isTTY) {
      this.#out.write(`\r\x1b[K   ${text}`);
      this.#open = true;
    } else if (now - this.#saidAt > 2000) {
      this.#saidAt = now;
      this.#out.write(`   ${text}\n`);
    }
  }

  #line(text: string): void {
    this.#out.write(`${this.#open ? '\n' : ''}${text}\n`);
    this.#open = false;
  }

  #seconds(): string {
    return ((performance.now() - this.#startedAt) / 1000).toFixed(1);
  }
}

export function count(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
