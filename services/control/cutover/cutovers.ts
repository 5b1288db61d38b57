/**
 * Control's hand on cutovers. One is carried out at a time, and while its sources are frozen
 * control does nothing else: neither a recopy nor a repair can begin inside a write stop.
 *
 * What control finds when it begins to lead (stage.ts):
 *   freezing            undoes: whoever froze the sources is gone, or could not reach one of them
 *   opening             runs the open command, and once more if a control died while it ran
 *   a leg that is shut  opens it (turn.ts): rows are carried the other way from then on
 *   all others          nothing, until the operator asks
 */
import { createHash } from 'node:crypto';
import type { Job } from '../../../shared/job/job.ts';
import {
  type CutoverRequest,
  type CutoverRun,
  fencedNow,
  hasWayBack,
  isGoneOver,
  isHalfWay,
  isOver,
  isTurning,
  standingRun,
  type Way,
} from '../../../shared/job/state/cutover.ts';
import { type JobView, type StateRecord, stateKey } from '../../../shared/job/state/job-view.ts';
import { type Rehearsals, withRehearsal, withStop } from '../../../shared/job/state/rehearsal.ts';
import { describeError, ReshardError, unreachable } from '../../../shared/runtime/error.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type AttemptDeps, attempt } from './attempt.ts';
import { isCleanup, openCleanup } from './cleanup.ts';
import { isCompared, type StreamComparer } from './compare.ts';
import { type RehearseDeps, rehearse } from './rehearse.ts';
import type { CutoverSite, OpenOutcome } from './site.ts';
import { type CutoverEvent, nextStage } from './stage.ts';
import { StepClock } from './step-clock.ts';
import { openLeg, thaw } from './turn.ts';
import { liftAll, type UndoDeps, undoneText } from './undo.ts';
import { type Passed, passageOf, refusal } from './verb.ts';

export interface CutoversDeps {
  job: Pick<Job, 'sources' | 'targets' | 'cutover' | 'options' | 'handover'>;
  view: Pick<JobView, 'cutovers' | 'applied' | 'rehearsals'> & Passed;
  log: Logger;
  /** By where the application goes; none back without a way back. */
  sites: { over: CutoverSite; back: CutoverSite | null };
  put(key: string, record: Partial<StateRecord>): Promise<void>;
  /** What is done just now, for whoever watches; null: nothing. */
  note(what: string | null): void;
  /** Members of the pipeline that bring changes to the targets, or may when they wake up. */
  carriers(): string[];
  /** What is not proven equal by the newest that checks and sinks have said; null: nothing. */
  doubts(): Promise<string | null>;
  comparer: StreamComparer;
  /** Control's lease is gone, or its process ends. */
  isStopped(): boolean;
  sleep(ms: number): Promise<void>;
}

/** What members do to servers that take the writes of others again. */
const MIXED: Record<Way, string> = {
  over: 'bring what is written to the sources over what the application has written to the targets',
  back: 'go on writing to the targets, beside whoever writes there then',
};

/** Nobody waits for one that is older: its operator may have gone home. */
const STALE_MS = 60_000;

const NONE_YET: Rehearsals = { list: [], stops: [] };

const TURN_AGAIN_MS = 3000;
const TURNING = 'rows are not carried this way yet: `reshard status <job file>` says why';
const NONE_BACK =
  'there is no way back: when the application went over the job file had no `cutover.back`';

export class Cutovers {
  readonly #d: CutoversDeps;
  #turnAt = 0;

  constructor(deps: CutoversDeps) {
    this.#d = deps;
  }

  async step(): Promise<void> {
    const { view, note } = this.#d;
    try {
      if (isHalfWay(view.cutoverRun))
        await this.#undo('the control that froze the sources is gone');
      if (view.cutoverRun?.stage === 'opening') await this.#open(view.cutoverRun);
      await this.#turn();
      for (const request of openRequests(view)) await this.#carryOut(request);
    } finally {
      note(null);
    }
  }

