/**
 * A worker is one connection to one target and the lanes that it alone applies. It takes all that
 * waits, applies it in one transaction, and goes on; so batches grow with the load by themselves.
 *
 * Crash-only: when the connection or the target fails, the worker drops what its lanes hold, backs
 * off, opens a new session, claims the lanes again and reads from what the target says. It never
 * reasons about whether a commit that it got no answer to has happened. Other targets and other
 * workers do not notice.
 */
import type { MysqlSession } from '../../shared/mysql/connect.ts';
import { errnoOf } from '../../shared/mysql/mysql-error.ts';
import { sleep } from '../../shared/runtime/clock.ts';
import { asReshardError, describeError, ReshardError } from '../../shared/runtime/error.ts';
import type { Logger } from '../../shared/runtime/log.ts';
import { Applier } from './apply.ts';
import { Batch, type BatchLimits } from './batch.ts';
import { Bell } from './bell.ts';
import { claimLanes } from './claim.ts';
import { LAZY_MS, retryWaitMs, writeWaitMs } from './due.ts';
import type { Lane } from './lane.ts';
import { advanced } from './offset.ts';
import { keyHash } from './park.ts';
import { Postman, type SendLetters } from './postman.ts';
import { isOfData, refused } from './refusal.ts';
import { Retry } from './retry.ts';
import { RowWriter } from './row-writer.ts';
import type { SinkTable } from './table.ts';
import type { MysqlTable } from './target/mysql.ts';
import { SIGN_OF_LIFE_MS, type Target } from './target.ts';
import { BLOCKED_MAX, type WaitingChange } from './waiting.ts';

/** Where lanes get their portions from; intake.ts. */
export interface LaneSource {
  attach(lane: Lane): void;
  detach(lane: Lane): void;
}

export interface WorkerOptions {
  target: Target;
  source: LaneSource;
  limits: BatchLimits & { blockedKeys?: number };
  log: Logger;
  sendLetters: SendLetters;
  pace?: Partial<Pace>;
}

/** When a lane that stopped, or a key that is blocked, is tried again. */
export interface Pace {
  fencedMs: number;
  haltedMs: number;
  blockedMinMs: number;
  blockedMaxMs: number;
}

/** A stop waits this long for the transaction that runs. */
const GRACE_MS = 5000;
const STATEMENT_BYTES = 1024 * 1024;
const STATEMENT_ROWS = 2000;
const BACKOFF_MIN_MS = 100;
/** A target that is back should not wait long for us. */
const BACKOFF_MAX_MS = 3000;
const PACE: Pace = {
  fencedMs: 3000,
  haltedMs: 15_000,
  blockedMinMs: 5000,
  blockedMaxMs: 30_000,
};
/** A target that takes claims may still take no rows (a full disk): so long its error stands. */
const ERROR_STANDS_MS = 5000;
const LOCK_RETRIES = 20;
const DEADLOCK = 1213;
const LOCK_WAIT = 1205;

export class Worker {
  readonly lanes = new Set<Lane>();
  readonly target: Target;
  /** What keeps this worker from its target, if anything does. */
  error: ReshardError | null = null;
  /** Totals since the process started. */
  readonly total = { rows: 0, written: 0, bytes: 0, transactions: 0, retries: 0, busyMs: 0 };
  readonly #o: WorkerOptions;
  readonly #pace: Pace;
  readonly #bell = new Bell();
  readonly #batch: Batch;
  readonly #retry: Retry;
  readonly #postman: Postman;
  #tables = new Map<SinkTable, MysqlTable>();
  #turn = 0;
  #aliveAt = 0;
  #transaction: Promise<void> = Promise.resolve();

