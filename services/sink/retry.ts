/**
 * Tries to put waiting rows of a worker's lanes back: parked ones all the time, since the event that
 * makes room may come at any moment; those of blocked keys at the start and then with growing
 * pauses, since only the operator can mend the target. In transactions that hold the offset rows.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { asReshardError, ReshardError } from '../../shared/runtime/error.ts';
import type { Applier } from './apply.ts';
import { IDLE_MS } from './due.ts';
import type { Lane } from './lane.ts';
import { advanced } from './offset.ts';
import { isOfData, refused } from './refusal.ts';
import type { Target } from './target.ts';
import type { WaitingChange } from './waiting.ts';

const PARK_RETRY_MS = 75;
/** After a batch, which may have made room, parked rows are tried this soon. */
const PARK_PAUSE_MS = 10;
/** Rows of a lane that are tried at once. */
const RETRY_KEYS = 100;

export interface RetryOptions {
  target: Target;
  /** Pauses between attempts at blocked keys. */
  blockedMinMs: number;
  blockedMaxMs: number;
  /** The lanes' offset rows are not as they were. */
  onFenced: (session: MysqlSession, lanes: readonly Lane[]) => Promise<void>;
  /** True if the error passes: a deadlock. */
  isPassing: (e: unknown) => Promise<boolean>;
  onRefused: (lane: Lane, error: ReshardError) => void;
  onCommitted: () => void;
}

type Was = 'parked' | 'blocked';

export class Retry {
  readonly #o: RetryOptions;
  #parkedAt = 0;
  #turn = 0;

  constructor(o: RetryOptions) {
    this.#o = o;
  }

  /** A transaction was committed. */
  hasRoom(now: number): void {
    this.#parkedAt = Math.min(this.#parkedAt, now + PARK_PAUSE_MS);
  }

  /** Tries what is due; returns when to come again. */
  async turn(session: MysqlSession, applier: Applier, all: Iterable<Lane>): Promise<number> {
    const lanes = [...all].filter(l => l.state === 'running');
    const parked = lanes.filter(l => l.parked.size > 0);
    const blocked = lanes.filter(l => l.blocked.size > 0);
    const parkMs = await this.#retryParked(session, applier, parked);
    const now = performance.now();
    for (const lane of blocked.filter(l => l.state === 'running' && l.retryBlockedAt <= now)) {
      await this.#retryBlocked(session, applier, lane);
    }
    const next = blocked.map(l => l.retryBlockedAt - performance.now());
    return Math.max(1, Math.min(parkMs, ...next));
  }

  async #retryParked(session: MysqlSession, applier: Applier, lanes: Lane[]): Promise<number> {
    if (lanes.length === 0) return IDLE_MS;
    const wait = this.#parkedAt - performance.now();
    if (wait > 0) return wait;
    this.#turn += RETRY_KEYS;
    await this.#attempt(session, applier, lanes, 'parked', lane => this.#someOf(lane));
    this.#parkedAt = performance.now() + PARK_RETRY_MS;
    return PARK_RETRY_MS;
  }

  /** All blocked keys of the lane, in transactions of a bounded size. */
  async #retryBlocked(session: MysqlSession, applier: Applier, lane: Lane): Promise<void> {
    const { blockedMinMs, blockedMaxMs } = this.#o;
    const before = lane.blocked.size;
    const keys = [...lane.blocked.keys()];
    for (let i = 0; i < keys.length && lane.state === 'running'; i += RETRY_KEYS) {
      const some = keys.slice(i, i + RETRY_KEYS);
      await this.#attempt(session, applier, [lane], 'blocked', () => some);
    }
    // What took one row may take the others soon.
    const isMending = lane.blocked.size < before;
    const next = isMending ? blockedMinMs : Math.max(lane.retryBlockedMs * 2, blockedMinMs);
    lane.retryBlockedMs = Math.min(next, blockedMaxMs);
    lane.retryBlockedAt = performance.now() + lane.retryBlockedMs;
  }

  /** One transaction; rolled back if nothing came of it. */
  async #attempt(
    session: MysqlSession,
    applier: Applier,
    lanes: readonly Lane[],
    was: Was,
    keysOf: (lane: Lane) => readonly string[],
  ): Promise<void> {
    const stands = lanes.map(lane => ({ ...lane.position, lane }));
    const changes: WaitingChange[] = [];
    let [current] = lanes;
    try {
      await this.#o.target.offsets.compareAndSet(session, stands);
      for (const lane of lanes) {
        current = lane;
        const change = await applier.retry(lane, keysOf(lane), was);
        if (!change.isEmpty) changes.push(change);
      }
      if (changes.length === 0) {
        await session.rawQuery('ROLLBACK');
        return;
      }
      await applier.commit();
      for (const stand of stands) stand.lane.position = advanced(stand);
      for (const change of changes) change.committed();
      this.#o.onCommitted();
    } catch (e) {
      if (!session.alive) throw e;
      await session.rawQuery('ROLLBACK');
      if (e instanceof ReshardError && e.kind === 'fenced') {
        return await this.#o.onFenced(session, lanes);
      }
      if (await this.#o.isPassing(e)) return;
      if (!isOfData(e) || current === undefined) throw e;
      this.#o.onRefused(current, refused(asReshardError(e), current, this.#o.target.name));
    }
  }

  /** Some parked keys of a lane, others each time. */
  #someOf(lane: Lane): string[] {
    const all = [...lane.parked.keys()];
    const first = this.#turn % all.length;
    return [...all.slice(first), ...all.slice(0, first)].slice(0, RETRY_KEYS);
  }
}
