/**
 * Brings the dead letters of a worker's lanes to their topic, and takes them out of the target when
 * the topic has them. Sending runs beside the worker's transactions, for the topic may be slow; the
 * session is used in the worker's turns only.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { describeError } from '../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../shared/runtime/failpoint.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import { IDLE_MS } from './due.ts';
import type { Lane } from './lane.ts';
import type { Letter, LetterTable } from './letters.ts';

/** Takes letters of one lane, in order; resolves when they are durable. */
export type SendLetters = (letters: readonly Letter[]) => Promise<void>;

export interface PostmanOptions {
  table: LetterTable;
  send: SendLetters;
  /** Letters were sent, or may be tried again. */
  wake: () => void;
  log: Logger;
}

/** A letter is as large as a record. */
const LETTERS = 20;
const RETRY_MS = 2000;

export class Postman {
  /** Letters in the topic, since the process started. */
  total = 0;
  /** Why letters wait, if it is so. */
  error: string | null = null;
  readonly #o: PostmanOptions;
  #sending = false;
  #sent: readonly Letter[] = [];
  #retryAt = 0;

  constructor(o: PostmanOptions) {
    this.#o = o;
  }

  /** Does what there is to do; returns for how long there is nothing. Commits. */
  async turn(session: MysqlSession, lanes: Iterable<Lane>): Promise<number> {
    await this.#takeOut(session);
    // Of halted lanes too: why they halted is in their letters.
    const waiting = [...lanes].filter(l => l.letters > 0 && l.state !== 'waiting');
    if (waiting.length === 0 || this.#sending) return IDLE_MS;
    const wait = this.#retryAt - performance.now();
    if (wait > 0) return wait;
    for (const lane of waiting) {
      const letters = await this.#o.table.oldest(session, lane, LETTERS);
      await session.rawQuery('ROLLBACK');
      if (letters.length > 0) {
        this.#sending = true;
        void this.#send(letters);
        break;
      }
      lane.letters = 0;
    }
    return IDLE_MS;
  }

  async #send(letters: readonly Letter[]): Promise<void> {
    try {
      failpoint(FAILPOINTS.sinkBeforeLetter);
      await this.#o.send(letters);
      failpoint(FAILPOINTS.sinkAfterLetter);
      this.#sent = letters;
      this.total += letters.length;
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

  async #takeOut(session: MysqlSession): Promise<void> {
    const [first] = this.#sent;
    if (first === undefined) return;
    const { lane } = first;
    const offsets = this.#sent.map(l => l.offset);
    await this.#o.table.remove(session, lane, offsets);
    await session.rawQuery('COMMIT');
    lane.letters = Math.max(0, lane.letters - offsets.length);
    this.#sent = [];
  }
}
