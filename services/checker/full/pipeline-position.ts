/**
 * Waits until changes of the sources are in the targets, by what is durable on the way: the
 * writer's resume point covers the transactions, then every target's offset rows reach the ends
 * that the table topics had after that.
 *
 * The ends include records of transactions that are still open. A commit is marked partition by
 * partition: the resume point may be visible while the last stable offset of a table partition is
 * still in front of the rows that go with it.
 * A row that waits in a target (for its unique value, for another source) is on its way too, for a
 * while.
 */
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { openProgress } from '../../../shared/job/state/open.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { readPositions, readWaiting } from '../../../shared/mysql/target-state.ts';
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { PositionWaiter } from './position-waiter.ts';

const POLL_MIN_MS = 10;
const POLL_MAX_MS = 200;
/** A target that cannot be asked. */
const RETRY_MS = 1000;
const STATEMENT_TIMEOUT_MS = 30_000;
/** A row that is parked for longer is missing, not late. */
const PARKED_WAIT_MS = 5000;

/** topic and partition -> next offset. */
type Ends = ReadonlyMap<string, number>;

export class PipelinePosition implements PositionWaiter, AsyncDisposable {
  readonly #context: ServiceContext;
  readonly #views: ReadonlyMap<string, ProgressView>;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    context: ServiceContext,
    views: ReadonlyMap<string, ProgressView>,
    stack: AsyncDisposableStack,
  ) {
    this.#context = context;
    this.#views = views;
    this.#stack = stack;
  }

  static async open(context: ServiceContext): Promise<PipelinePosition> {
    await using stack = new AsyncDisposableStack();
    const views = new Map<string, ProgressView>();
    for (const { name } of context.job.sources) {
      views.set(name, stack.use(await openProgress(context, name, context.view.jobId)).view);
    }
    return new PipelinePosition(context, views, stack.move());
  }

  /** Whether every planned range of these tables is in the log. */
  isCopied(tables: readonly string[]): boolean {
    const { job, view } = this.#context;
    return job.sources.every(source => {
      const plans = view.plansOf(source.name);
      const ranges = this.#views.get(source.name);
      return tables.every(table => {
        const plan = plans.find(p => p.table === table);
        return plan?.ranges.every(({ id }) => {
          const range = ranges?.range(plan.db, plan.table, id);
          return range?.complete === true && range.generation === plan.generation;
        });
      });
    });
  }

  async passed(seen: ReadonlyMap<string, GtidSet>, signal: AbortSignal): Promise<void> {
    for (const [source, set] of seen) await this.#inLog(source, set, signal);
    const ends = await tableEnds(this.#context.kafka, this.#context.job);
    await Promise.all(
      this.#context.job.targets.map(target => this.#inTarget(target, ends, signal)),
    );
  }

  async blockedKeys(): Promise<number> {
    const counts = await Promise.all(this.#context.job.targets.map(t => this.#blockedOn(t)));
    return counts.reduce((sum, n) => sum + n, 0);
  }

  async #blockedOn(target: JobTarget): Promise<number> {
    await using session = await openTarget(target);
    const { job } = this.#context.job;
    return (await readWaiting(session, target.database, job)).blocked;
  }

  /** Waits until the source's resume point covers `seen`. */
  async #inLog(source: string, seen: GtidSet, signal: AbortSignal): Promise<void> {
    const view = this.#views.get(source);
    if (view === undefined) throw new ReshardError('bug', `no progress of ${source} is followed`);
    let text = '';
    for (;;) {
      signal.throwIfAborted();
      const gtid = view.resume?.gtid ?? '';
      if (gtid !== text) {
        text = gtid;
        if (GtidSet.parse(gtid, seen.flavor).covers(seen)) return;
      }
      await sleep(POLL_MIN_MS, signal);
    }
  }

  /** Waits until the target's offset rows have reached `ends`. */
  async #inTarget(target: JobTarget, ends: Ends, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      try {
        await using session = await openTarget(target);
        await this.#reached(session, target, ends, signal);
        return;
      } catch (e) {
        const error = asReshardError(e);
        if (policyOf(error.kind) !== 'restart') throw error;
        this.#context.log.warn({ target: target.name }, `waits: ${describeError(error)}`);
      }
      await sleep(RETRY_MS, signal);
    }
  }

  async #reached(
    session: MysqlSession,
    target: JobTarget,
    ends: Ends,
    signal: AbortSignal,
  ): Promise<void> {
    const { job } = this.#context.job;
    const backoff = new Backoff({ minMs: POLL_MIN_MS, maxMs: POLL_MAX_MS, factor: 1.5 });
    for (;;) {
      signal.throwIfAborted();
      const positions = await readPositions(session, target.database, {
        job,
        jobId: this.#context.view.jobId,
      });
      const next = new Map(positions.map(p => [`${p.topic}[${p.partition}]`, p.next]));
      if ([...ends].every(([partition, end]) => (next.get(partition) ?? 0) >= end)) break;
      await backoff.wait(signal);
    }
    await this.#unparked(session, target, signal);
  }

  async #unparked(session: MysqlSession, target: JobTarget, signal: AbortSignal): Promise<void> {
    const { job } = this.#context.job;
    const until = performance.now() + PARKED_WAIT_MS;
    for (;;) {
      signal.throwIfAborted();
      const { parked, blocked } = await readWaiting(session, target.database, job);
      if (parked + blocked === 0 || performance.now() > until) return;
      await sleep(POLL_MAX_MS, signal);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

function openTarget(target: JobTarget): Promise<MysqlSession> {
  return MysqlSession.open(target, {
    role: 'read',
    side: 'target',
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
}

async function tableEnds(kafka: KafkaLog, job: Job): Promise<Ends> {
  const ends = new Map<string, number>();
  const topics = job.sources.flatMap(source =>
    job.tables.map(table => tableTopic(source.name, source.database, table.name)),
  );
  await Promise.all(
    topics.map(async topic => {
      for (const [partition, end] of (await kafka.highWatermarks(topic)).entries()) {
        ends.set(`${topic}[${partition}]`, end);
      }
    }),
  );
  return ends;
}
