/**
 * Questions to servers that control's loop needs the answers of and must not wait for: a source
 * that is away, or hangs, would hold up phases, proofs and repairs that have nothing to do with it.
 * A question is asked beside the loop and asked again after a pause that grows, as long as its
 * error is one that passes; the loop looks for the answer at each turn and does the writing itself,
 * so the state has one writer in one order.
 */
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { asReshardError, describeError, type ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { Logger } from '../../../shared/runtime/log.ts';

const PAUSE = { minMs: 500, maxMs: 5000 };

export type Answer<T> = { value: T } | { error: ReshardError };

export interface OpenInquiry {
  id: string;
  sinceMs: number;
  /** Why there was no answer the last time. */
  why: string | null;
}

interface Asked<T> {
  sinceMs: number;
  backoff: Backoff;
  dueAt: number;
  isAsking: boolean;
  answer: Answer<T> | null;
  /** Why there was no answer the last time. */
  why: string | null;
}

export class Inquiries<T> {
  readonly #asked = new Map<string, Asked<T>>();
  readonly #log: Logger;
  readonly #now: () => number;

  constructor(log: Logger, now: () => number = () => performance.now()) {
    this.#log = log;
    this.#now = now;
  }

  /** The answer, once there is one; null while it is asked for. Never throws, never waits. */
  ask(id: string, question: () => Promise<T>): Answer<T> | null {
    const asked = this.#asked.get(id) ?? this.#new(id);
    if (asked.answer === null && !asked.isAsking && this.#now() >= asked.dueAt) {
      asked.isAsking = true;
      void this.#put(id, asked, question);
    }
    return asked.answer;
  }

  /** What is asked for and has no answer, with the reason, once one is known. */
  open(): OpenInquiry[] {
    return [...this.#asked]
      .filter(([, { answer }]) => answer === null)
      .map(([id, { sinceMs, why }]) => ({ id, sinceMs, why }));
  }

  /** The answer has been used, or nobody wants it any more. */
  forget(id: string): void {
    this.#asked.delete(id);
  }

  #new(id: string): Asked<T> {
    const asked: Asked<T> = {
      sinceMs: Date.now(),
      backoff: new Backoff(PAUSE),
      dueAt: 0,
      isAsking: false,
      answer: null,
      why: null,
    };
    this.#asked.set(id, asked);
    return asked;
  }

  async #put(id: string, asked: Asked<T>, question: () => Promise<T>): Promise<void> {
    try {
      asked.answer = { value: await question() };
    } catch (e) {
      const error = asReshardError(e);
      if (policyOf(error.kind) === 'restart') {
        const inMs = Math.round(asked.backoff.next());
        asked.why = describeError(error);
        asked.dueAt = this.#now() + inMs;
        this.#log.warn({ request: id, inMs }, `asked again: ${asked.why}`);
      } else asked.answer = { error };
    }
    asked.isAsking = false;
  }
}
