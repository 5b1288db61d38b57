/**
 * How new the logs of both sides are: once a second, where each log stands in terms of its server,
 * and then the ends of its topics. Whoever has read all topics up to these ends knows everything
 * that the servers had committed at that position.
 */
import type { Job } from '../../../shared/job/job.ts';
import { type OpenLogs, openLogs } from '../../../shared/job/state/open.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';

const EVERY_MS = 1000;

/** Where a server's log stood. */
export interface LogPlace {
  gtid: string;
  /** All that was committed there by then is in front of the ends. */
  tsMs: number;
}

export interface Goal {
  /** By name of the source or target. */
  places: ReadonlyMap<string, LogPlace>;
  /** Ends by topic, then by partition. */
  ends: ReadonlyMap<string, readonly number[]>;
}

export interface StreamClockDeps {
  kafka: KafkaLog;
  registry: SchemaRegistry;
  log: Logger;
  job: Job;
  /** Ids of the job and of its way back, whose logs are those of the targets. */
  jobId: string;
  backId: string;
}

export class StreamClock implements AsyncDisposable {
  /** The newest; null until both sides have answered. */
  goal: Goal | null = null;
  readonly #d: StreamClockDeps;
  readonly #logs: OpenLogs;

  private constructor(d: StreamClockDeps, logs: OpenLogs) {
    this.#d = d;
    this.#logs = logs;
  }

  static async open(d: StreamClockDeps): Promise<StreamClock> {
    const { sources, targets } = d.job;
    const owners = [
      ...sources.map(({ name }) => [name, d.jobId] as const),
      ...targets.map(({ name }) => [name, d.backId] as const),
    ];
    return new StreamClock(d, await openLogs(d, owners));
  }

  /** Rejects when a log's progress can be followed no longer. */
  get failed(): Promise<never> {
    return this.#logs.failed;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        this.goal = await this.#look();
      } catch (e) {
        this.#d.log.debug(`how new the logs are is not known now: ${describeError(e)}`);
      }
      await sleep(EVERY_MS, signal);
    }
  }

  /** Positions first: what the ends have besides is newer. */
  async #look(): Promise<Goal | null> {
    const { job, kafka } = this.#d;
    const places = new Map<string, LogPlace>();
    for (const [name, { resume }] of this.#logs.views) {
      if (resume === null) return null;
      places.set(name, { gtid: resume.gtid, tsMs: resume.tsMs });
    }
    const topics = [...job.sources, ...job.targets].flatMap(({ name, database }) =>
      job.tables.map(t => tableTopic(name, database, t.name)),
    );
    // Records of transactions that are not marked everywhere yet are in front of these ends.
    const ends = await Promise.all(
      topics.map(async (t): Promise<[string, number[]]> => [t, await kafka.highWatermarks(t)]),
    );
    return { places, ends: new Map(ends) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#logs[Symbol.asyncDispose]();
  }
}