  async #carryOut(request: CutoverRequest): Promise<void> {
    switch (request.action) {
      case 'begin':
        return this.#answer(request, await this.#begin(request, 'over'));
      case 'rollback':
        return this.#answer(request, await this.#begin(request, 'back'));
      case 'rehearse':
        return this.#answer(request, await this.#rehearse(request));
      case 'cancel':
        return this.#answer(request, this.#cancel());
      case 'finish':
        return this.#answer(request, await this.#finish(request));
      default:
        return this.#answer(request, `this version knows no ${request.action}`);
    }
  }

  /** Null when it has gone over, else why not. */
  async #begin(request: CutoverRequest, way: Way): Promise<string | null> {
    const { view, log } = this.#d;
    const { id, by } = request;
    const known = view.cutoverRun;
    // The control before us has carried it out, and has died before it could say so.
    if (known?.id === id) return outcomeOf(known);
    const stale = this.#stale(request);
    if (stale !== null) return stale;
    if (known?.stage === 'unopened' && known.way === way)
      return outcomeOf(await this.#open(await this.#retried(known)));
    // A rerun of what has gone over is done.
    if (known?.stage === 'switched' && known.way === way) return null;
    const cannot = this.#cannotBegin(way);
    if (cannot !== null) return cannot;
    log.info({ cutover: id, by, way }, 'a cutover begins');
    const put = (run: CutoverRun): Promise<void> => this.#put(run);
    const end = await attempt({ ...this.#attemptDeps(way), put }, { id, by });
    if (end.kind === 'refused') return end.why;
    if (end.kind === 'undone') return outcomeOf(end.run);
    const run = await this.#open(end.run);
    if (run.stage === 'switched') await this.#learn(run);
    return outcomeOf(run);
  }

  /** By where the application is, and which way rows are carried. */
  #cannotBegin(way: Way): string | null {
    const run = this.#d.view.cutoverRun;
    // A handover that was asked for at the same time has gone first.
    const passage = passageOf(this.#d.view);
    if (passage === 'cutting' || passage === 'handed') return refusal('cutover', passage);
    const isHere = isOver(run) === (way === 'over');
    if (run?.stage === 'finished') return 'the job is finished: there is nothing to go back to';
    if (isHere)
      return `the application is on the ${way === 'over' ? 'targets' : 'sources'} already`;
    if (way === 'back' && (run === null || !hasWayBack(run))) return NONE_BACK;
    return isTurning(run) ? TURNING : null;
  }

  /** Lets rows be carried the other way; again and again, since the application writes already. */
  async #turn(): Promise<void> {
    const { view, note, log } = this.#d;
    const run = view.cutoverRun;
    if (run === null || !isTurning(run) || performance.now() < this.#turnAt) return;
    note('turn');
    try {
      await openLeg({ site: this.#site(run.way), put: r => this.#put(r) }, run);
      log.info({ cutover: run.id, carries: run.leg?.carries }, 'rows are carried the other way');
    } catch (e) {
      if (e instanceof ReshardError && e.kind === 'fenced') throw e;
      this.#turnAt = performance.now() + TURN_AGAIN_MS;
      const why = `rows are not carried the other way yet: ${describeError(e)}`;
      if (why === view.cutoverRun?.why) return;
      log.error({ cutover: run.id }, why);
      await this.#put({ ...run, why });
    }
  }

  #site(way: Way): CutoverSite {
    const site = this.#d.sites[way];
    if (site !== null) return site;
    throw new ReshardError('config', 'the job file of control has no `cutover.back` any more', {
      remedy: 'put it back, and start control again',
    });
  }

  /** Null when it was whole, and is noted. */
  async #rehearse(request: CutoverRequest): Promise<string | null> {
    const { view, put, log } = this.#d;
    const stale = this.#stale(request);
    if (stale !== null) return stale;
    const deps: RehearseDeps = {
      ...this.#attemptDeps('over'),
      stops: view.rehearsals?.stops ?? [],
      journal: () => put(stateKey.rehearsals, { rehearsals: view.rehearsals ?? NONE_YET }),
    };
    const made = await rehearse(deps, request).catch(e => describeError(e));
    if (typeof made === 'string') return made;
    await put(stateKey.rehearsals, { rehearsals: withRehearsal(view.rehearsals, made) });
    log.info({ rehearsal: made.id, forecastMs: made.forecastMs }, 'a rehearsal was whole');
    return null;
  }

  /** Why a request is not carried out as it is. */
  #stale(request: CutoverRequest): string | null {
    const { settings } = request;
    const late = lateText(request);
    if (late !== null) return late;
    if (settings === settingsHash(this.#d.job)) return null;
    return 'control was started with another `cutover` or `streamingCheck` in its job file: restart it first';
  }

  #attemptDeps(way: Way): Omit<AttemptDeps, 'put'> {
    const { job, view, log, isStopped, note, sleep, doubts, comparer } = this.#d;
    const left = way === 'over' ? job.sources : job.targets;
    const { leg = null } = view.cutoverRun ?? {};
    return {
      ...{ log, note, sleep, site: this.#site(way) },
      sources: left.map(s => s.name),
      before: { way, leg, thaws: fencedNow(view.cutoverRun) },
      // Proofs are of rows that went over; what comes back has none.
      doubts: way === 'over' ? doubts : async () => null,
      comparer: isCompared(job, view.cutoverRun, way) ? comparer : null,
      limits: job.cutover.limits,
      stopped: () => {
        if (isStopped()) return 'control ends, or has lost its lease';
        const cancel = openRequests(view).find(r => r.action === 'cancel');
        return cancel === undefined ? null : `cancelled by ${cancel.by}`;
      },
    };
  }

  /** By the record: whatever was half way is undone before requests are looked at. */
  #cancel(): string | null {
    const run = this.#d.view.cutoverRun;
    if (run === null || run.stage === 'undone') return null;
    if (!hasWayBack(run)) return `the job is ${run.stage}: there is no way back after the journal`;
    return `it is ${run.stage}, the journal is written: \`reshard rollback\` or \`cutover\` goes back`;
  }

  async #finish(request: CutoverRequest): Promise<string | null> {
    const { view, carriers, log } = this.#d;
    const { release } = request;
    const known = view.cutoverRun;
    if (known === null || !isGoneOver(known) || nextStage(known.stage, 'ended') === null) {
      return `there is nothing to finish: ${known === null ? 'no cutover' : `it is ${known.stage}`}`;
    }
    const run = standingRun(known);
    if (release) {
      const late = lateText(request);
      if (late !== null) return late;
      const cleanup = openCleanup(view);
      if (cleanup !== null) return `${cleanup.id} needs the fence: it deletes rows that have moved`;
      const running = carriers();
      if (running.length > 0) {
        return (
          `${running.join(', ')} would ${MIXED[run.way]}: stop all members but control, then ask ` +
          'again. One that is silent may wake up; if it is gone for good, control forgets it in an hour'
        );
      }
      const put = (): Promise<void> => this.#put(known);
      const left = await liftAll({ ...this.#undoing(run.way), put }, run);
      for (const text of left) log.warn(text);
      await this.#put({ ...this.#moved(run, 'ended'), why: left.join('\n') || null });
      return null;
    }
    await this.#put(this.#moved(run, 'ended'));
    return null;
  }

  /** Servers of both sides are known to each: none stays frozen for want of `cutover.back`. */
  #undoing(way: Way): UndoDeps {
    const { over, [way]: site } = this.#d.sites;
    return { site: site ?? over, log: this.#d.log, put: run => this.#put(run) };
  }

  async #undo(why: string): Promise<void> {
    const { view, log, note } = this.#d;
    const run = view.cutoverRun;
    if (run === null) return;
    note('undo');
    const left = await liftAll(this.#undoing(run.way), run);
    // Counted by this control's clock, from when the other one began.
    const stopMs = Math.max(0, Date.now() - run.stageMs);
    await this.#put({ ...this.#moved(run, 'lifted'), stopMs, why: undoneText(why, left, run.way) });
    log.warn({ cutover: run.id }, `the cutover is undone: ${why}`);
  }

  /** Runs the open command, and writes what came of it. */
  async #open(run: CutoverRun): Promise<CutoverRun> {
    const { note, log } = this.#d;
    const clock = new StepClock({ note });
    const { kind, text } = await this.#letIn(run, clock);
    failpoint(FAILPOINTS.cutoverAfterOpen);
    const isOpen = kind === 'done' || kind === 'none';
    const moved = this.#moved(run, isOpen ? 'opened' : 'notOpened');
    const next = {
      ...moved,
      steps: [...run.steps, ...clock.steps],
      stopMs: refusedMs(run),
      why: isOpen ? null : `the open command: ${kind}: ${text}`,
    };
    await this.#put(next);
    log.info({ cutover: run.id, stage: next.stage, outcome: kind }, 'the open command has ended');
    return next;
  }

  async #retried(run: CutoverRun): Promise<CutoverRun> {
    const next = { ...this.#moved(run, 'retried'), stopMs: refusedMs(run) };
    await this.#put(next);
    return next;
  }

  /** What a write stop took in one go is what the next forecast goes by. */
  async #learn(run: CutoverRun): Promise<void> {
    const { view, put } = this.#d;
    await put(stateKey.rehearsals, { rehearsals: withStop(view.rehearsals, run) });
  }

  /** Servers that the application comes back to take writes before it is let onto them. */
  async #letIn(run: CutoverRun, clock: StepClock): Promise<OpenOutcome> {
    const { log } = this.#d;
    if (run.thaws.length > 0) {
      try {
        const left = await clock.time('thaw', () => thaw(this.#undoing(run.way), run));
        if (left.length > 0) return { kind: 'failed', text: left.join('; ') };
      } catch (e) {
        if (e instanceof ReshardError && e.kind === 'fenced') throw e;
        log.error({ cutover: run.id }, `not writable yet: ${describeError(e)}`);
        return { kind: 'failed', text: `they take no writes yet: ${describeError(e)}` };
      }
    }
    return await clock.time('open', () => this.#site(run.way).open(run.id));
  }

  #moved(run: CutoverRun, event: CutoverEvent): CutoverRun {
    const stage = nextStage(run.stage, event);
    if (stage === null) throw new ReshardError('bug', `${event} of a cutover that is ${run.stage}`);
    return { ...run, stage, stageMs: Date.now() };
  }

  #put(cutoverRun: CutoverRun): Promise<void> {
    return this.#d.put(stateKey.cutoverRun, { cutoverRun });
  }

  async #answer({ id }: CutoverRequest, error: string | null): Promise<void> {
    const applied = { id, doneMs: error === null ? Date.now() : null, error };
    await this.#d.put(stateKey.applied(id), { applied });
    if (error !== null) this.#d.log.warn({ request: id }, `refused: ${error}`);
  }
}

