/**
 * Brings the dead letters of a worker's partition tasks to their topic, and takes them out of the
 * destination when the topic has them. Sending runs beside the worker's transactions, for the topic
 * may be slow; the queue is used in the worker's turns only.
 */
import { describeError } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { PartitionTask } from '../intake/partition-task.ts';
import type { DeadLetter, DeadLetterQueue } from './dead-letter.ts';

/** Takes dead letters of one partition task, in order; resolves when they are durable. */
export type SendDeadLetters = (deadLetters: readonly DeadLetter[]) => Promise<void>;

export interface DeadLetterPublisherOptions {
  send: SendDeadLetters;
  /** Dead letters were sent, or may be tried again. */
  wake: () => void;
  log: Logger;
}

/** A dead letter is as large as a record. */
const LETTERS = 20;
const RETRY_MS = 2000;

export class DeadLetterPublisher {
  /** Dead letters in the topic, since the process started. */
  total = 0;
  /** Why dead letters wait, if it is so. */
  error: string | null = null;
  readonly #o: DeadLetterPublisherOptions;
  #sending = false;
  #sent: readonly DeadLetter[] = [];
  #retryAt = 0;

  constructor(o: DeadLetterPublisherOptions) {
    this.#o = o;
  }

  /** Does what there is to do; returns for how long there is nothing, unless `wake` is called. */
  async turn(queue: DeadLetterQueue, tasks: Iterable<PartitionTask>): Promise<number> {
    await this.#takeOut(queue);
    // Of halted partition tasks too: why they halted is in their dead letters.
    const waiting = [...tasks].filter(l => l.deadLetters > 0 && l.state !== 'waiting');
    if (waiting.length === 0 || this.#sending) return Number.POSITIVE_INFINITY;
    const wait = this.#retryAt - performance.now();
    if (wait > 0) return wait;
    for (const task of waiting) {
      const deadLetters = await queue.oldest(task, LETTERS);
      if (deadLetters.length > 0) {
        this.#sending = true;
        void this.#send(deadLetters);
        break;
      }
      task.deadLetters = 0;
    }
    return Number.POSITIVE_INFINITY;
  }

  async #send(deadLetters: readonly DeadLetter[]): Promise<void> {
    try {
      failpoint(FAILPOINTS.sinkBeforeDeadLetter);
      await this.#o.send(deadLetters);
      failpoint(FAILPOINTS.sinkAfterDeadLetter);
      this.#sent = deadLetters;
      this.total += deadLetters.length;
      this.error = null;
    } catch (e) {
      this.error = describeError(e);
      this.#retryAt = performance.now() + RETRY_MS;
      this.#o.log.warn({ inMs: RETRY_MS }, `dead letters wait: ${this.error}`);
    } finally {
      this.#sending = false;
      this.#o.wake();
    }
  }

  async #takeOut(queue: DeadLetterQueue): Promise<void> {
    const [first] = this.#sent;
    if (first === undefined) return;
    const { task } = first;
    const offsets = this.#sent.map(l => l.offset);
    await queue.remove(task, offsets);
    task.deadLetters = Math.max(0, task.deadLetters - offsets.length);
    this.#sent = [];
  }
}
