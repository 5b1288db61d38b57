/** Rate of a growing counter over the last seconds: short enough to show a stall at once. */
const WINDOW_MS = 5000;

export class Rate {
  readonly #samples: { at: number; value: number }[] = [];

  /** Notes the counter and returns units per second over the window. */
  note(value: number, now: number = performance.now()): number {
    const samples = this.#samples;
    if ((samples.at(-1)?.value ?? value) > value) samples.length = 0;
    samples.push({ at: now, value });
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > WINDOW_MS) samples.shift();
    const first = samples[0];
    if (first === undefined || now - first.at < 200) return 0;
    return ((value - first.value) * 1000) / (now - first.at);
  }
}

export class Rates {
  readonly #rates = new Map<string, Rate>();

  note(name: string, value: number): number {
    const rate = this.#rates.get(name) ?? new Rate();
    this.#rates.set(name, rate);
    return rate.note(value);
  }
}
