/**
 * A partition task is one table partition on its way into one target: its queue and how far the
 * target is. The target's offset row is the truth; what is here was read from it or committed to
 * it.
 *
 * Invariant: `position.next <= enqueued`. Up to `position.next` is committed in the target, up to
 * `enqueued` is in memory. A routed batch is taken only if it continues at `enqueued`: a gap is
 * refused (somebody else must read it again), an overlap is skipped record by record.
 * The queue shrinks only by commits and by `drop`, so a transaction that fails undoes nothing here.
 */
import type { ErrorKind, ReshardError } from '../../../shared/runtime/error.ts';
import type { Refusal } from './refusal.ts';
import type { RoutedBatch } from './routed-batch.ts';
import type { SinkTable } from './sink-table.ts';

export type TaskState =
  /** Waits for its worker to claim the offset row. */
  | 'waiting'
  | 'running'
  /** Stopped by an error that needs the operator; tried again from time to time. */
  | 'halted'
  /** Given away; nothing of it may be applied any more. */
  | 'closed';

/** What the offset row says. */
export interface TaskPosition {
  readonly next: number;
  readonly epoch: number;
  readonly ordinal: number;
  readonly revision: number;
  /** Of the log in front of `next`: only in the same one is gone on from it. Null: not known. */
  readonly history?: string | null | undefined;
}

export interface ParkedKey {
  sinceMs: number;
  offset: number;
  /** Waits for another source to let go of the key: which one, in words. */
  why?: Refusal;
}

/** A key whose newest event cannot be applied without the operator, or a newer event. */
export interface BlockedKey extends ParkedKey {
  reason: BlockReason;
  why: Refusal;
}

/**
 * The target refuses the row; nobody can read the record; another source has the key and has not
 * let go of it.
 */
export type BlockReason = 'refused' | 'unreadable' | 'collision';

/** What waits in the target besides the rows of the partition task. */
export interface Waiting {
  parked: Map<string, ParkedKey>;
  blocked: Map<string, BlockedKey>;
  deadLetters: number;
}

export interface Queued {
  routed: RoutedBatch;
  /** First record that the partition task has not taken from an earlier routed batch. */
  start: number;
}

export function nothingWaits(): Waiting {
  return { parked: new Map(), blocked: new Map(), deadLetters: 0 };
}

/** Errors of what is in the log, or is not there any more; nothing on the target can cure them. */
const OF_LOG = new Set<ErrorKind>([
  'history-lost',
  'corrupt',
  'schema-changed',
  'value-not-carried',
]);

const UNKNOWN: TaskPosition = { next: 0, epoch: 0, ordinal: -1, revision: 0 };

export class PartitionTask {
  readonly table: SinkTable;
  readonly partition: number;
  /** Number of the target. */
  readonly target: number;
  readonly name: string;
  state: TaskState = 'waiting';
  error: ReshardError | null = null;
  /**
   * Offset of the record that halted the partition task: its error stands until that one has
   * passed.
   */
  haltedAt: number | null = null;
  /** Generation of the table's copy that was known when the partition task halted. */
  haltedGeneration = 0;
  /** When a waiting or halted partition task is tried again, on the clock of performance.now(). */
  retryAt = 0;
  position: TaskPosition = UNKNOWN;
  enqueued = 0;
  /** Most records of the next batch: lowered to find the record that the target refuses. */
  limit = Number.POSITIVE_INFINITY;
  /** Keys in reshard_park that wait for a unique value, or for another source, as latin1 text. */
  parked = new Map<string, ParkedKey>();
  /** Keys in reshard_park that wait for the operator or for a newer event; none is in `parked`. */
  blocked = new Map<string, BlockedKey>();
  /**
   * Rows that waited are gone from the target, and nobody has settled them: somebody dropped or
   * emptied reshard_park. How many, in all, and when that was seen last (ms since 1970).
   */
  lost: { rows: number; seenMs: number } | null = null;
  /** Dead letters that are not in their topic yet. */
  deadLetters = 0;
  /** When blocked keys are tried again, on the clock of performance.now(), and the wait after. */
  retryBlockedAt = 0;
  retryBlockedMs = 0;
  /** When the offset row was written last, for the lazy advance over records of other targets. */
  writtenAt = 0;
  /** Events applied to the target, and records found to be delivered twice, since the start. */
  readonly total = { rows: 0, skipped: 0 };
  queue: Queued[] = [];
  bytesQueued = 0;

  constructor(table: SinkTable, partition: number, target: number) {
    this.table = table;
    this.partition = partition;
    this.target = target;
    this.name = `${table.topic}[${partition}]`;
  }

  get topic(): string {
    return this.table.topic;
  }

  /** Something is queued that may be applied. */
  get hasWork(): boolean {
    return this.state === 'running' && this.queue.length > 0;
  }

  /** The offset row was claimed: go on from what it says. */
  claimed(position: TaskPosition, waiting: Waiting, now: number): void {
    this.drop();
    const gone = this.#gone(position, waiting);
    if (gone > 0) this.lost = { rows: (this.lost?.rows ?? 0) + gone, seenMs: Date.now() };
    this.position = position;
    this.enqueued = position.next;
    this.parked = waiting.parked;
    this.blocked = waiting.blocked;
    this.deadLetters = waiting.deadLetters;
    this.retryBlockedAt = now;
    this.retryBlockedMs = 0;
    this.state = 'running';
    this.writtenAt = now;
    if (this.haltedAt === null) this.#recovered();
  }

