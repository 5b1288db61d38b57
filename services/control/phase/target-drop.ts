/**
 * Drops columns on the targets when no source of their table has them any more (dropped-column.ts):
 * once, behind the last source. What waits for a source is told, as the operator has the way out:
 * another word (`reshard ddl apply --keep`).
 *
 * The server's DDL is in no transaction, so what is done is found by looking; the plans forget the
 * columns when no target has them. A sink that has not heard of the last plan may still write to
 * the column: it is given a moment, and a later one halts until it hears of it.
 */
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { isHalfWay, standsBy } from '../../../shared/job/state/cutover.ts';
import { type LeftColumn, leftColumns } from '../../../shared/job/state/dropped-column.ts';
import { type JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { RunNote } from '../repair/repair-runs.ts';
import { alterTarget } from './alter-target.ts';
import { columnFacts } from './constant-column.ts';
import type { Ruling } from './growth-target.ts';
import { Inquiries } from './inquiry.ts';
import type { StateWriter } from './state-writer.ts';

export interface TargetDropsDeps {
  job: Job;
  view: JobView;
  ruling: Ruling;
  writer: Pick<StateWriter, 'put'>;
  log: Logger;
}

interface Watched {
  sinceMs: number;
  /** When the targets are looked at, and after a refusal once more. */
  dueMs: number;
  pauseMs: number;
  error: string | null;
}

type Place = Pick<LeftColumn, 'table' | 'column'>;

const SINK_GRACE_MS = 3000;
const AGAIN = { minMs: 10_000, maxMs: 600_000 };

export class TargetDrops {
  readonly #d: TargetDropsDeps;
  readonly #asked: Inquiries<void>;
  readonly #watched = new Map<string, Watched>();
  readonly #drop: typeof dropOnTargets;

  constructor(deps: TargetDropsDeps, drop: typeof dropOnTargets = dropOnTargets) {
    this.#d = deps;
    this.#drop = drop;
    this.#asked = new Inquiries(deps.log);
  }

  /** Brings each drop on as far as it can go now, without waiting for a target. */
  async step(nowMs = Date.now()): Promise<void> {
    const open = this.#open();
    const ids = new Set(open.map(idOf));
    for (const id of this.#watched.keys()) if (!ids.has(id)) this.#watched.delete(id);
    if (isStill(this.#d)) return;
    for (const left of open) {
      const watched = this.#watch(left, nowMs);
      if (left.holders.length > 0) watched.dueMs = nowMs + SINK_GRACE_MS;
      else if (nowMs >= watched.dueMs) await this.#carryOut(left, watched, nowMs);
    }
  }

  /** Whether targets are losing it just now. */
  isUnderWay(table: string, column: string): boolean {
    const id = idOf({ table, column });
    return this.#asked.open().some(asked => asked.id === id);
  }

  /** What each waits for. */
  get waiting(): RunNote[] {
    return this.#open().flatMap(left => {
      const watched = this.#watched.get(idOf(left));
      if (watched === undefined) return [];
      const { sinceMs, error } = watched;
      const { table, column, holders } = left;
      const has = holders.length === 1 ? 'has' : 'have';
      const what =
        holders.length > 0
          ? `${column}: ${holders.join(', ')} ${has} it still; \`reshard ddl show <job file>\` says the ways on`
          : `${column}: the targets`;
      const stage = 'dropping columns';
      return [{ id: idOf(left), stage, what, sinceMs, error, tables: [table] }];
    });
  }

  #open(): LeftColumn[] {
    return leftColumns(this.#d.view).filter(c => !c.keep);
  }

  #watch(left: LeftColumn, nowMs: number): Watched {
    const id = idOf(left);
    const pauseMs = AGAIN.minMs / 2;
    const made = { sinceMs: nowMs, dueMs: nowMs + SINK_GRACE_MS, pauseMs, error: null };
    const watched = this.#watched.get(id) ?? made;
    this.#watched.set(id, watched);
    return watched;
  }

  async #carryOut(left: LeftColumn, watched: Watched, nowMs: number): Promise<void> {
    const { log } = this.#d;
    const { table, column } = left;
    const id = idOf(left);
    const answer = this.#asked.ask(id, () => this.#drop(this.#d, left));
    if (answer === null) return;
    this.#asked.forget(id);
    if ('error' in answer) {
      watched.error = describeError(answer.error);
      watched.pauseMs = Math.min(watched.pauseMs * 2, AGAIN.maxMs);
      watched.dueMs = nowMs + watched.pauseMs;
      log.warn({ table, column }, `a dropped column stays on the targets: ${watched.error}`);
      return;
    }
    await this.#forget(left);
    log.info({ table, column }, 'a dropped column is off the targets');
  }

  async #forget({ table, column }: LeftColumn): Promise<void> {
    const { view, writer } = this.#d;
    for (const { schema: _, ...plan } of [...view.plans.values()]) {
      const dropped = (plan.dropped ?? []).filter(d => d.column !== column);
      if (plan.table !== table || dropped.length === plan.dropped?.length) continue;
      await writer.put(stateKey.plan(plan.source, plan.db, table), { plan: { ...plan, dropped } });
    }
  }
}

/** Rows are carried the other way, or are about to be. */
function isStill({ job, ruling }: TargetDropsDeps): boolean {
  return standsBy(job, ruling.cutoverRun) || isHalfWay(ruling.cutoverRun);
}

const idOf = ({ table, column }: Place): string => `drop-${table}-${column}`;

async function dropOnTargets(
  { job, log }: Pick<TargetDropsDeps, 'job' | 'log'>,
  left: LeftColumn,
): Promise<void> {
  for (const target of job.targets) await dropOnTarget({ log }, target, left);
}

async function dropOnTarget(
  { log }: Pick<TargetDropsDeps, 'log'>,
  target: JobTarget,
  left: LeftColumn,
): Promise<void> {
  const { table, column } = left;
  const sql = `ALTER TABLE ${qualified(target.database, table)} DROP COLUMN ${quoteId(column)};`;
  const look = async (): Promise<string[]> => ((await has({ log }, target, left)) ? [sql] : []);
  await alterTarget({ log }, target, table, look);
}

/** Throws `target` while the table is being altered there. */
export async function lacksColumn(
  { log }: Pick<TargetDropsDeps, 'log'>,
  target: JobTarget,
  place: Place,
): Promise<boolean> {
  let lacks = false;
  await alterTarget({ log }, target, place.table, async () => {
    lacks = !(await has({ log }, target, place));
    return [];
  });
  return lacks;
}

async function has(
  { log }: Pick<TargetDropsDeps, 'log'>,
  target: JobTarget,
  { table, column }: Place,
): Promise<boolean> {
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target', log });
  const facts = await columnFacts(session, { db: target.database, table });
  return facts.some(f => f.name === column);
}
