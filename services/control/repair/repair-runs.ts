/**
 * Control's hand on repairs: carries out the open orders (`reshard repair`) and the last part of
 * recopies, one step at a time, from durable records alone. Whoever asked may be gone.
 *
 * Contract
 * - Durability: a run is at the stage and round that its record says (state/repair-run.ts). Every
 *   step writes what it asks for before it moves the record, under ids that follow from the record,
 *   so a step that is done twice asks for the same thing once.
 * - One writer: control, under its fence. A record that is put is in the view when the put returns,
 *   so the next step goes on from it.
 * - Rounds: see repair-plan.ts. A round ends when the ordered writers have settled its keys and the
 *   targets have applied the log up to there. Between two rounds nothing gives up, for the first
 *   one may have deleted what the second brings; `waiting` says what a run waits for.
 * - What cannot be planned (a key of a check that cannot be read back) stops its own run alone: it
 *   fails if nothing of the pass has been asked for, else it stands still and says why.
 * - A check gives a table up that has very many differences. The run then goes on in passes, each
 *   from where the last check has compared everything (`settledTo`), so that a pass costs what lies
 *   in it, not the table; it ends when nothing is left, or a pass finds what it has just repaired.
 * - The end is a check of the run's tables as a whole, asked for like any other: its verdict is
 *   their proof. Checks of parts prove nothing.
 * - What is settled is removed: neither keys nor checks of passes pile up in the state.
 */
import type { Job } from '../../../shared/job/job.ts';
import {
  type JobView,
  type RepairRequest,
  type StateRecord,
  stateKey,
} from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import { isOpen, type RepairOrder, type RepairRun } from '../../../shared/job/state/repair-run.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import { copyStops, stoppedText } from '../../../shared/job/state/throttle.ts';
import type { VerifyRequest } from '../../../shared/job/state/verify-request.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import {
  asReshardError,
  describeError,
  ReshardError,
  unreachable,
} from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Applied } from '../status/server-probe.ts';
import { checksOf, isPart, type PassScope, passScope, resultOf } from './pass-scope.ts';
import { planRepair, type RepairDraft, roundsOf } from './repair-plan.ts';
import { requestName, requestsOf, runOf } from './run-request.ts';

/** Each repairs a thousand keys. Rows that are damaged faster than that end the run some day. */
const PASSES_MAX = 1000;

export interface RepairRunsDeps {
  job: Job;
  view: JobView;
  kafka: Pick<KafkaLog, 'highWatermarks'>;
  log: Logger;
  /** By source. */
  progress: ReadonlyMap<string, ProgressView>;
  /** What a checker says of a check. */
  checkReport(id: string): Report | undefined;
  /** What a target has applied; null while it gives no answer. */
  applied(target: string): Promise<Applied | null>;
  put(key: string, record: Partial<StateRecord>): Promise<void>;
  remove(key: string): Promise<void>;
  /** Takes the word back from tables, with the reason. */
  doubt(tables: readonly string[], why: string): Promise<void>;
}

export interface RunNote {
  id: string;
  stage: string;
  what: string;
  sinceMs: number;
  /** Why it cannot go on without the operator; null while it only waits. */
  error: string | null;
  /** Of work that no record of the state tells of. */
  tables?: string[];
}

export class RepairRuns {
  readonly #d: RepairRunsDeps;
  readonly #notes = new Map<string, RunNote>();
  /** Ends of the log that a round waits for, by `<run>-<pass>-<round>`. */
  readonly #ends = new Map<string, ReadonlyMap<string, number>>();
  /** By run: the keys of its newest pass. */
  readonly #tried = new Map<string, string>();
  /** What a check is to compare, by its id. Without it (another control) it compares everything. */
  readonly #scopes = new Map<string, PassScope>();

  constructor(deps: RepairRunsDeps) {
    this.#d = deps;
  }