/** For how long by now, whoever has died or failed since; by the clock of this control. */
function refusedMs({ stopMs, stageMs }: CutoverRun): number {
  return stopMs + Math.max(0, Date.now() - stageMs);
}

/** Of what must not begin when nobody waits for it any more. */
function lateText({ requestedMs }: CutoverRequest): string | null {
  const ageMs = Date.now() - requestedMs;
  if (Math.abs(ageMs) <= STALE_MS) return null;
  return `it was asked for ${Math.round(ageMs / 1000)} s ago: ask again (or set the clocks)`;
}

/** In the order in which they came. */
function openRequests({
  cutovers,
  applied,
}: Pick<JobView, 'cutovers' | 'applied'>): CutoverRequest[] {
  return [...cutovers.values()]
    .filter(r => !applied.has(r.id) && !isCleanup(r) && r.action !== 'handover')
    .sort((a, b) => a.requestedMs - b.requestedMs);
}

/** What to say of it; null: the application may be on the targets. */
function outcomeOf(run: CutoverRun): string | null {
  switch (run.stage) {
    case 'switched':
    case 'finished':
      return null;
    case 'undone':
      return `it was undone; ${run.why}`;
    case 'unopened':
      return `the journal is written, and the application is not let in: ${run.why}`;
    case 'freezing':
    case 'opening':
      throw new ReshardError('bug', `an outcome of a cutover that is ${run.stage}`);
    default:
      return unreachable(run.stage);
  }
}

/**
 * Of all that a cutover goes by; without the password, since the text is in the state topic.
 */
export function settingsHash({
  cutover,
  options,
  handover,
}: Pick<Job, 'cutover' | 'options' | 'handover'>): string {
  const { probe, ...rest } = cutover;
  const { streamingCheck } = options;
  const { password: _, ...replica } = handover ?? {};
  const of = { ...rest, probe: probe?.user ?? null, streamingCheck };
  const text = JSON.stringify(handover === undefined ? of : { ...of, replica });
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
