/** A cutover as text: gates, the worst first, then the steps with their budgets; its outcome. */
import {
  type CutoverRun,
  type CutoverStep,
  hasWayBack,
  mustBeFrozen,
  type Rehearsal,
} from '../../../shared/job/state/cutover.ts';
import { firstLine } from '../../../shared/runtime/error.ts';
import type { CutoverOutcome, CutoverPlan, CutoverProgress } from '../command/cutover.ts';
import { type Gate, shutGates } from '../cutover/gate.ts';
import { equalityText, NO_WAY_BACK, type PlannedStep, WAY_BACK } from '../cutover/step.ts';
import type { CutoverStatus } from '../status/cutover-status.ts';
import type { Status } from '../status/status.ts';
import type { WayBackStatus } from '../status/way-back.ts';

export function planText(job: string, plan: CutoverPlan): string {
  const { gates, canGo, steps, promisedStopSeconds: stop } = plan;
  const closed = gates.filter(g => g.state !== 'open');
  const head = canGo
    ? `${job} could go ${plan.way} now: all ${gates.length} gates are open`
    : `${job} CANNOT go ${plan.way} now: ${closed.length} of ${gates.length} gates are not open`;
  return [
    head,
    ...[...closed, ...gates.filter(g => g.state === 'open')].flatMap(gateLines),
    '',
    `then, in this order (writes are refused for ${Math.ceil(stop)} s at most, then it is undone):`,
    ...steps.map(stepLine),
    '',
    equalityText(plan),
    plan.hasWayBack ? WAY_BACK : NO_WAY_BACK,
  ].join('\n');
}

/** What a command that waits for gates waits for. */
export function waitLine({ gates }: Pick<CutoverPlan, 'gates'>): string {
  const texts = shutGates(gates).map(({ name, where, why }) => {
    const about = where === '' ? name : `${name} ${where}`;
    return `${about}: ${why}`;
  });
  return `waits for ${texts.join('; ')}`;
}

const STATE_WIDTH = 'unknown'.length;

function gateLines({ name, where, state, why, fix }: Gate): string[] {
  const about = where === '' ? name : `${name} ${where}`;
  const line = `  ${state.padEnd(STATE_WIDTH)}  ${about}: ${why}`;
  return fix === null || state === 'open' ? [line] : [line, `           fix: ${fix}`];
}

function stepLine({ step, what, budgetSeconds }: PlannedStep, i: number): string {
  const budget = budgetSeconds === null ? '' : ` (at most ${budgetSeconds} s)`;
  return `  ${String(i + 1).padStart(2)}. ${step}: ${what}${budget}`;
}

/** In the question that has to be answered with the job's name. */
export const NO_WAY_BACK_SHORT = 'There is no way back after the journal';

export function progressLine({ note }: CutoverProgress): string {
  return note === null ? 'waiting for control' : `at ${note}`;
}

/**
 * The run that an answer is about; null when nothing was touched. One with a journal is not undone
 * by a refusal: a second try to open it may have failed.
 */
export function concerned({ run, answer }: CutoverOutcome, id: string): CutoverRun | null {
  return run?.id === id || answer.error === null || mustBeFrozen(run) ? run : null;
}

/** `own`: the run that was asked for; null when nothing was touched. */
export function outcomeText({ answer }: CutoverOutcome, own: CutoverRun | null): string {
  if (own === null) return `nothing was touched: ${answer.error}`;
  const stop = `writes were refused for ${(own.stopMs / 1000).toFixed(2)} s`;
  const steps = own.steps.map(stepTime);
  if (answer.error !== null) return [answer.error, stop, ...steps].join('\n');
  const [here, there] = own.way === 'over' ? ['sources', 'targets'] : ['targets', 'sources'];
  const head = `the application is to be on the ${there} now`;
  const back = own.way === 'over' ? 'rollback' : 'cutover';
  const next = !hasWayBack(own)
    ? 'the sources stay frozen, and are watched; `reshard finish <job file>` ends the job'
    : `what it writes is carried to the ${here}, which take no other writes; ` +
      `\`reshard ${back} <job file>\` goes back, as long as \`reshard status <job file>\` is green`;
  return [head, stop, ...steps, next].join('\n');
}

const STEP_WIDTH = 'positions'.length;

function stepTime({ step, tookMs }: CutoverStep): string {
  return `  ${step.padEnd(STEP_WIDTH)} ${tookMs} ms`;
}

/** The newest cutover and the newest rehearsal, for the status. */
export function cutoverLines({
  cutover,
  wayBack,
  rehearsals,
}: Pick<Status, 'cutover' | 'wayBack' | 'rehearsals'>): string[] {
  const newest = rehearsals.at(-1);
  return [
    ...(cutover === null ? [] : [cutoverLine(cutover)]),
    ...(wayBack === null ? [] : [wayBackLine(wayBack)]),
    ...(newest === undefined ? [] : [`rehearsal ${rehearsals.length}: ${rehearsalLine(newest)}`]),
  ];
}

function wayBackLine({ carries, isTurning, lagSeconds, lagRecords, headline }: WayBackStatus) {
  const what = isTurning
    ? 'not open yet'
    : carries === 'over'
      ? 'ready: the log of the targets is followed'
      : `open, ${lagRecords ?? 'nobody knows how many'} records behind`;
  const lag =
    lagSeconds === null ? 'its log: not known' : `its log ${lagSeconds.toFixed(1)} s behind`;
  return `way back: ${what}; ${lag}; ${firstLine(headline?.text ?? 'it cannot be asked')}`;
}

function cutoverLine({ id, stage, sinceMs, stopMs, why, way }: CutoverStatus): string {
  const since = new Date(sinceMs).toISOString();
  const stop = stage === 'freezing' ? '' : `, writes refused for ${(stopMs / 1000).toFixed(2)} s`;
  const because = why === null ? '' : `: ${firstLine(why)}`;
  return `${way === 'over' ? 'cutover' : 'rollback'} ${id}: ${stage} since ${since}${stop}${because}`;
}

function rehearsalLine({ atMs, forecastMs }: Rehearsal): string {
  const at = new Date(atMs).toISOString();
  return `${at}: writes would be refused for about ${(forecastMs / 1000).toFixed(2)} s`;
}

/** A rehearsal and those before it; `stop`: longest write stop by the limits, in seconds. */
export function rehearsalText(list: readonly Rehearsal[], stop: number): string {
  const steps = (list.at(-1)?.steps ?? []).map(stepTime);
  const most = `by its limits a cutover refuses writes for ${Math.ceil(stop)} s at most, or is undone`;
  return [...steps, ...list.map(rehearsalLine), most, FORECAST].join('\n');
}

const FORECAST =
  'measured on the job as it runs; the lock of the freeze, the journal and the open command come ' +
  'on top. Nothing was frozen or changed';
