/**
 * One request to a transaction coordinator that may be asked again: finding it, waiting while it
 * moves, loads, or still completes our last transaction. All requests it is used for are
 * idempotent at the coordinator under one producer epoch.
 */
import { sleep } from '../../runtime/clock.ts';
import { ReshardError } from '../../runtime/error.ts';
import { CODE, isCoordinatorBusy, isCoordinatorMoved, refused } from './error-code.ts';

export interface CoordinatorPort {
  coordinator(transactionalId: string): Promise<number | undefined>;
}

const BUSY_MS = 2;
const BUSY_MAX_MS = 20;
const MOVED_MIN_MS = 20;
const MOVED_MAX_MS = 500;

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
    let movedMs = MOVED_MIN_MS;
    let busyMs = BUSY_MS;
    let failure: unknown;
    for (;;) {
      let pauseMs = movedMs;
      try {
        this.#node ??= await this.#port.coordinator(this.#id);
        if (this.#node !== undefined) {
          const answer = await attempt(this.#node);
          if (answer.code === CODE.NONE) return answer;
          failure = refused(what, answer.code, { transactionalId: this.#id });
          if (isCoordinatorMoved(answer.code)) this.#node = undefined;
          else if (isCoordinatorBusy(answer.code)) {
            pauseMs = busyMs;
            busyMs = Math.min(busyMs * 1.5, BUSY_MAX_MS);
          } else throw failure;
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
      if (pauseMs === movedMs) movedMs = Math.min(movedMs * 2, MOVED_MAX_MS);
      await sleep(pauseMs);
    }
  }
}
