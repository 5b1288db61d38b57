/**
 * Columns that were added at a source, made wider or dropped, taken up without the operator
 * (`options.addedColumns`, `droppedColumns`). The source has halted at the statement and says so in its
 * report; control looks at the table as `reshard ddl show` does, adds the columns to the targets
 * that lack them, and makes the request that `reshard ddl apply` would make (take-up.ts). Whatever
 * else stands against it stays with the operator: the source stays halted, with its remedy.
 *
 * A target is altered by alter-target.ts; what was done before a crash is found by looking, never
 * by remembering. It goes on beside control's loop: a large table without an online way takes long.
 */
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { standsBy } from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import { alterTarget } from './alter-target.ts';
import { refusePending, refuseWord, standingWord } from './dropped-column.ts';
import { lookAtTable, refuse } from './growth.ts';
import { filledTargets, type Ruling, refuseTargets } from './growth-target.ts';
import { type Halt, haltedTable, haltIn } from './halt.ts';
import type { GrownTable } from './halted-shape.ts';
import { InTurn } from './in-turn.ts';
import type { LackingTarget } from './lacking-target.ts';
import type { StatementHalt } from './skip.ts';

/** What the newest reports of sources say. */
export class GrownTables {
  readonly #halts = new Map<string, StatementHalt>();
  readonly #bySource = new Map<string, GrownTable & { text: string }>();
  /**
   * One source's change of a target after the other's: two that make the same column wider would
   * both find it narrow, and the target's own log could not tell what the second one has done.
   */
  readonly #altering = new InTurn();

  note(report: Report | null): void {
    if (report?.service !== 'binlog') return;
    const halt = haltIn(report);
    const stands = halt && statementOf(report.unit, halt);
    if (stands === null) this.#halts.delete(report.unit);
    else this.#halts.set(report.unit, stands);
    const { table, added, constants, addedAs, widened, removed } =
      (halt?.kind === 'schema-changed' && halt.context) || {};
    if (typeof table !== 'string' || typeof added !== 'string') {
      this.#bySource.delete(report.unit);
      return;
    }
    const known = this.#bySource.get(report.unit);
    const lists = Object.entries({ constants, addedAs, widened, removed });
    const parts = lists.map(([name, x]) => `"${name}":${typeof x === 'string' ? x : '[]'}`);
    const text = `{${parts.join()}}`;
    if (known?.table === table && known.added === added && known.text === text) return;
    const told = { source: report.unit, table, added, ...JSON.parse(text) };
    this.#bySource.set(report.unit, { ...told, text, sinceMs: Date.now() });
  }

  /** The statement at which the source's log stands, if it is one. */
  haltOf(source: string): StatementHalt | null {
    return this.#halts.get(source) ?? null;
  }

