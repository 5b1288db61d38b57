/**
 * The partition tasks of one worker on their way between waiting, running and halted. A task runs
 * from its claim until it is given away, fenced or halted; whenever it stops, it leaves the feed
 * and drops what it holds, so that it goes on from what the destination says.
 */
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { PartitionTask } from '../intake/partition-task.ts';
import type { DestinationSession } from './port.ts';
import { Turns } from './turns.ts';

/** Where partition tasks get their routed batches from; intake.ts. */
export interface TaskSource {
  attach(task: PartitionTask): void;
  detach(task: PartitionTask): void;
}

/** When a partition task that stopped, or a key that is blocked, is tried again, or a wait told. */
export interface RetrySchedule {
  fencedMs: number;
  haltedMs: number;
  blockedMinMs: number;
  blockedMaxMs: number;
  /** For how long a target may be silent before that is told. */
  silentMs: number;
}

export class OwnedTasks {
  readonly tasks = new Set<PartitionTask>();
  readonly #source: TaskSource;
  readonly #schedule: RetrySchedule;
  readonly #log: Logger;
  readonly #turns = new Turns();

  constructor(source: TaskSource, schedule: RetrySchedule, log: Logger) {
    this.#source = source;
    this.#schedule = schedule;
    this.#log = log;
  }

  add(task: PartitionTask): void {
    this.tasks.add(task);
  }

  remove(task: PartitionTask): void {
    this.tasks.delete(task);
    task.state = 'closed';
    this.#source.detach(task);
    task.drop();
  }

  /** Those that have work, another one first each time. */
  inTurn(): PartitionTask[] {
    return this.#turns.next(this.tasks);
  }

  /** Claims those that wait, so that no earlier owner can write for them any more. */
  async claim(session: DestinationSession): Promise<void> {
    const now = performance.now();
    const due = [...this.tasks].filter(
      l => (l.state === 'waiting' || l.state === 'halted') && l.retryAt <= now,
    );
    if (due.length === 0) return;
    const { claims, unfit } = await session.claim(due);
    for (const { task, error } of unfit) this.halt(task, error, false);
    for (const { task, position, waiting } of claims) {
      if (!this.tasks.has(task)) continue;
      task.claimed(position, waiting, now);
      this.#source.attach(task);
    }
    const tasks = claims.map(c => `${c.task.name}@${c.position.next}`);
    if (tasks.length > 0) this.#log.info({ tasks }, 'partition tasks claimed');
  }

  /** The session is gone: they go back to waiting; they will be claimed and read again. */
  suspend(): void {
    for (const task of this.tasks) if (task.state === 'running') this.#release(task, 0);
  }

  /** Finds out which of them are not ours any more, and lets go of those. */
  async fenced(session: DestinationSession, tasks: readonly PartitionTask[]): Promise<void> {
    const found = await session.positions(tasks);
    let lost = 0;
    for (const task of tasks) {
      const position = found.get(task);
      const { revision, next } = task.position;
      if (position?.revision === revision && position.next === next) continue;
      lost += 1;
      this.#log.warn({ task: task.name }, 'another member owns the partition task: dropped');
      const retryAt = performance.now() + this.#schedule.fencedMs;
      if (task.state === 'running') this.#release(task, retryAt);
    }
    if (lost === 0) throw new ReshardError('fenced', 'an offset row could not be written');
  }

  /** `isAtRecord`: as in PartitionTask.halt. */
  halt(task: PartitionTask, error: ReshardError, isAtRecord: boolean): void {
    this.#source.detach(task);
    task.halt(error, performance.now() + this.#schedule.haltedMs, isAtRecord);
    const text = describeError(error);
    if (task.isHalted) {
      this.#log.error({ task: task.name }, `partition task halted: ${text}`);
      return;
    }
    // Its table has been copied anew since, and what is lost is not needed.
    task.retryAt = 0;
    this.#log.warn({ task: task.name }, `partition task goes on with the recopy: ${text}`);
  }

  #release(task: PartitionTask, retryAt: number): void {
    this.#source.detach(task);
    task.state = 'waiting';
    task.retryAt = retryAt;
    task.drop();
  }
}
