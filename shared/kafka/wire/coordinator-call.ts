/**
 * One request to a transaction coordinator that may be asked again: finding it, waiting while it
 * moves, loads, or still completes our last transaction. All requests it is used for are
 * idempotent at the coordinator under one producer epoch.
 */
import { Backoff } from '../../runtime/backoff.ts';
import { ReshardError } from '../../runtime/error.ts';
import { CODE, isCoordinatorBusy, isCoordinatorMoved, refused } from './error-code.ts';

export interface CoordinatorPort {
  coordinator(transactionalId: string): Promise<number | undefined>;
}

/** It completes our last transaction: a matter of milliseconds. */
const BUSY = { minMs: 2, maxMs: 20, factor: 1.5 };
const MOVED = { minMs: 20, maxMs: 500 };

export class CoordinatorCall {
  readonly #port: CoordinatorPort;
  readonly #id: string;
  #node: number | undefined;

  constructor(port: CoordinatorPort, transactionalId: string) {
    this.#port = port;
    this.#id = transactionalId;
  }

  /** Repeats `attempt` until it gives code NONE; throws for a code that will not go away. */
  async run<T extends { code: number }>(
    what: string,
    deadline: number,
    attempt: (node: number) => Promise<T>,
  ): Promise<T> {
    const moved = new Backoff(MOVED);
    const busy = new Backoff(BUSY);
    let failure: unknown;
    for (;;) {
      let backoff = moved;
      try {
        this.#node ??= await this.#port.coordinator(this.#id);
        if (this.#node !== undefined) {
          const answer = await attempt(this.#node);
          if (answer.code === CODE.NONE) return answer;
          failure = refused(what, answer.code, { transactionalId: this.#id });
          if (isCoordinatorMoved(answer.code)) this.#node = undefined;
          else if (isCoordinatorBusy(answer.code)) backoff = busy;
          else throw failure;
        }
      } catch (e) {
        if (!(e instanceof ReshardError) || e.kind !== 'unreachable') throw e;
        this.#node = undefined;
        failure = e;
      }
      if (performance.now() > deadline) {
        throw new ReshardError('broker', `the transaction coordinator did not answer ${what}`, {
          cause: failure,
          context: { transactionalId: this.#id },
        });
      }
      await backoff.wait();
    }
  }
}