  list(): GrownTable[] {
    return [...this.#bySource.values()];
  }

  /** Makes the targets ready; see growTargets. */
  grow(deps: Deps, source: JobSource, grown: GrownTable): Promise<boolean> {
    return growTargets(deps, source, grown, (target, work) => this.#altering.run(target, work));
  }
}

/** Only what the judgement of a statement has thrown can be passed over (capture/statements.ts). */
function statementOf(source: string, halt: Halt): StatementHalt | null {
  const { gtid, halt: cause } = halt.context;
  if (cause !== 'ddl' || typeof gtid !== 'string') return null;
  return { source, gtid, table: haltedTable(halt) };
}

interface Deps {
  job: Job;
  view: JobView;
  ruling: Ruling;
  log: Logger;
}

/**
 * Adds to the targets what they lack, and makes wider what is too narrow. False: the table is as
 * planned by now. Throws if the columns cannot be taken up, or a target lacks something else.
 */
async function growTargets(
  deps: Deps,
  source: JobSource,
  grown: GrownTable,
  inTurn: (target: string, work: () => Promise<void>) => Promise<void>,
): Promise<boolean> {
  const { table } = grown;
  const at = { halt: grown, only: true };
  const refuseGone = (): void =>
    refuseAbsent(grown, deps.view.planOf(source.name, source.database, table)?.schema);
  const look = await lookAtTable(deps, source, table, at);
  if (look === null) {
    refuseGone();
    return false;
  }
  const isStandby = standsBy(deps.job, deps.ruling.cutoverRun);
  refuseWord(deps.job, look.removed, standingWord(deps.job, isStandby) ?? '');
  if (!isStandby) refusePending(deps.view, table, look.added);
  refuseExtra(grown, look.targets);
  if (isStandby) refuseUnready(grown, look.targets);
  const lacking = look.targets.filter(
    t => (t.isAddition || t.isWidening === true) && t.sql !== null,
  );
  const others = look.targets.filter(t => !lacking.includes(t));
  refuse({ ...look, targets: [...others, ...(await filledTargets(deps, look))] });
  for (const target of deps.job.targets) {
    const statements = lacking.filter(t => t.target === target.name).map(t => t.sql ?? '');
    if (statements.length === 0) continue;
    await inTurn(target.name, async () => {
      await alterTarget(deps, target, table, async () => {
        // Another source's change may have reached it meanwhile, or that of the control before us:
        // a type of before is a narrower one.
        const again = await lookAtTable(deps, source, table, at);
        const still = again?.targets.map(t => (t.target === target.name ? t.sql : null)) ?? [];
        return statements.filter(sql => still.includes(sql));
      });
    });
  }
  if (lacking.length === 0) return true;
  // Not what was sent, what is there: another control may have been before us.
  const after = await lookAtTable(deps, source, table, at);
  if (after === null) {
    refuseGone();
    return true;
  }
  refuseExtra(grown, after.targets);
  refuseTargets(after);
  return true;
}

/**
 * Throws if the source has halted at columns that neither the plan nor, it seems, the table has. A
 * statement is in the binlog before its server shows what it did (one that waits for a replica's
 * word, or writes of an ALTER when it begins it, is late by that), so it is looked at again; after
 * a while they are taken for gone.
 */
export function refuseAbsent(
  grown: GrownTable,
  planned: TableSchema | undefined,
  nowMs = Date.now(),
): void {
  const { source, table, sinceMs } = grown;
  const absent = absentColumns(grown, planned);
  if (absent.length === 0) return;
  const context = { source, table };
  const what = `${table} of ${source} does not have ${absent.join(', ')}`;
  if (nowMs - sinceMs < PATIENCE_MS) throw new ReshardError('source', `${what} yet`, { context });
  throw new ReshardError('schema-changed', `${what} any more`, {
    context,
    remedy: `\`reshard recopy <job file> --source ${source} --tables ${table}\``,
  });
}

/** What the source has halted at, and its plan does not have. */
export function absentColumns(
  { added, widened }: Pick<GrownTable, 'added' | 'widened'>,
  planned: TableSchema | undefined,
): string[] {
  const names = new Set(planned?.columns.map(c => c.name.toLowerCase()));
  const missing = added.split(', ').filter(name => name !== '' && !names.has(name.toLowerCase()));
  const lengths = new Map(planned?.columns.map(c => [c.name.toLowerCase(), c.widened]));
  const short = widened.filter(({ name, type }) => lengths.get(name) !== type);
  return [...missing, ...short.map(({ name, type }) => `${name} as ${type}`)];
}

/**
 * Throws if a target has more than the plans do: columns of another source are on the targets
 * before its plan has them, and a moment later they are nobody's fault. Dropped, they are lost.
 */
export function refuseExtra(
  { source, table, sinceMs }: GrownTable,
  targets: readonly LackingTarget[],
  nowMs = Date.now(),
): void {
  const [extra] = targets.filter(t => t.isExtra === true);
  if (extra === undefined || nowMs - sinceMs >= PATIENCE_MS) return;
  throw new ReshardError('target', `${extra.target}: ${extra.what}, and in no plan yet`, {
    context: { source, table, target: extra.target },
  });
}

/**
 * Throws if a target lacks what came, while the application is there: it is altered by whoever
 * alters it for the application, and a column that came before would be in his way.
 */
function refuseUnready({ source, table }: GrownTable, targets: readonly LackingTarget[]): void {
  const [first] = targets;
  if (first === undefined) return;
  const all = targets.map(t => `${t.target}: ${t.sql ?? t.what}`).join(' ');
  throw new ReshardError('target', `${first.target}: ${first.what}`, {
    context: { source, table, target: first.target },
    remedy: `alter it there as the other servers are, it goes on by itself then: ${all}`,
  });
}

/** A server may hold an ALTER back, after it has told its readers, for this long at most. */
const PATIENCE_MS = 60_000;
