/**
 * What a check waits for, and when it gives up. Each wait says what it waits for and how far that
 * is, so that status and the command can show it, and it has an end: when nothing of it has moved
 * for the job's `checkStallSeconds`, the check fails with that text. It never ends as equal.
 * The limit is on standing still, not on the whole: a source that is hours behind is waited for as
 * long as it catches up.
 */
import { ReshardError } from '../../../shared/runtime/error.ts';

export interface WaitNote {
  /** What is waited for, and how far it is. */
  what: string;
  sinceMs: number;
}

/** A wait that is shorter is nothing to tell of. */
const TELL_AFTER_MS = 1000;

export class PipelineWaits {
  readonly #limitMs: number;
  readonly #open = new Set<PipelineWait>();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** `kind` is that of the error with which the wait gives up. */
  begin(kind: 'source' | 'target', signal: AbortSignal): PipelineWait {
    const wait: PipelineWait = new PipelineWait(kind, this.#limitMs, signal, () =>
      this.#open.delete(wait),
    );
    this.#open.add(wait);
    return wait;
  }

  /** Waits that last, the oldest first. */
  list(now = Date.now()): WaitNote[] {
    return [...this.#open]
      .map(w => w.note)
      .filter(n => n.what !== '' && now - n.sinceMs > TELL_AFTER_MS)
      .sort((a, b) => a.sinceMs - b.sinceMs);
  }
}

export class PipelineWait implements Disposable {
  readonly signal: AbortSignal;
  readonly #kind: 'source' | 'target';
  readonly #limitMs: number;
  readonly #end: () => void;
  readonly #sinceMs = Date.now();
  #what = '';
  #mark: string | null = null;
  #movedAt = performance.now();
  #isOver = false;

  constructor(kind: 'source' | 'target', limitMs: number, signal: AbortSignal, end: () => void) {
    this.#kind = kind;
    this.#limitMs = limitMs;
    this.signal = signal;
    this.#end = end;
  }

  get note(): WaitNote {
    return { what: this.#what, sinceMs: this.#sinceMs };
  }

  /** Given up, or stopped. */
  get isOver(): boolean {
    return this.#isOver || this.signal.aborted;
  }

  /**
   * Still waits: for `what`; `mark` is another text whenever that has come nearer. Throws when it
   * has stood still for too long, or at the signal.
   */
  stillFor(what: string, mark: string): void {
    this.signal.throwIfAborted();
    const now = performance.now();
    if (mark !== this.#mark) this.#movedAt = now;
    this.#mark = mark;
    this.#what = what;
    if (now - this.#movedAt < this.#limitMs) return;
    this.#isOver = true;
    const seconds = Math.round(this.#limitMs / 1000);
    throw new ReshardError(this.#kind, `nothing moved for ${seconds} s while waiting for ${what}`, {
      remedy:
        'see with `reshard status <job file>` what stands still and why, cure that, then run the ' +
        'check again' +
        ' (option checkStallSeconds: how long a check waits)',
    });
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
