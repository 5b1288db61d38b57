/**
 * A worker is one connection to one target and the partition tasks that it alone applies. It takes
 * all that waits, applies it in one transaction, and goes on; so batches grow with the load by
 * themselves.
 *
 * Crash-only: when the connection or the target fails, the worker drops what its partition tasks
 * hold, backs off, opens a new session, claims the partition tasks again and reads from what the
 * target says. It never reasons about whether a commit that it got no answer to has happened. Other
 * targets and other workers do not notice.
 */
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../../shared/mysql/mysql-error.ts';
import { sleep } from '../../../../shared/runtime/clock.ts';
import { asReshardError, describeError, ReshardError } from '../../../../shared/runtime/error.ts';
import type { Logger } from '../../../../shared/runtime/log.ts';
import { Wakeup } from '../../../../shared/runtime/wakeup.ts';
import { Batch, type BatchLimits } from '../../batch.ts';
import {
  DeadLetterPublisher,
  type SendDeadLetters,
} from '../../dead-letter/dead-letter-publisher.ts';
import type { PartitionTask } from '../../intake/partition-task.ts';
import type { SinkTable } from '../../intake/sink-table.ts';
import { Applier } from './apply.ts';
import { claimTasks } from './claim.ts';
import { LAZY_MS, retryWaitMs, writeWaitMs } from './due.ts';
import { advanced } from './offset.ts';
import { keyHash } from './park.ts';
import { isOfData, refused } from './refusal.ts';
import { Retry } from './retry.ts';
import { RowWriter } from './row-writer.ts';
import type { MysqlTable } from './table-statement.ts';
import { SIGN_OF_LIFE_MS, type Target } from './target.ts';
import { BLOCKED_MAX, type WaitingChange } from './waiting.ts';

/** Where partition tasks get their routed batches from; intake.ts. */
export interface TaskSource {
  attach(task: PartitionTask): void;
  detach(task: PartitionTask): void;
}

export interface WorkerOptions {
  target: Target;
  source: TaskSource;
  limits: BatchLimits & { blockedKeys?: number };
  log: Logger;
  sendDeadLetters: SendDeadLetters;
  schedule?: Partial<RetrySchedule>;
}

