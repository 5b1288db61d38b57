/**
 * Control's hand on checks that start by themselves (shared/job/state/check-schedule.ts): asks for
 * the one that is due when the targets are in step and nothing else is being checked, repaired or
 * copied, so that there is never more than one of them. One that another check has made needless,
 * or a cutover, is withdrawn; old ones are removed.
 */
import type { Job } from '../../../shared/job/job.ts';
import {
  type PlannedCheck,
  plannedCheck,
  SCHEDULE,
  scheduled,
} from '../../../shared/job/state/check-schedule.ts';
import { type JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { isNoted, standings } from '../../../shared/job/state/proof.ts';
import { isOpen } from '../../../shared/job/state/repair-run.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import { checkStops } from '../../../shared/job/state/throttle.ts';
import type { VerifyRequest } from '../../../shared/job/state/verify-request.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import { describeError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { passageOf } from '../cutover/verb.ts';
import type { Backlog } from '../status/backlog.ts';
import { Measurement } from '../status/measurement.ts';
import type { StateWriter } from './state-writer.ts';
import type { WantedCheck } from './stream-reports.ts';

/** A target that is further behind the log is not in step: a check would only wait for it. */
const IN_STEP_RECORDS = 10_000;
/**
 * What comes over several partitions at a time is told by each of them within it: one check is of
 * all of that.
 */
const GATHER_MS = 2000;
/** Checks of the schedule that stay in the state besides those that proofs are of. */
const KEPT = 3;

export interface CheckKeeperDeps {
  job: Job;
  view: JobView;
  log: Logger;
  writer: Pick<StateWriter, 'put' | 'remove'>;
  /** What a checker says of a check. */
  checkReport(id: string): Report | undefined;
  backlogs(): Promise<Backlog[]>;
  /** Tables of which the streaming check wants to know more, since when. */
  wanted(): readonly WantedCheck[];
  /** Wall clock; for tests. */
  now?: () => number;
}

export class CheckKeeper {
  readonly #d: CheckKeeperDeps;
  readonly #now: () => number;
  /** Whether every target is near the end of the log. */
  readonly #inStep: Measurement<boolean>;
  /** Since when something is wanted that no check was asked for; null: nothing is. */
  #wantedMs: number | null = null;

  constructor(deps: CheckKeeperDeps) {
    this.#d = deps;
    this.#now = deps.now ?? Date.now;
    this.#inStep = new Measurement(() =>
      deps.backlogs().then(
        found => found.every(({ records }) => (records ?? Infinity) <= IN_STEP_RECORDS),
        e => {
          deps.log.debug(`a check that is due waits: ${describeError(e)}`);
          return false;
        },
      ),
    );
  }

  async step(): Promise<void> {
    const { view, job, log, writer } = this.#d;
    const own = scheduled(view);
    const pending = own.find(v => !this.#hasEnded(v));
    // Behind a cutover the targets are the application's, and others than the sources.
    const passage = passageOf(view);
    if (passage !== 'before' && passage !== 'returned') {
      if (pending !== undefined) await writer.remove(stateKey.verify(pending.id));
      return;
    }
    if (pending !== undefined) return this.#withdrawNeedless(pending);
    await this.#removeOld(own);
    const names = job.tables.map(t => t.name);
    const planned = this.#wanted(own) ?? plannedCheck(view, names, job.options);
    const isDue = planned !== null && this.#now() >= planned.atMs && !this.#isBusy();
    this.#inStep.follow(isDue);
    if (!isDue || !this.#inStep.answer) return;
    this.#inStep.follow(false);
    const id = requestId('verify', this.#now());
    const { tables } = planned;
    log.info({ verifyId: id, tables }, 'a check starts by itself');
    const verify = { id, requestedMs: this.#now(), tables, by: SCHEDULE };
    await writer.put(stateKey.verify(id), { verify });
  }

  /** What both logs have told: once of each table, whatever comes of it. */
  #wanted(own: readonly VerifyRequest[]): PlannedCheck | null {
    const isAsked = ({ table, sinceMs }: WantedCheck): boolean =>
      own.some(v => v.requestedMs >= sinceMs && v.tables.includes(table) && this.#counts(v, table));
    const tables = this.#d.wanted().flatMap(w => (isAsked(w) ? [] : [w.table]));
    this.#wantedMs = tables.length === 0 ? null : (this.#wantedMs ?? this.#now());
    if (this.#wantedMs === null) return null;
    return { tables: [...new Set(tables)], atMs: this.#wantedMs + GATHER_MS };
  }

  /** A check that was under way when its table came into doubt has come to nothing. */
  #counts(request: VerifyRequest, table: string): boolean {
    return !this.#hasEnded(request) || isNoted(this.#d.view.proofs.get(table), request.id);
  }

  /** Something else is under way: what it ends with may be the proof that is wanted. */
  #isBusy(): boolean {
    const { view } = this.#d;
    const { phase } = view.job ?? {};
    if (phase !== 'following' && phase !== 'verified') return true;
    // Begun, it would only stand, and status would tell of it all the time.
    if (checkStops(view, this.#now()).length > 0) return true;
    if ([...view.runs.values()].some(isOpen)) return true;
    if ([...view.recopies.values()].some(r => !r.plannedMs && !r.error)) return true;
    if ([...view.applies.values()].some(a => !view.applied.has(a.id))) return true;
    const [newest] = [...view.verifies.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
    return newest !== undefined && !this.#hasEnded(newest);
  }

  #hasEnded({ id }: VerifyRequest): boolean {
    const state = this.#d.checkReport(id)?.state;
    return state === 'finished' || state === 'failed';
  }

  /** Somebody else's check has proven all of it since. */
  async #withdrawNeedless({ id, tables, requestedMs }: VerifyRequest): Promise<void> {
    const { view, log, writer } = this.#d;
    const isProven = standings(view, tables).every(
      s => s.isProven && (s.proof?.startedMs ?? 0) > requestedMs,
    );
    if (!isProven) return;
    log.info({ verifyId: id }, 'its tables are proven meanwhile: withdrawn');
    await writer.remove(stateKey.verify(id));
  }

  async #removeOld(own: readonly VerifyRequest[]): Promise<void> {
    const { view, writer } = this.#d;
    const used = new Set([...view.proofs.values()].map(p => p.check));
    for (const { id } of own.slice(0, -KEPT)) {
      if (!used.has(id)) await writer.remove(stateKey.verify(id));
    }
  }
}
