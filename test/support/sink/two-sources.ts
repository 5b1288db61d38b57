/**
 * Two sources on the same targets, event by event: what arrives when, in one transaction or in
 * several, with restarts in between, is said by the test; statements and tables are the real ones.
 */

import type { DeadLetter } from '../../../services/sink/dead-letter/dead-letter.ts';
import type {
  Applied,
  Destination,
  DestinationSession,
} from '../../../services/sink/destination/port.ts';
import { Batch } from '../../../services/sink/intake/batch.ts';
import { advanced, PartitionTask } from '../../../services/sink/intake/partition-task.ts';
import { RoutedBatch } from '../../../services/sink/intake/routed-batch.ts';
import { SinkTable } from '../../../services/sink/intake/sink-table.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { LogMaker, SCHEMA_IDS } from './log-maker.ts';

export interface TwoSourcesOptions {
  schema: TableSchema;
  targets: readonly Destination[];
  /** False: as if each source were alone, which is what the owners are against. */
  shared: boolean;
  compacted?: boolean;
  parkDeadlineMs?: number;
}

const SOURCES = ['a', 'b'] as const;

/** One target: a session and the tasks of both sources. */
class Side {
  readonly letters: DeadLetter[] = [];
  tasks: PartitionTask[] = [];
  readonly session: DestinationSession;
  readonly #target: Destination;
  readonly #batch = new Batch({ rows: 1000, bytes: 1 << 20 });

  constructor(session: DestinationSession, target: Destination) {
    this.session = session;
    this.#target = target;
  }

  async claim(tables: readonly SinkTable[]): Promise<void> {
    this.tasks = tables.map(t => new PartitionTask(t, 0, this.#target.number));
    const { claims, unfit } = await this.session.claim(this.tasks);
    for (const { error } of unfit) throw error;
    for (const { task, position, waiting } of claims) task.claimed(position, waiting, 0);
  }

  /** Applies the next records of the logs in one transaction, so many of each. */
  async take(logs: readonly LogMaker[], counts: readonly number[]): Promise<void> {
    for (const [i, task] of this.tasks.entries()) {
      const from = task.position.next;
      const to = Math.min(logs[i]?.end ?? 0, from + (counts[i] ?? 0));
      const fetched = logs[i]?.fetched(from, to);
      if (to > from && fetched) task.offer(new RoutedBatch(task.table, fetched, from, () => {}));
    }
    const batch = this.#batch;
    batch.collect(this.tasks);
    if (batch.steps.length > 0) this.#committed(await this.session.apply(batch));
    for (const step of batch.steps) step.task.committed(advanced(step), 0);
    batch.clear();
  }

  /** Tries what waits. */
  async retry(): Promise<void> {
    for (const was of ['parked', 'blocked'] as const) {
      const tasks = this.tasks.filter(t => t[was].size > 0);
      if (tasks.length === 0) continue;
      this.#committed(await this.session.retry({ tasks, was, keysOf: t => [...t[was].keys()] }));
    }
  }

  #committed(answer: Applied): void {
    if (answer.outcome === 'nothing') return;
    if (answer.outcome !== 'applied') throw new Error(`the target answers: ${answer.outcome}`);
    for (const change of answer.changes) {
      change.committed();
      this.letters.push(...change.deadLetters);
    }
  }
}

export class TwoSources implements AsyncDisposable {
  readonly sides: readonly Side[];
  readonly logs: readonly LogMaker[];
  readonly #tables: readonly SinkTable[];

  private constructor(sides: readonly Side[], tables: readonly SinkTable[]) {
    this.sides = sides;
    this.#tables = tables;
    this.logs = tables.map(t => new LogMaker(t.schema, t.topic, 0));
  }

  static async open(o: TwoSourcesOptions): Promise<TwoSources> {
    const { schema, targets, shared, compacted = false } = o;
    const tables = SOURCES.map(source => {
      const plan = { topic: `${source}.${schema.db}.${schema.table}`, source, schema };
      const options = {
        route: new ModulusRoute(schema, 'shard', targets.length),
        compacted,
        shared,
      };
      return new SinkTable({ ...plan, ...SCHEMA_IDS }, options);
    });
    const sides: Side[] = [];
    for (const target of targets) {
      const limits = { blockedKeys: 1000, parkDeadlineMs: o.parkDeadlineMs ?? 60_000 };
      sides.push(new Side(await target.open(limits), target));
    }
    const two = new TwoSources(sides, tables);
    await two.restart();
    return two;
  }

  /** Another member takes over: all it knows is in the targets. */
  async restart(): Promise<void> {
    for (const side of this.sides) await side.claim(this.#tables);
  }

  /** Everything arrives, and what waits is tried until nothing changes by it. */
  async finish(): Promise<void> {
    for (const side of this.sides) {
      await side.take(this.logs, [1000, 1000]);
      for (let i = 0; i < 3; i++) await side.retry();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.sides) await session.close();
  }
}
