/**
 * Ends the log of a source for a handover (shared/job/state/handover.ts): between two transactions,
 * with none in it in part, and says so in the record that has the position. From the moment that it
 * is wanted no chunk is taken in, since one may have seen what comes behind; from the end on no
 * event is.
 */
import type { StreamPosition } from '../../shared/change/position.ts';
import type { OrderedWriter } from './writer/ordered-writer.ts';

export interface LogEndOptions {
  position: Pick<StreamPosition, 'current' | 'resume'>;
  writer: () => Pick<OrderedWriter, 'moved' | 'flush'>;
  /** A statement is judged, or a transaction prepared: what comes of it is not known. */
  isOpen: () => boolean;
  /** Nothing more comes in. */
  stop: () => void;
}

export class LogEnd {
  readonly #o: LogEndOptions;
  readonly #done = Promise.withResolvers<void>();
  #wanted: number | null = null;
  #ended = 0;

  constructor(o: LogEndOptions) {
    this.#o = o;
  }

  get isWanted(): boolean {
    return this.#wanted !== null;
  }

  /** The handover that it has ended for; 0: it goes on. */
  get ended(): number {
    return this.#ended;
  }

  /** Resolves when the end is durable. */
  begin(handover: number): Promise<void> {
    this.#wanted = handover;
    this.consider();
    return this.#done.promise;
  }

  /** Asked after each event, and whenever something that was open is settled. */
  consider(): void {
    const { position, writer, isOpen, stop } = this.#o;
    if (this.#wanted === null || this.#ended !== 0 || isOpen()) return;
    if (position.current !== null || position.resume().partialGtid !== null) return;
    this.#ended = this.#wanted;
    stop();
    writer().moved();
    writer()
      .flush()
      .then(isThere => {
        if (isThere) this.#done.resolve();
      }, this.#done.reject);
  }
}