  /** What the open runs wait for. */
  get waiting(): RunNote[] {
    return [...this.#notes.values()];
  }

  /** Checks whose reports the open runs still need. */
  get checks(): Set<string> {
    const { runs, orders } = this.#d.view;
    const open = [...runs.values()].filter(isOpen);
    return new Set(open.flatMap(r => [r.check ?? [], checksOf(orders.get(r.id))].flat()));
  }

  /** Brings every open run on as far as it can go now, without waiting. */
  async step(): Promise<void> {
    for (const id of this.#begin()) {
      await this.#advance(this.#d.view.runs.get(id) ?? (await this.#start(id)));
    }
    await this.#sweep();
  }

  /** Takes out of the state what is settled of the runs: all but their present round and check. */
  async #sweep(): Promise<void> {
    const { view, remove } = this.#d;
    for (const { id } of [...view.repairs.values()]) {
      const run = view.runs.get(runOf(id));
      if (run === undefined || (isOpen(run) && id.startsWith(requestName(run, '')))) continue;
      await remove(stateKey.repair(id));
    }
    for (const { id, by = '' } of [...view.verifies.values()]) {
      const run = view.runs.get(by);
      if (run === undefined || run.check === id) continue;
      this.#scopes.delete(id);
      await remove(stateKey.verify(id));
    }
  }

  /** Orders and planned recopies that are not carried out to the end, the oldest first. */
  #begin(): string[] {
    const { view } = this.#d;
    const recopies = [...view.recopies.values()].filter(r => r.plannedMs && !r.error);
    return [...view.orders.values(), ...recopies]
      .filter(({ id }) => isOpen(this.#d.view.runs.get(id) ?? { stage: 'copying' }))
      .sort((a, b) => a.requestedMs - b.requestedMs || (a.id < b.id ? -1 : 1))
      .map(({ id }) => id);
  }

  async #start(id: string): Promise<RepairRun> {
    const { view, log } = this.#d;
    const order = view.orders.get(id);
    const tables = order
      ? [...new Set(order.keys.map(k => k.table))]
      : [...(view.recopies.get(id)?.tables ?? [])];
    const error = this.#unplannable(id);
    if (error === null) await this.#d.doubt(tables, `${id} writes keys anew`);
    const now = Date.now();
    const counts = { pass: 0, round: 0, keys: 0, rows: 0, deleted: 0, newer: 0 };
    const times = { startedMs: now, stageMs: now };
    const stage = error !== null ? 'failed' : order ? 'repairing' : 'copying';
    log.info({ run: id, tables, stage }, 'repair begins');
    const run: RepairRun = { id, stage, tables, ...counts, check: null, ...times, error };
    await this.#move(run, {});
    return run;
  }

