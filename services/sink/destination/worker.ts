/**
 * A worker is one connection to one target and the partition tasks that it alone applies. It takes
 * all that waits, applies it in one transaction, and goes on; so batches grow with the load by
 * themselves.
 *
 * Crash-only: when the session or the target fails, the worker drops what its partition tasks hold,
 * backs off, opens a new session, claims the partition tasks again and reads from what the target
 * says (port.ts). Other targets and other workers do not notice.
 */
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import {
  asReshardError,
  describeError,
  type ReshardError,
  unreachable,
} from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { Wakeup } from '../../../shared/runtime/wakeup.ts';
import { DeadLetterPublisher, type SendDeadLetters } from '../dead-letter/dead-letter-publisher.ts';
import { Batch, type BatchLimits } from '../intake/batch.ts';
import { advanced, type PartitionTask } from '../intake/partition-task.ts';
import { LAZY_MS, retryWaitMs, writeWaitMs } from './due.ts';
import { keptOut, refusedAt, unanswered, withRecopy } from './halt-error.ts';
import { OwnedTasks, type RetrySchedule, type TaskSource } from './owned-tasks.ts';
import type { Destination, DestinationSession } from './port.ts';
import { Retry } from './retry.ts';
import { BLOCKED_MAX, isWaiting, keyHash, type WaitingChange } from './waiting.ts';

export interface WorkerOptions {
  target: Destination;
  source: TaskSource;
  limits: BatchLimits & { blockedKeys?: number };
  log: Logger;
  sendDeadLetters: SendDeadLetters;
  /** How long a row may wait for another source to let go of its key. */
  parkDeadlineMs: number;
  schedule?: Partial<RetrySchedule>;
}

/** A stop waits this long for the transaction that runs. */
const GRACE_MS = 5000;
/** A target that is back should not wait long for us. */
const BACKOFF = { minMs: 100, maxMs: 3000 };
const SCHEDULE: RetrySchedule = {
  fencedMs: 3000,
  haltedMs: 15_000,
  blockedMinMs: 5000,
  blockedMaxMs: 30_000,
  // A wait for a lock that ends by itself is told as an error at 20 s, and tried again.
  silentMs: 30_000,
};
/** A target that takes claims may still take no rows (a full disk): so long its error stands. */
const ERROR_STANDS_MS = 5000;

export class Worker {
  readonly target: Destination;
  /** Totals since the process started. */
  readonly total = { rows: 0, written: 0, bytes: 0, transactions: 0, retries: 0, busyMs: 0 };
  readonly #o: WorkerOptions;
  readonly #owned: OwnedTasks;
  readonly #wakeup = new Wakeup();
  readonly #batch: Batch;
  readonly #retry: Retry;
  readonly #publisher: DeadLetterPublisher;
  readonly #silentMs: number;
  #failure: ReshardError | null = null;
  /** Since when the target has had something to answer; null: nothing was asked. */
  #askedAt: number | null = null;
  #transaction: Promise<void> = Promise.resolve();

