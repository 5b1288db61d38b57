/**
 * Waits until changes of the sources are in the targets, by what is durable on the way: the
 * writer's resume point covers the transactions, then every target's offset rows reach the ends
 * that the table topics had after that.
 *
 * The ends include records of transactions that are still open. A commit is marked partition by
 * partition: the resume point may be visible while the last stable offset of a table partition is
 * still in front of the rows that go with it.
 */
import type { GtidSet } from '../../../shared/change/gtid.ts';
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { type OpenLogs, openLogs } from '../../../shared/job/state/open.ts';
import type { Resume } from '../../../shared/job/state/progress-view.ts';
import { copyStops, stoppedText } from '../../../shared/job/state/throttle.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import { readBlocked } from '../../../shared/mysql/target-state.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { PipelineWaits } from './pipeline-wait.ts';
import type { PositionWaiter } from './position-waiter.ts';
import { sourcePassed } from './source-passed.ts';
import { type Ends, openTarget, targetPassed } from './target-passed.ts';

const COPY_POLL_MS = 100;

export class PipelinePosition implements AsyncDisposable {
  readonly waits: PipelineWaits;
  readonly #context: ServiceContext;
  readonly #logs: OpenLogs;

  private constructor(context: ServiceContext, logs: OpenLogs) {
    this.#context = context;
    this.#logs = logs;
    this.waits = new PipelineWaits(context.job.options.checkStallSeconds * 1000);
  }

  static async open(context: ServiceContext): Promise<PipelinePosition> {
    const { job, view } = context;
    const owners = job.sources.map(({ name }) => [name, view.jobId] as const);
    return new PipelinePosition(context, await openLogs(context, owners));
  }

  /** Rejects when the progress of a source can be followed no longer; never resolves. */
  get failed(): Promise<never> {
    return this.#logs.failed;
  }

  /** Waits until every planned range of these tables is in the log. */
  async copied(tables: readonly string[], signal: AbortSignal): Promise<void> {
    using wait = this.waits.begin('source', signal);
    for (;;) {
      signal.throwIfAborted();
      const open = this.#openRanges(tables);
      if (open.count === 0) return;
      const why = stoppedText(copyStops(this.#context.view));
      const what = `the copy of ${open.tables.join(', ')} (${open.count} ranges are open${why})`;
      wait.stillFor(what, open.mark);
      await sleep(COPY_POLL_MS, signal);
    }
  }

  #openRanges(tables: readonly string[]): { count: number; tables: string[]; mark: string } {
    const { job, view } = this.#context;
    const open = new Set<string>();
    let count = 0;
    let rows = 0;
    for (const source of job.sources) {
      const plans = view.plansOf(source.name);
      for (const table of tables) {
        const plan = plans.find(p => p.table === table);
        for (const { id } of plan?.ranges ?? [{ id: -1 }]) {
          const range = this.#logs.views.get(source.name)?.range(plan?.db ?? '', table, id);
          const isCurrent = range !== undefined && range.generation === plan?.generation;
          if (isCurrent) rows += range.rows;
          if (isCurrent && range.complete) continue;
          open.add(table);
          count += 1;
        }
      }
    }
    return { count, tables: [...open], mark: `${count}/${rows}` };
  }

  /** For a check of these tables: what stands still in the log of another one is not waited for. */
  of(tables: readonly string[]): PositionWaiter {
    return {
      passed: (seen, signal) => this.#passed(seen, tables, signal),
      blockedKeys: () => this.blockedKeys(),
    };
  }

  async #passed(
    seen: ReadonlyMap<string, GtidSet>,
    tables: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { kafka, job, log, view: state } = this.#context;
    const owner = { job: job.job, jobId: state.jobId };
    for (const [name, set] of seen) {
      const view = this.#logs.views.get(name);
      const source = job.sources.find(s => s.name === name);
      if (view === undefined || source === undefined) {
        throw new ReshardError('bug', `no progress of ${name} is followed`);
      }
      using wait = this.waits.begin('source', signal);
      await sourcePassed({ source, view, seen: set, wait, log });
    }
    const ends = await tableEnds(kafka, job, tables);
    await Promise.all(
      job.targets.map(async target => {
        using wait = this.waits.begin('target', signal);
        await targetPassed({ owner, target, ends, wait, log });
      }),
    );
  }

  /** How far the log of a source is, and which server it is of. */
  resumeOf(source: string): Resume | null {
    return this.#logs.views.get(source)?.resume ?? null;
  }

  /** By table. */
  async blockedKeys(): Promise<ReadonlyMap<string, number>> {
    const { job } = this.#context;
    const tableOf = new Map(tableTopics(job).map(t => [t.topic, t.table]));
    const blocked = new Map<string, number>();
    for (const target of job.targets) {
      for (const [topic, n] of await this.#blockedOn(target)) {
        const table = tableOf.get(topic) ?? topic;
        blocked.set(table, (blocked.get(table) ?? 0) + n);
      }
    }
    return blocked;
  }

  async #blockedOn(target: JobTarget): Promise<ReadonlyMap<string, number>> {
    await using session = await openTarget(target);
    return readBlocked(session, target.database, this.#context.job.job);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#logs[Symbol.asyncDispose]();
  }
}

function tableTopics(job: Job): { table: string; topic: string }[] {
  return job.sources.flatMap(source =>
    job.tables.map(({ name }) => ({
      table: name,
      topic: tableTopic(source.name, source.database, name),
    })),
  );
}

async function tableEnds(kafka: KafkaLog, job: Job, tables: readonly string[]): Promise<Ends> {
  const ends = new Map<string, number>();
  const topics = tableTopics(job).filter(t => tables.includes(t.table));
  await Promise.all(
    topics.map(async ({ topic }) => {
      for (const [partition, end] of (await kafka.highWatermarks(topic)).entries()) {
        ends.set(`${topic}[${partition}]`, end);
      }
    }),
  );
  return ends;
}