  /** Rows that wait no more, where nobody else can have settled them since we had the row. */
  #gone({ revision, next }: TaskPosition, { parked, blocked }: Waiting): number {
    if (revision !== this.position.revision + 1 || next !== this.position.next) return 0;
    const known = [...this.parked.keys(), ...this.blocked.keys()];
    return known.filter(key => !parked.has(key) && !blocked.has(key)).length;
  }

  /** The target has taken `position` for the one that could not be read on from. */
  restarted(position: TaskPosition): void {
    this.position = position;
    this.#recovered();
  }

  /** Takes a routed batch if it continues where the partition task is. */
  offer(routed: RoutedBatch): boolean {
    const { enqueued } = this;
    if (this.state !== 'running') return false;
    if (routed.from > enqueued || routed.position < enqueued) return false;
    if (routed.position === enqueued && routed.error === null) return false;
    let start = 0;
    while (start < routed.count && routed.fetched.offset(start) < enqueued) start += 1;
    routed.hold();
    this.queue.push({ routed, start });
    this.bytesQueued += routed.fetched.bytes;
    this.enqueued = routed.position;
    return true;
  }

  /** Records that are read ahead, of all targets: so far the target is behind the log at least. */
  get recordsQueued(): number {
    return this.enqueued - this.position.next;
  }

  /** Since when the key has waited, whatever for. */
  waitsSince(key: string): number | undefined {
    return (this.parked.get(key) ?? this.blocked.get(key))?.sinceMs;
  }

  /** The target has committed all records in front of `position.next`. */
  committed(position: TaskPosition, now: number): void {
    const { next } = position;
    this.position = position;
    this.writtenAt = now;
    this.enqueued = Math.max(this.enqueued, next);
    if (this.haltedAt !== null && next > this.haltedAt) this.#recovered();
    let used = 0;
    for (const { routed } of this.queue) {
      if (routed.position > next) break;
      this.bytesQueued -= routed.fetched.bytes;
      routed.letGo();
      used += 1;
    }
    this.queue.splice(0, used);
    const head = this.queue[0];
    if (head === undefined) return;
    const { routed } = head;
    while (head.start < routed.count && routed.fetched.offset(head.start) < next) head.start += 1;
  }

  /** Forgets what is queued: it will be read again from the committed position. */
  drop(): void {
    for (const { routed } of this.queue) routed.letGo();
    this.queue = [];
    this.bytesQueued = 0;
    this.enqueued = this.position.next;
  }

  /**
   * `isAtRecord`: the record at `position.next` is refused; else the partition task cannot work at
   * all.
   */
  halt(error: ReshardError, retryAt: number, isAtRecord: boolean): void {
    this.state = 'halted';
    this.error = error;
    this.retryAt = retryAt;
    this.haltedAt = isAtRecord ? this.position.next : null;
    // Halted again, it is the first halt that a recopy must be younger than.
    if (this.haltedGeneration === 0) this.haltedGeneration = this.table.copy.generation;
    this.limit = Number.POSITIVE_INFINITY;
    this.drop();
  }

  /** It cannot go on by itself. */
  get isHalted(): boolean {
    return this.error !== null && this.restart === null;
  }

  /**
   * Where the partition task may go on although what is at its position cannot be read; null if it
   * may not. A recopy puts every row into the log once more, so what is in front of it is not
   * needed: rows that were deleted there are found by the check, and deleted by the repair, that
   * are part of the recopy. Backwards only if the recopy is of another log than that which the
   * position is of: it is younger than the halt; or, where no sink ran when the log was lost, it
   * was planned in the topic that is there now, and the position is of one that was before it.
   */
  get restart(): number | null {
    const { error, haltedAt, position, table } = this;
    if (error === null || haltedAt === null || haltedAt !== position.next) return null;
    if (!OF_LOG.has(error.kind)) return null;
    const from = table.copy.from[this.partition];
    if (from === undefined) return null;
    if (from > position.next) return from;
    const isNewer = table.copy.generation > this.haltedGeneration;
    return error.kind === 'history-lost' && (isNewer || this.#isOfTopicBefore(error)) ? from : null;
  }

  #isOfTopicBefore({ context }: ReshardError): boolean {
    const { topicId = '' } = this.table.copy;
    const { loss, id, topicId: ours } = context;
    return topicId !== '' && loss === 're-created' && id === topicId && ours !== topicId;
  }

  #recovered(): void {
    this.error = null;
    this.haltedAt = null;
    this.haltedGeneration = 0;
  }
}

/** A step of a partition task that a transaction makes durable. */
export interface Advance {
  task: PartitionTask;
  next: number;
  epoch: number;
  ordinal: number;
  /** Null or left out: not known, as at a place that nothing was read in front of. */
  history?: string | null | undefined;
}

/** The position of a partition task once `advance` is committed. */
export function advanced(advance: Advance): TaskPosition {
  const { task, next, epoch, ordinal, history } = advance;
  return { next, epoch, ordinal, history, revision: task.position.revision + 1 };
}