  constructor(o: WorkerOptions) {
    this.target = o.target;
    this.#o = o;
    const schedule = { ...SCHEDULE, ...o.schedule };
    this.#silentMs = schedule.silentMs;
    this.#owned = new OwnedTasks(o.source, schedule, o.log);
    this.#batch = new Batch(o.limits);
    this.#retry = new Retry({
      blockedMinMs: schedule.blockedMinMs,
      blockedMaxMs: schedule.blockedMaxMs,
      onFenced: (session, tasks) => this.#owned.fenced(session, tasks),
      onRefused: (task, error) => this.#refused(task, error, false),
      onCommitted: () => {
        this.total.transactions += 1;
      },
    });
    this.#publisher = new DeadLetterPublisher({
      send: o.sendDeadLetters,
      wake: () => this.#wakeup.ring(),
      log: o.log,
    });
  }

  /**
   * What keeps this worker from its target, if anything does. A target that has been asked and is
   * silent fails nothing: somebody's lock holds all rows of this worker up for as long as it stands.
   */
  get error(): ReshardError | null {
    if (this.#failure !== null || this.#askedAt === null) return this.#failure;
    const isSilent = performance.now() - this.#askedAt > this.#silentMs;
    return isSilent ? unanswered(this.target.name, this.#silentMs) : null;
  }

  get tasks(): ReadonlySet<PartitionTask> {
    return this.#owned.tasks;
  }

  /** Dead letters in their topic since the start, and why others wait, if it is so. */
  get deadLetters(): { total: number; error: string | null } {
    return this.#publisher;
  }

  add(task: PartitionTask): void {
    this.#owned.add(task);
    this.#wakeup.ring();
  }

  /**
   * Resolves when no transaction of the partition task is running. A target that does not answer is
   * not waited for beyond a grace: if its transaction commits later on, compare-and-set has let it.
   */
  async remove(task: PartitionTask): Promise<void> {
    this.#owned.remove(task);
    const done = new AbortController();
    const transaction = this.#transaction.then(() => done.abort());
    await Promise.race([transaction, sleep(GRACE_MS, done.signal)]);
  }

  /** What halted the partition task may have been cured. */
  retryHalted(task: PartitionTask): void {
    if (task.state === 'halted') task.retryAt = 0;
    this.#wakeup.ring();
  }

  /** Something was queued in a partition task. */
  wake(): void {
    this.#wakeup.ring();
  }

  /** What the partition task must read is not there any more. */
  lost(task: PartitionTask, error: ReshardError): void {
    if (!this.tasks.has(task)) return;
    this.#owned.halt(task, withRecopy(error, task), true);
    this.#wakeup.ring();
  }

  async run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#wakeup.ring();
    signal.addEventListener('abort', stop);
    const backoff = new Backoff(BACKOFF);
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        await this.#serve(signal);
      } catch (e) {
        this.#failure = keptOut(asReshardError(e));
        this.#owned.suspend();
        if (performance.now() - startedAt > BACKOFF.maxMs) backoff.reset();
        const level = backoff.dueMs < 1000 ? 'info' : 'warn';
        const inMs = Math.round(backoff.next());
        this.#o.log[level]({ inMs }, `target waits: ${describeError(e)}`);
        await sleep(inMs, signal);
      }
    }
    signal.removeEventListener('abort', stop);
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const session = await this.target.open({
      blockedKeys: this.#o.limits.blockedKeys ?? BLOCKED_MAX,
      parkDeadlineMs: this.#o.parkDeadlineMs,
    });
    const since = performance.now();
    const cut = (): void => {
      setTimeout(() => session.destroy(), GRACE_MS).unref();
    };
    signal.addEventListener('abort', cut, { once: true });
    try {
      while (!signal.aborted) {
        await this.#exclusive(() => this.#asked(this.#owned.claim(session)));
        const isWell = performance.now() - since > ERROR_STANDS_MS;
        if (isWell || this.#failure?.kind !== 'target') this.#failure = null;
        const waitMs = await this.#exclusive(() => this.#turnOnce(session));
        if (waitMs > 0) await this.#wakeup.wait(waitMs);
        await session.signOfLife();
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

  async #asked<T>(answer: Promise<T>): Promise<T> {
    this.#askedAt = performance.now();
    try {
      return await answer;
    } finally {
      this.#askedAt = null;
    }
  }

  /** Does what there is to do; returns for how long there is nothing. */
  async #turnOnce(session: DestinationSession): Promise<number> {
    const batch = this.#batch;
    try {
      batch.collect(this.#owned.inTurn());
      const now = performance.now();
      const lazyMs = writeWaitMs(batch.steps, now);
      if (lazyMs <= 0) {
        batch.postpone(task => task.writtenAt + LAZY_MS <= now);
        await this.#transact(session, batch);
        this.#retry.hasRoom(now);
      }
      const parkMs = await this.#asked(this.#retry.turn(session, this.tasks));
      const postMs = await this.#publisher.turn(session.deadLetters, this.tasks);
      if (lazyMs <= 0) return 0;
      return Math.min(lazyMs, parkMs, postMs, retryWaitMs(this.tasks, now));
    } finally {
      batch.clear();
    }
  }

  async #transact(session: DestinationSession, batch: Batch): Promise<void> {
    const startedAt = performance.now();
    const answer = await this.#asked(session.apply(batch));
    switch (answer.outcome) {
      case 'nothing':
        return;
      case 'applied':
        for (const change of answer.changes) this.#committed(batch, change);
        this.total.retries += answer.attempts - 1;
        this.total.busyMs += performance.now() - startedAt;
        return;
      case 'fenced':
        return await this.#owned.fenced(
          session,
          batch.steps.map(s => s.task),
        );
      case 'refused':
        return this.#narrow(batch, answer.error);
      default:
        return unreachable(answer);
    }
  }

  #committed(batch: Batch, change: WaitingChange): void {
    const now = performance.now();
    this.#failure = null;
    change.committed();
    for (const { task, key, why, reason } of change.parked) {
      if (why === null || isWaiting(reason)) continue;
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
      if (step.error !== null && task.state === 'running') {
        this.#owned.halt(task, withRecopy(step.error, task), true);
      }
    }
    this.total.transactions += 1;
    this.total.rows += batch.rows;
    this.total.bytes += batch.bytes;
    for (const fold of batch.folds()) this.total.written += fold.count;
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
      this.#refused(step.task, error, true);
    }
  }

  #refused(task: PartitionTask, error: ReshardError, isAtRecord: boolean): void {
    this.#owned.halt(task, refusedAt(error, task, this.target.name), isAtRecord);
  }
}