  /**
   * Why an order cannot be planned. That is found out before the first key is asked for: later on
   * nothing fails a run, since what its rounds have deleted would stay so.
   */
  #unplannable(id: string): string | null {
    const order = this.#d.view.orders.get(id);
    if (order === undefined) return null;
    try {
      this.#roundsOf(order);
      return null;
    } catch (e) {
      return describeError(asReshardError(e));
    }
  }

  #advance(run: RepairRun): Promise<void> {
    switch (run.stage) {
      case 'copying':
        return this.#copy(run);
      case 'repairing':
        return this.#repair(run);
      case 'checking':
        return this.#check(run);
      case 'done':
      case 'failed':
        return Promise.resolve();
      default:
        return unreachable(run.stage);
    }
  }

  async #copy(run: RepairRun): Promise<void> {
    const { view, progress } = this.#d;
    const source = view.recopies.get(run.id)?.source ?? '';
    const open = view
      .plansOf(source)
      .filter(p => p.recopy === run.id && !progress.get(source)?.isCopied(p));
    if (open.length === 0) await this.#askCheck(run);
    else {
      const tables = open.map(p => p.table).join(', ');
      this.#note(run, `the copy of ${tables}${stoppedText(copyStops(view))}`);
    }
  }

  async #repair(run: RepairRun): Promise<void> {
    const { view, progress, put } = this.#d;
    let drafts: RepairDraft[] | undefined;
    try {
      drafts = this.#rounds(run)[run.round];
    } catch (e) {
      return this.#stop(run, e, run.round === 0 && !view.repairs.has(requestName(run, 0)));
    }
    if (drafts === undefined) return this.#askCheck(run);
    const total = { keys: run.keys, rows: run.rows, deleted: run.deleted, newer: run.newer };
    let open: RepairRequest | undefined;
    for (const repair of requestsOf(run, drafts)) {
      if (!view.repairs.has(repair.id)) {
        await put(stateKey.repair(repair.id), { repair });
      }
      const at = progress.get(repair.source)?.repairs.get(repair.id);
      if (!at?.complete) open ??= repair;
      total.keys += repair.keys.length;
      total.rows += at?.rows ?? 0;
      total.deleted += at?.deleted ?? 0;
      total.newer += at?.dropped ?? 0;
    }
    failpoint(FAILPOINTS.controlMidRepair);
    if (open !== undefined) {
      const done = progress.get(open.source)?.repairs.get(open.id)?.done ?? 0;
      const what = `source ${open.source} to read keys of ${open.table} again`;
      return this.#note(run, `${what} (${done} of ${open.keys.length}${stoppedText(view.paused)})`);
    }
    const behind = await this.#behind(run);
    if (behind !== null) return this.#note(run, behind);
    await this.#move(run, { round: run.round + 1, ...total });
    failpoint(FAILPOINTS.controlAfterRepairRound);
  }

  /** What the targets still have to apply of the round; null when they have all of it. */
  async #behind(run: RepairRun): Promise<string | null> {
    const { job, view, kafka, applied } = this.#d;
    const name = `${run.id}-${run.pass}-${run.round}`;
    let ends = this.#ends.get(name);
    if (ends === undefined) {
      ends = await logEnds(view, run.tables, kafka);
      this.#ends.set(name, ends);
    }
    for (const target of job.targets) {
      const seen = await applied(target.name);
      if (seen === null) return `target ${target.name}, which gives no answer`;
      for (const [place, end] of ends) {
        const next = seen.offsets.get(place) ?? 0;
        if (next >= end) continue;
        return `target ${target.name} to apply ${place} up to offset ${end} (it is at ${next})`;
      }
    }
    this.#ends.delete(name);
    return null;
  }

  async #check(run: RepairRun): Promise<void> {
    const { view, put, checkReport } = this.#d;
    const id = run.check ?? '';
    let request = view.verifies.get(id);
    if (request === undefined) {
      const scope = this.#scopes.get(id) ?? { tables: run.tables, after: {} };
      request = { id, requestedMs: run.stageMs, by: run.id, ...scope };
      await put(stateKey.verify(id), { verify: request });
    }
    const report = checkReport(id);
    if (report?.state !== 'finished' && report?.state !== 'failed') {
      return this.#note(run, `${id} (${report?.state ?? 'waiting for a checker'})`);
    }
    let isWorthAPass = false;
    try {
      isWorthAPass = run.pass < PASSES_MAX && this.#isWorthAPass(run, request);
    } catch (e) {
      return this.#stop(run, e, true);
    }
    if (isWorthAPass) {
      await this.#move(run, { stage: 'repairing', pass: run.pass + 1, round: 0 });
    } else if (isPart(request, run)) await this.#askCheck(run, { tables: run.tables, after: {} });
    else await this.#move(run, { stage: 'done' });
  }

  /**
   * It cannot be planned. Nothing of that may reach control, whose other work has nothing to do
   * with it. `isWhole`: no round is half done, so it may end.
   */
  async #stop(run: RepairRun, cause: unknown, isWhole: boolean): Promise<void> {
    const tables = run.tables.join(',');
    const error = describeError(
      new ReshardError(asReshardError(cause).kind, `${run.id} cannot be planned`, {
        cause,
        remedy:
          `\`reshard verify <job file> --tables ${tables}\`, then \`reshard repair <job file>\` ` +
          'goes by what that finds',
      }),
    );
    if (isWhole) return this.#move(run, { stage: 'failed', error });
    if (!this.#notes.get(run.id)?.error) this.#d.log.error({ run: run.id }, error);
    this.#note(run, 'the operator', error);
  }

  /**
   * A recopy repairs what its check finds; an order what its check has found, and where that has
   * given a table up, all that is left; keys that were named are all that is meant. Not if the
   * check has found the very keys that the last pass has read again.
   */
  #isWorthAPass(run: RepairRun, request: VerifyRequest): boolean {
    const isOfCheck = checksOf(this.#d.view.orders.get(run.id)).length > 0;
    const isGivenUp = this.#resultOf(request.id)?.tables.some(t => t.truncated) ?? false;
    // A report that is gone by now has had the whole compared in the place of what was left.
    const isLeft = isOfCheck && (isGivenUp || isPart(request, run) || run.pass > 0);
    if (!isLeft && !this.#d.view.recopies.has(run.id)) return false;
    const found = this.#found(run.check ?? '');
    const keys = found.flat().map(d => `${d.source}/${d.table}/${d.clear}/${d.keys.map(hex)}`);
    const text = keys.join();
    const isNew = text !== '' && this.#tried.get(run.id) !== text;
    this.#tried.set(run.id, text);
    return isNew;
  }

  /** The id is made once and kept in the record: a successor asks for the same check. */
  #askCheck(run: RepairRun, scope = this.#scopeOf(run)): Promise<void> {
    const check = requestId('verify');
    this.#scopes.set(check, scope);
    return this.#move(run, { stage: 'checking', check });
  }

  /** What is to be compared after the present pass. */
  #scopeOf(run: RepairRun): PassScope {
    const order = run.pass === 0 ? this.#d.view.orders.get(run.id) : undefined;
    const checks = order === undefined ? [run.check ?? ''] : checksOf(order);
    return passScope(
      run.tables,
      checks.flatMap(id => this.#resultOf(id) ?? []),
    );
  }

  #resultOf(check: string): ReturnType<typeof resultOf> {
    return resultOf(this.#d.checkReport(check));
  }

  #rounds(run: RepairRun): RepairDraft[][] {
    const order = run.pass === 0 ? this.#d.view.orders.get(run.id) : undefined;
    return order === undefined ? this.#found(run.check ?? '') : this.#roundsOf(order);
  }

  #roundsOf(order: RepairOrder): RepairDraft[][] {
    const { job, view } = this.#d;
    const sources = job.sources.map(s => s.name);
    return roundsOf(order.keys, sources, [...view.plans.values()]);
  }

  /** Rounds that could cure what the check has found. */
  #found(check: string): RepairDraft[][] {
    const { job, view } = this.#d;
    const differences = this.#resultOf(check)?.tables.flatMap(t => t.differences) ?? [];
    const sources = job.sources.map(s => s.name);
    const isPartial = job.kind === 'expand';
    return planRepair(differences, sources, [...view.plans.values()], isPartial).rounds;
  }

  async #move(run: RepairRun, to: Partial<RepairRun>): Promise<void> {
    const next: RepairRun = { ...run, ...to, stageMs: Date.now() };
    await this.#d.put(stateKey.run(run.id), { run: next });
    if (isOpen(next)) return;
    this.#notes.delete(run.id);
    this.#tried.delete(run.id);
    const { id, stage, check, keys, rows, deleted, error } = next;
    this.#d.log.info({ run: id, stage, check, keys, rows, deleted, error }, 'repair ends');
  }

  #note({ id, stage, stageMs }: RepairRun, what: string, error: string | null = null): void {
    this.#notes.set(id, { id, stage, what, sinceMs: stageMs, error });
  }
}

function hex(key: Buffer): string {
  return key.toString('hex');
}

/**
 * What the topics of the tables hold now, by `<topic>/<partition>`. Of those alone: between its
 * rounds a repair must not wait for a partition of another table that is halted.
 */
async function logEnds(
  view: JobView,
  tables: readonly string[],
  kafka: Pick<KafkaLog, 'highWatermarks'>,
): Promise<ReadonlyMap<string, number>> {
  const ends = new Map<string, number>();
  for (const { topic, table } of view.plans.values()) {
    if (!tables.includes(table)) continue;
    for (const [partition, end] of (await kafka.highWatermarks(topic)).entries()) {
      ends.set(`${topic}/${partition}`, end);
    }
  }
  return ends;
}
