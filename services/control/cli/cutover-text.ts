/** A cutover as text: gates, the worst first, then the steps with their budgets; its outcome. */
import {
  type CutoverRun,
  type CutoverStep,
  hasWayBack,
  mustBeFrozen,
} from '../../../shared/job/state/cutover.ts';
import {
  forecastMsOf,
  type MeasuredStop,
  type Rehearsal,
  type Rehearsals,
  type StepForecast,
} from '../../../shared/job/state/rehearsal.ts';
import { firstLine } from '../../../shared/runtime/error.ts';
import type { CutoverOutcome, CutoverPlan, CutoverProgress } from '../command/cutover.ts';
import { type Gate, shutGates } from '../cutover/gate.ts';
import { equalityText, NO_WAY_BACK, type PlannedStep, WAY_BACK } from '../cutover/step.ts';
import type { CutoverStatus } from '../status/cutover-status.ts';
import type { Status, WayBackStatus } from '../status/status.ts';

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

export function gateLines({ name, where, state, why, fix }: Gate): string[] {
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
 * The run that an answer is about; null when nothing was touched. One with a journal that is not
 * open yet is not undone by a refusal: a second try to open it may have failed. One that has gone
 * through is past: what is refused after it has touched nothing.
 */
export function concerned({ run, answer }: CutoverOutcome, id: string): CutoverRun | null {
  const mayBeOpening = mustBeFrozen(run) && run?.stage !== 'switched';
  return run?.id === id || answer.error === null || mayBeOpening ? run : null;
}

/**
 * `own`: the run that was asked for; null when nothing was touched. `measured`: beside what was
 * forecast; null: it did not go through in one go.
 */
export function outcomeText(
  { answer }: CutoverOutcome,
  own: CutoverRun | null,
  measured: MeasuredStop | null,
): string {
  if (own === null) return `nothing was touched: ${answer.error}`;
  const { forecast } = measured ?? { forecast: [] };
  const stop = `writes were refused for ${seconds(own.stopMs)}${besideText({ forecast })}`;
  const steps = own.steps.map(s => stepTime(s, forecast));
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

function stepTime({ step, tookMs }: CutoverStep, forecast: readonly StepForecast[]): string {
  const known = forecast.find(f => f.step === step);
  const beside = known === undefined ? '' : ` (forecast ${known.ms} ms, ${basisText(known.basis)})`;
  return `  ${step.padEnd(STEP_WIDTH)} ${tookMs} ms${beside}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

function besideText(stop: Pick<MeasuredStop, 'forecast'>): string {
  const ms = forecastMsOf(stop);
  return ms === null ? '' : `; ${seconds(ms)} were forecast`;
}

function basisText(basis: string): string {
  if (basis === 'last-stops') return 'as in the last write stops';
  if (basis === 'corrected') return 'measured, corrected by the last write stops';
  return basis === 'stand-in' ? 'of a stand-in' : basis;
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

function rehearsalLine({ atMs, forecastMs, slowestMs, forecast }: Rehearsal): string {
  const at = new Date(atMs).toISOString();
  const slowest = slowestMs === 0 ? '' : `, ${seconds(slowestMs)} with each step at its slowest`;
  const isUnknown = forecast.some(f => f.step === 'open' && f.basis === 'stand-in');
  const open = isUnknown ? ', and what the open command takes on top' : '';
  return `${at}: writes would be refused for about ${seconds(forecastMs)}${slowest}${open}`;
}

/** A rehearsal and those before it; `stop`: longest write stop by the limits, in seconds. */
export function rehearsalText({ list, stops }: Rehearsals, stop: number): string {
  const forecast = (list.at(-1)?.forecast ?? []).map(
    f => `  ${f.step.padEnd(STEP_WIDTH)} ${f.ms} ms, ${basisText(f.basis)}`,
  );
  const most = `by its limits a cutover refuses writes for ${Math.ceil(stop)} s at most, or is undone`;
  const beside = stops.map(stopLine);
  return [...forecast, ...list.map(rehearsalLine), ...beside, most, FORECAST].join('\n');
}

function stopLine({ way, atMs, stopMs, forecast }: MeasuredStop): string {
  const what = way === 'over' ? 'cutover' : 'rollback';
  const beside = besideText({ forecast });
  return `${new Date(atMs).toISOString()}: ${what}, writes were refused for ${seconds(stopMs)}${beside}`;
}

const FORECAST =
  'measured is the quickest of several rounds on the job as it runs. Before the first write stop of a ' +
  'job a stand-in is a question to each source (freeze, persist), or a shell that does nothing: ' +
  'locks that others hold and what the open command does come on top. Nothing was frozen or changed';
