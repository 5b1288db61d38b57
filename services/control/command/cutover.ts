/**
 * The use case cutover: what would be done now and whether it could begin; the request for it,
 * which control carries out; and how far it is. Nothing rests on the one who follows: when he is
 * gone, the cutover goes on to its end or is undone.
 */
import { returnJob } from '../../../shared/job/return-job.ts';
import type { Applied } from '../../../shared/job/state/answer.ts';
import type { CutoverAction, CutoverRun, Way } from '../../../shared/job/state/cutover.ts';
import { requestId } from '../../../shared/job/state/request-id.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { askGates } from '../cutover/ask.ts';
import { isCompared } from '../cutover/compare.ts';
import { settingsHash } from '../cutover/cutovers.ts';
import { type Gate, shutGates } from '../cutover/gate.ts';
import { type PlannedStep, plannedSteps, promisedStopSeconds } from '../cutover/step.ts';
import { type JobLink, openJob } from './job-handle.ts';
import { operator } from './operator.ts';

const POLL_MS = 50;
/** Between two looks at all gates, which asks every server. */
const LOOK_MS = 500;
/** Control judges once a second, reports are of the last second. */
const SETTLE_MS = 5000;

export interface CutoverPlan {
  gates: Gate[];
  /** Every gate is open. */
  canGo: boolean;
  steps: PlannedStep[];
  way: Way;
  /** What is written afterwards is carried the other way. */
  hasWayBack: boolean;
  /** Both logs are compared inside the write stop. */
  compares: boolean;
  /** Longest time for which writes are refused, if it goes through. */
  promisedStopSeconds: number;
}

/**
 * Asks the status and every server; changes nothing. `link.job.cutover` is that of the file. `back`
 * is the link to the way back of the job, if it has one.
 */
export async function planCutover(
  link: JobLink,
  back: JobLink | null,
  way: Way,
): Promise<CutoverPlan> {
  const leaving = way === 'back' && back !== null ? back : link;
  const opposite = leaving === link ? back : link;
  const { job, view } = leaving;
  const gates = await askGates({
    ...{ job, view, way, run: link.view.cutoverRun },
    status: () => leaving.status(),
    opposite: opposite && { ...opposite, status: () => opposite.status() },
  });
  const run = link.view.cutoverRun;
  const besides = { turns: opposite !== null, compares: isCompared(link.job, run, way) };
  return {
    gates,
    canGo: shutGates(gates).length === 0,
    way,
    hasWayBack: besides.turns,
    compares: besides.compares,
    steps: plannedSteps(job, besides),
    promisedStopSeconds: promisedStopSeconds(job, besides),
  };
}

/**
 * Asks the gates until all are open, or one is shut that does not open by itself: the last plan.
 * What opens others may shut it for a moment (a check is over, its verdict is not judged yet), so
 * that one is looked at for a while once something else was waited for.
 */
export async function* waitForGates(
  plan: () => Promise<CutoverPlan>,
  settleMs = SETTLE_MS,
): AsyncGenerator<CutoverPlan, CutoverPlan> {
  let passedAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    const now = await plan();
    const passes = shutGates(now.gates).every(g => g.passes);
    if (passes) passedAt = performance.now();
    if (now.canGo || performance.now() - passedAt > settleMs) return now;
    yield now;
    await sleep(LOOK_MS);
  }
}

/** The link to the way back; null if the job file has none. */
export async function openWayBack({ job, view }: JobLink): Promise<JobLink | null> {
  const back = returnJob(job);
  return back === null ? null : await openJob(back, 'way-back', view);
}

/** Asks control; answers the request's id. */
export async function requestCutover(
  { requests, job }: Pick<JobLink, 'requests' | 'job'>,
  action: CutoverAction,
  release = false,
): Promise<string> {
  const id = requestId('cutover');
  const settings = settingsHash(job);
  const asked = { id, requestedMs: Date.now(), by: operator() };
  await requests.cutover({ ...asked, action, settings, release });
  return id;
}

export interface CutoverProgress {
  /** The newest cutover; null if there has been none. */
  run: CutoverRun | null;
  /** What control says that it is at; null: nothing. */
  note: string | null;
}

export interface CutoverOutcome extends CutoverProgress {
  answer: Applied;
}

/** Follows a request to control's answer. */
export async function* followCutover(
  { view, reports }: Pick<JobLink, 'view' | 'reports'>,
  id: string,
): AsyncGenerator<CutoverProgress, CutoverOutcome> {
  for (;;) {
    const detail = reports.get('control/job')?.detail ?? '{}';
    const { cutover: note = null }: { cutover?: string | null } = JSON.parse(detail);
    const answer = view.applied.get(id);
    const run = view.cutoverRun;
    if (answer?.doneMs || answer?.error) return { run, note: null, answer };
    yield { run, note };
    await sleep(POLL_MS);
  }
}