/** When a partition task that stopped, or a key that is blocked, is tried again. */
export interface RetrySchedule {
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
const PACE: RetrySchedule = {
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
  readonly tasks = new Set<PartitionTask>();
  readonly target: Target;
  /** What keeps this worker from its target, if anything does. */
  error: ReshardError | null = null;
  /** Totals since the process started. */
  readonly total = { rows: 0, written: 0, bytes: 0, transactions: 0, retries: 0, busyMs: 0 };
  readonly #o: WorkerOptions;
  readonly #schedule: RetrySchedule;
  readonly #wakeup = new Wakeup();
  readonly #batch: Batch;
  readonly #retry: Retry;
  readonly #publisher: DeadLetterPublisher;
  #tables = new Map<SinkTable, MysqlTable>();
  #turn = 0;
  #aliveAt = 0;
  #transaction: Promise<void> = Promise.resolve();

  constructor(o: WorkerOptions) {
    this.target = o.target;
    this.#o = o;
    this.#schedule = { ...PACE, ...o.schedule };
    this.#batch = new Batch(o.limits);
    this.#retry = new Retry({
      target: o.target,
      blockedMinMs: this.#schedule.blockedMinMs,
      blockedMaxMs: this.#schedule.blockedMaxMs,
      onFenced: (session, tasks) => this.#fenced(session, tasks),
      isPassing: e => this.#again(e, 1),
      onRefused: (task, error) => this.#halt(task, error, false),
      onCommitted: () => {
        this.total.transactions += 1;
      },
    });
    this.#publisher = new DeadLetterPublisher({
      table: o.target.deadLetters,
      send: o.sendDeadLetters,
      wake: () => this.#wakeup.ring(),
      log: o.log,
    });
  }

  /** Dead letters in their topic since the start, and why others wait, if it is so. */
  get deadLetters(): { total: number; error: string | null } {
    return this.#publisher;
  }

  add(task: PartitionTask): void {
    this.tasks.add(task);
    this.#wakeup.ring();
  }

  /**
   * Resolves when no transaction of the partition task is running. A target that does not answer is
   * not waited for beyond a grace: if its transaction commits later on, compare-and-set has let it.
   */
  async remove(task: PartitionTask): Promise<void> {
    this.tasks.delete(task);
    task.state = 'closed';
    this.#o.source.detach(task);
    task.drop();
    const done = new AbortController();
    const transaction = this.#transaction.then(() => done.abort());
    await Promise.race([transaction, sleep(GRACE_MS, done.signal)]);
  }

  /** Something was queued in a partition task. */
  wake(): void {
    this.#wakeup.ring();
  }

  /** What the partition task must read cannot be read. */
  lost(task: PartitionTask, error: ReshardError): void {
    if (this.tasks.has(task)) this.#halt(task, error, true);
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#wakeup.ring();
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

  /** Partition tasks go back to waiting; they will be claimed and read again. */
  #suspend(): void {
    for (const task of this.tasks) {
      if (task.state !== 'running') continue;
      this.#release(task, 0);
    }
  }

  #release(task: PartitionTask, retryAt: number): void {
    this.#o.source.detach(task);
    task.state = 'waiting';
    task.retryAt = retryAt;
    task.drop();
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
      deadLetters: target.deadLetters,
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
        if (waitMs > 0) await this.#wakeup.wait(waitMs);
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

  /** Claims partition tasks that wait, so that no earlier owner can write for them any more. */
  async #claim(session: MysqlSession): Promise<void> {
    const now = performance.now();
    const due = [...this.tasks].filter(
      l => (l.state === 'waiting' || l.state === 'halted') && l.retryAt <= now,
    );
    if (due.length === 0) return;
    const { claims, unfit } = await claimTasks(session, this.target, due, this.#tables);
    for (const { task, error } of unfit) this.#halt(task, error, false);
    for (const { task, position, waiting } of claims) {
      if (!this.tasks.has(task)) continue;
      task.claimed(position, waiting, now);
      this.#o.source.attach(task);
    }
    const tasks = claims.map(c => `${c.task.name}@${c.position.next}`);
    if (tasks.length > 0) this.#o.log.info({ tasks }, 'partition tasks claimed');
  }

  /** Does what there is to do; returns for how long there is nothing. */
  async #turnOnce(session: MysqlSession, applier: Applier): Promise<number> {
    const batch = this.#batch;
    try {
      batch.collect(this.#inTurn());
      const now = performance.now();
      const lazyMs = writeWaitMs(batch.steps, now);
      if (lazyMs <= 0) {
        batch.postpone(task => task.writtenAt + LAZY_MS <= now);
        await this.#transact(session, applier, batch);
        this.#retry.hasRoom(now);
      }
      const parkMs = await this.#retry.turn(session, applier, this.tasks);
      const postMs = await this.#publisher.turn(session, this.tasks);
      if (lazyMs <= 0) return 0;
      return Math.min(lazyMs, parkMs, postMs, retryWaitMs(this.tasks, now));
    } finally {
      batch.clear();
    }
  }

  /** The partition tasks, another one first each time. */
  #inTurn(): PartitionTask[] {
    const tasks = [...this.tasks];
    this.#turn = tasks.length === 0 ? 0 : (this.#turn + 1) % tasks.length;
    return [...tasks.slice(this.#turn), ...tasks.slice(0, this.#turn)];
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
            batch.steps.map(s => s.task),
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
    for (const { task, key, why } of change.parked) {
      if (why === null) continue;
      const { errno, text } = why;
      const keySha256 = keyHash(key).slice(0, 16);
      this.#o.log.error({ task: task.name, keySha256, errno }, `key blocked: ${text}`);
    }
    for (const step of batch.steps) {
      const { task } = step;
      task.committed(advanced(step), now);
      task.limit = task.limit < this.#o.limits.rows ? task.limit * 2 : Number.POSITIVE_INFINITY;
      task.total.rows += step.rows;
      task.total.skipped += step.skipped;
      if (step.error !== null && task.state === 'running') this.#halt(task, step.error, true);
    }
    this.total.transactions += 1;
    this.total.rows += batch.rows;
    this.total.bytes += batch.bytes;
    for (const fold of batch.folds()) this.total.written += fold.count;
  }

  /** Finds out which partition tasks are not ours any more, and lets go of them. */
  async #fenced(session: MysqlSession, tasks: readonly PartitionTask[]): Promise<void> {
    const found = await this.target.offsets.read(session, tasks);
    await session.rawQuery('ROLLBACK');
    let lost = 0;
    for (const task of tasks) {
      const position = found.get(task);
      if (position?.revision === task.position.revision && position.next === task.position.next) {
        continue;
      }
      lost += 1;
      this.#o.log.warn({ task: task.name }, 'another member owns the partition task: dropped');
      if (task.state === 'running')
        this.#release(task, performance.now() + this.#schedule.fencedMs);
    }
    if (lost === 0) throw new ReshardError('fenced', 'an offset row could not be written');
  }

  /**
   * The target refuses data of the batch, and not single rows of it: those block their keys alone.
   * Smaller batches find out what: first one partition task at a time, then half as many records of
   * it, and so on; what is in front of the refused record gets applied, the record itself halts its
   * partition task.
   */
  #narrow(batch: Batch, error: ReshardError): void {
    const [step] = batch.steps;
    if (step === undefined) throw error;
    if (batch.steps.length > 1) {
      for (const s of batch.steps) if (s.rows > 0) s.task.limit = Math.max(1, s.records);
    } else if (step.records > 1) {
      step.task.limit = step.records >> 1;
    } else {
      this.#halt(step.task, refused(error, step.task, this.target.name), true);
    }
  }

  #halt(task: PartitionTask, error: ReshardError, isAtRecord: boolean): void {
    this.#o.source.detach(task);
    task.halt(error, performance.now() + this.#schedule.haltedMs, isAtRecord);
    this.#o.log.error({ task: task.name }, `partition task halted: ${describeError(error)}`);
  }
}
