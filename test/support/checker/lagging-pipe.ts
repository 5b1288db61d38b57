/**
 * A pipeline made of a list: writers change rows of the source, each one rows of its own, and note
 * what they committed; an applier brings the notes to the targets late, target by target, so that a
 * row that moves is for a moment on none or on both. It knows exactly what has arrived.
 */

import type { PositionWaiter } from '../../../services/checker/full/position-waiter.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { Random } from '../load/random.ts';
import type { CheckBed } from './bed.ts';

interface Note {
  id: number;
  /** `customer_id, text`, or null for a delete. */
  row: { customer: number; text: string } | null;
  atMs: number;
}

export interface LaggingPipeOptions {
  writers: number;
  /** Rows of a writer; row n of writer w has id `1 + w + writers * n`, times `stride`. */
  rows: number;
  stride: number;
  lagMs: number;
  seed: number;
}

export class LaggingPipe implements PositionWaiter, AsyncDisposable {
  readonly #bed: CheckBed;
  readonly #o: LaggingPipeOptions;
  readonly #stop = new AbortController();
  readonly #log: Note[] = [];
  readonly #open = new Set<Promise<unknown>>();
  #applied = 0;
  #running: Promise<unknown> = Promise.resolve();

  constructor(bed: CheckBed, o: LaggingPipeOptions) {
    this.#bed = bed;
    this.#o = o;
  }

  get writes(): number {
    return this.#log.length;
  }

  start(): void {
    const writers = Array.from({ length: this.#o.writers }, (_, w) => this.#write(w));
    this.#running = Promise.all([...writers, this.#apply()]);
    this.#running.catch(() => {});
  }

  async passed(): Promise<void> {
    // What is committed but not noted yet belongs to it.
    await Promise.all([...this.#open]);
    const end = this.#log.length;
    while (this.#applied < end) await sleep(5);
  }

  async #write(w: number): Promise<void> {
    const { writers, rows, stride, seed } = this.#o;
    const random = new Random(seed * 1000 + w);
    await using session = await this.#session(this.#bed.sources[0]);
    while (!this.#stop.signal.aborted) {
      const id = (1 + w + writers * random.below(rows)) * stride;
      const row = random.chance(0.3)
        ? null
        : { customer: random.below(50), text: random.pick(['same', 'other', `v${random.next()}`]) };
      const committing = this.#commit(session, { id, row, atMs: 0 });
      this.#open.add(committing);
      await committing.finally(() => this.#open.delete(committing));
      await sleep(random.between(2, 20));
    }
  }

  async #commit(session: MysqlSession, note: Note): Promise<void> {
    await session.rawQuery(statement(note));
    this.#log.push({ ...note, atMs: performance.now() });
  }

  async #apply(): Promise<void> {
    const { lagMs } = this.#o;
    const targets = this.#bed.targets;
    const sessions = await Promise.all(targets.map(t => this.#session(t)));
    while (!this.#stop.signal.aborted || this.#applied < this.#log.length) {
      const due = performance.now() - lagMs;
      const batch = this.#log.slice(this.#applied, this.#applied + 100).filter(n => n.atMs <= due);
      if (batch.length === 0) {
        await sleep(5);
        continue;
      }
      for (const [t, session] of sessions.entries()) {
        await session.rawQuery('BEGIN');
        for (const note of batch) {
          const isHere = note.row !== null && note.row.customer % targets.length === t;
          await session.rawQuery(statement(isHere ? note : { ...note, row: null }));
        }
        await session.rawQuery('COMMIT');
      }
      this.#applied += batch.length;
    }
    await Promise.all(sessions.map(s => s.close()));
  }

  #session(place: CheckBed['sources'][number] | undefined): Promise<MysqlSession> {
    if (place === undefined) throw new Error('a bed without databases');
    return MysqlSession.open(place, { role: 'apply' });
  }

  /** Ends the writers and brings all that is left to the targets. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}

function statement({ id, row }: Note): string {
  if (row === null) return `DELETE FROM t WHERE id = ${id}`;
  return `REPLACE INTO t VALUES (${id}, ${row.customer}, '${row.text}', NULL)`;
}