  constructor(o: WorkerOptions) {
    this.target = o.target;
    this.#o = o;
    this.#pace = { ...PACE, ...o.pace };
    this.#batch = new Batch(o.limits);
    this.#retry = new Retry({
      target: o.target,
      blockedMinMs: this.#pace.blockedMinMs,
      blockedMaxMs: this.#pace.blockedMaxMs,
      onFenced: (session, lanes) => this.#fenced(session, lanes),
      isPassing: e => this.#again(e, 1),
      onRefused: (lane, error) => this.#halt(lane, error, false),
      onCommitted: () => {
        this.total.transactions += 1;
      },
    });
    this.#postman = new Postman({
      table: o.target.letters,
      send: o.sendLetters,
      wake: () => this.#bell.ring(),
      log: o.log,
    });
  }

  /** Dead letters in their topic since the start, and why others wait, if it is so. */
  get letters(): { total: number; error: string | null } {
    return this.#postman;
  }

  add(lane: Lane): void {
    this.lanes.add(lane);
    this.#bell.ring();
  }

  /**
   * Resolves when no transaction of the lane is running. A target that does not answer is not
   * waited for beyond a grace: if its transaction commits later on, compare-and-set has let it.
   */
  async remove(lane: Lane): Promise<void> {
    this.lanes.delete(lane);
    lane.state = 'closed';
    this.#o.source.detach(lane);
    lane.drop();
    const done = new AbortController();
    const transaction = this.#transaction.then(() => done.abort());
    await Promise.race([transaction, sleep(GRACE_MS, done.signal)]);
  }

  /** Something was queued in a lane. */
  wake(): void {
    this.#bell.ring();
  }

  /** What the lane must read cannot be read. */
  lost(lane: Lane, error: ReshardError): void {
    if (this.lanes.has(lane)) this.#halt(lane, error, true);
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#bell.ring();
    signal.addEventListener('abort', stop);
    let backoff = BACKOFF_MIN_MS;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        await this.#serve(signal);
      } catch (e) {
        this.error = asReshardError(e);
        this.#suspend();
        if (performance.now() - startedAt > BACKOFF_MAX_MS) backoff = BACKOFF_MIN_MS;
        const level = backoff < 1000 ? 'info' : 'warn';
        this.#o.log[level]({ inMs: backoff }, `target waits: ${describeError(e)}`);
        await sleep(backoff, signal);
        backoff = Math.min(backoff * 2, BACKOFF_MAX_MS);
      }
    }
    signal.removeEventListener('abort', stop);
  }

  /** Lanes go back to waiting; they will be claimed and read again. */
  #suspend(): void {
    for (const lane of this.lanes) {
      if (lane.state !== 'running') continue;
      this.#release(lane, 0);
    }
  }

  #release(lane: Lane, retryAt: number): void {
    this.#o.source.detach(lane);
    lane.state = 'waiting';
    lane.retryAt = retryAt;
    lane.drop();
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { target } = this.#o;
    const { session, packetBytes } = await target.open();
    this.#tables = new Map();
    const limits = { bytes: STATEMENT_BYTES, rows: STATEMENT_ROWS, packetBytes };
    const applier = new Applier(session, {
      writer: new RowWriter(session, limits),
      offsets: target.offsets,
      parks: target.parks,
      letters: target.letters,
      tableOf: table => this.#tableOf(table),
      packetBytes,
      blockedMax: this.#o.limits.blockedKeys ?? BLOCKED_MAX,
    });
    const since = performance.now();
    const cut = (): void => {
      setTimeout(() => session.destroy(), GRACE_MS).unref();
    };
    signal.addEventListener('abort', cut, { once: true });
    try {
      while (!signal.aborted) {
        await this.#exclusive(() => this.#claim(session));
        const isWell = performance.now() - since > ERROR_STANDS_MS;
        if (isWell || this.error?.kind !== 'target') this.error = null;
        const waitMs = await this.#exclusive(() => this.#turnOnce(session, applier));
        if (waitMs > 0) await this.#bell.wait(waitMs);
        await this.#signOfLife(session);
      }
      await session.close();
    } finally {
      signal.removeEventListener('abort', cut);
      session.destroy();
    }
  }

  /** Runs `work` so that `remove` can wait for its end. */
  async #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#transaction = running.then(
      () => {},
      () => {},
    );
    return await running;
  }

  async #signOfLife(session: MysqlSession): Promise<void> {
    const now = performance.now();
    if (now - this.#aliveAt < SIGN_OF_LIFE_MS) return;
    this.#aliveAt = now;
    await session.rawQuery('DO 0');
  }

  #tableOf(table: SinkTable): MysqlTable {
    const known = this.#tables.get(table);
    if (known === undefined) throw new ReshardError('bug', `${table.name} was not inspected`);
    return known;
  }

  /** Claims lanes that wait, so that no earlier owner can write for them any more. */
  async #claim(session: MysqlSession): Promise<void> {
    const now = performance.now();
    const due = [...this.lanes].filter(
      l => (l.state === 'waiting' || l.state === 'halted') && l.retryAt <= now,
    );
    if (due.length === 0) return;
    const { claims, unfit } = await claimLanes(session, this.target, due, this.#tables);
    for (const { lane, error } of unfit) this.#halt(lane, error, false);
    for (const { lane, position, waiting } of claims) {
      if (!this.lanes.has(lane)) continue;
      lane.claimed(position, waiting, now);
      this.#o.source.attach(lane);
    }
    const lanes = claims.map(c => `${c.lane.name}@${c.position.next}`);
    if (lanes.length > 0) this.#o.log.info({ lanes }, 'lanes claimed');
  }

  /** Does what there is to do; returns for how long there is nothing. */
  async #turnOnce(session: MysqlSession, applier: Applier): Promise<number> {
    const batch = this.#batch;
    try {
      batch.collect(this.#inTurn());
      const now = performance.now();
      const lazyMs = writeWaitMs(batch.steps, now);
      if (lazyMs <= 0) {
        batch.postpone(lane => lane.writtenAt + LAZY_MS <= now);
        await this.#transact(session, applier, batch);
        this.#retry.hasRoom(now);
      }
      const parkMs = await this.#retry.turn(session, applier, this.lanes);
      const postMs = await this.#postman.turn(session, this.lanes);
      if (lazyMs <= 0) return 0;
      return Math.min(lazyMs, parkMs, postMs, retryWaitMs(this.lanes, now));
    } finally {
      batch.clear();
    }
  }

  /** The lanes, another one first each time. */
  #inTurn(): Lane[] {
    const lanes = [...this.lanes];
    this.#turn = lanes.length === 0 ? 0 : (this.#turn + 1) % lanes.length;
    return [...lanes.slice(this.#turn), ...lanes.slice(0, this.#turn)];
  }

  async #transact(session: MysqlSession, applier: Applier, batch: Batch): Promise<void> {
    const startedAt = performance.now();
    for (let attempt = 1; ; attempt++) {
      try {
        this.#committed(batch, await applier.apply(batch));
        this.total.busyMs += performance.now() - startedAt;
        return;
      } catch (e) {
        if (!session.alive) throw e;
        await session.rawQuery('ROLLBACK');
        if (await this.#again(e, attempt)) continue;
        if (e instanceof ReshardError && e.kind === 'fenced') {
          return await this.#fenced(
            session,
            batch.steps.map(s => s.lane),
          );
        }
        if (!isOfData(e)) throw e;
        return this.#narrow(batch, asReshardError(e));
      }
    }
  }

  /** A deadlock or a lock wait: the same transaction is tried again, a bounded number of times. */
  async #again(e: unknown, attempt: number): Promise<boolean> {
    const errno = errnoOf(e);
    if (errno !== DEADLOCK && errno !== LOCK_WAIT) return false;
    if (attempt >= LOCK_RETRIES) return false;
    this.total.retries += 1;
    await sleep(Math.min(2 ** attempt, 250) * (0.5 + Math.random() / 2));
    return true;
  }

  #committed(batch: Batch, change: WaitingChange): void {
    const now = performance.now();
    this.error = null;
    change.committed();
    for (const { lane, key, why } of change.parked) {
      if (why === null) continue;
      const { errno, text } = why;
      const keySha256 = keyHash(key).slice(0, 16);
      this.#o.log.error({ lane: lane.name, keySha256, errno }, `key blocked: ${text}`);
    }
    for (const step of batch.steps) {
      const { lane } = step;
      lane.committed(advanced(step), now);
      lane.limit = lane.limit < this.#o.limits.rows ? lane.limit * 2 : Number.POSITIVE_INFINITY;
      lane.total.rows += step.rows;
      lane.total.skipped += step.skipped;
      if (step.error !== null && lane.state === 'running') this.#halt(lane, step.error, true);
    }
    this.total.transactions += 1;
    this.total.rows += batch.rows;
    this.total.bytes += batch.bytes;
    for (const fold of batch.folds()) this.total.written += fold.count;
  }

  /** Finds out which lanes are not ours any more, and lets go of them. */
  async #fenced(session: MysqlSession, lanes: readonly Lane[]): Promise<void> {
    const found = await this.target.offsets.read(session, lanes);
    await session.rawQuery('ROLLBACK');
    let lost = 0;
    for (const lane of lanes) {
      const position = found.get(lane);
      if (position?.revision === lane.position.revision && position.next === lane.position.next) {
        continue;
      }
      lost += 1;
      this.#o.log.warn({ lane: lane.name }, 'another member owns the lane: dropped');
      if (lane.state === 'running') this.#release(lane, performance.now() + this.#pace.fencedMs);
    }
    if (lost === 0) throw new ReshardError('fenced', 'an offset row could not be written');
  }

  /**
   * The target refuses data of the batch, and not single rows of it: those block their keys alone.
   * Smaller batches find out what: first one lane at a time, then half as many records of it, and
   * so on; what is in front of the refused record gets applied, the record itself halts its lane.
   */
  #narrow(batch: Batch, error: ReshardError): void {
    const [step] = batch.steps;
    if (step === undefined) throw error;
    if (batch.steps.length > 1) {
      for (const s of batch.steps) if (s.rows > 0) s.lane.limit = Math.max(1, s.records);
    } else if (step.records > 1) {
      step.lane.limit = step.records >> 1;
    } else {
      this.#halt(step.lane, refused(error, step.lane, this.target.name), true);
    }
  }

  #halt(lane: Lane, error: ReshardError, isAtRecord: boolean): void {
    this.#o.source.detach(lane);
    lane.halt(error, performance.now() + this.#pace.haltedMs, isAtRecord);
    this.#o.log.error({ lane: lane.name }, `lane halted: ${describeError(error)}`);
  }
}
