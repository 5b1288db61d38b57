/**
 * Two sources on the same targets, event by event: what arrives when, in one transaction or in
 * several, with restarts in between, is said by the test; statements and tables are the real ones.
 */

import { Batch } from '../../../services/sink/batch.ts';
import type { DeadLetter } from '../../../services/sink/dead-letter/dead-letter-store.ts';
import { Applier } from '../../../services/sink/destination/mysql/apply.ts';
import { claimTasks } from '../../../services/sink/destination/mysql/claim.ts';
import { advanced } from '../../../services/sink/destination/mysql/offset.ts';
import { RowWriter } from '../../../services/sink/destination/mysql/row-writer.ts';
import type { MysqlTable } from '../../../services/sink/destination/mysql/table-statement.ts';
import type { Target } from '../../../services/sink/destination/mysql/target.ts';
import type { WaitingChange } from '../../../services/sink/destination/mysql/waiting.ts';
import { PartitionTask } from '../../../services/sink/intake/partition-task.ts';
import { RoutedBatch } from '../../../services/sink/intake/routed-batch.ts';
import { SinkTable } from '../../../services/sink/intake/sink-table.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { LogMaker, SCHEMA_IDS } from './log-maker.ts';

export interface TwoSourcesOptions {
  schema: TableSchema;
  targets: readonly Target[];
  /** False: as if each source were alone, which is what the owners are against. */
  shared: boolean;
  compacted?: boolean;
  parkDeadlineMs?: number;
}

const SOURCES = ['a', 'b'] as const;

/** One target: a session and the tasks of both sources. */
class Side {
  readonly session: MysqlSession;
  readonly target: Target;
  readonly letters: DeadLetter[] = [];
  tasks: PartitionTask[] = [];
  readonly #tables = new Map<SinkTable, MysqlTable>();
  readonly #applier: Applier;
  readonly #batch = new Batch({ rows: 1000, bytes: 1 << 20 });

  constructor(session: MysqlSession, target: Target, parkDeadlineMs: number) {
    this.session = session;
    this.target = target;
    const packetBytes = 1 << 24;
    this.#applier = new Applier(session, {
      writer: new RowWriter(session, { bytes: 1 << 20, rows: 1000, packetBytes }),
      offsets: target.offsets,
      parks: target.parks,
      deadLetters: target.deadLetters,
      tableOf: t => this.#tables.get(t) ?? fail(t.name),
      packetBytes,
      blockedMax: 1000,
      parkDeadlineMs,
    });
  }

  async claim(tables: readonly SinkTable[]): Promise<void> {
    this.tasks = tables.map(t => new PartitionTask(t, 0, this.target.number));
    const { claims } = await claimTasks(this.session, this.target, this.tasks, this.#tables);
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
    if (batch.steps.length > 0) this.#committed(await this.#applier.apply(batch));
    for (const step of batch.steps) step.task.committed(advanced(step), 0);
    batch.clear();
  }

  /** Tries what waits. */
  async retry(): Promise<void> {
    for (const task of this.tasks) {
      for (const was of ['parked', 'blocked'] as const) {
        const keys = [...task[was].keys()];
        if (keys.length === 0) continue;
        const stand = { ...task.position, task };
        await this.target.offsets.compareAndSet(this.session, [stand]);
        const change = await this.#applier.retry(task, keys, was);
        await this.#applier.commit();
        task.position = advanced(stand);
        this.#committed(change);
      }
    }
  }

  #committed(change: WaitingChange): void {
    change.committed();
    this.letters.push(...change.deadLetters);
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
      const options = { shardColumn: 'shard', targets: targets.length, compacted, shared };
      return new SinkTable({ ...plan, ...SCHEMA_IDS }, options);
    });
    const sides: Side[] = [];
    for (const target of targets) {
      const { session } = await target.open();
      sides.push(new Side(session, target, o.parkDeadlineMs ?? 60_000));
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

  async rows(target: number): Promise<string[]> {
    const { session } = this.sides[target] ?? fail(`target ${target}`);
    const name = this.#tables[0]?.name;
    const rows = await session.query(`SELECT * FROM ${name}`);
    await session.rawQuery('ROLLBACK');
    return rows.map(r => Object.values(r).join()).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.sides) await session.close();
  }
}

function fail(what: string): never {
  throw new Error(`no ${what}`);
}
