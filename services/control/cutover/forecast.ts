/**
 * The forecast of a write stop, step by step. What changes nothing a rehearsal does, several times
 * over. The quickest time is what counts: the rehearsal shares servers and cores with the writes,
 * and once those have stopped there is nothing else to do. What that leaves out, either way, the
 * last write stops of the job tell, beside what had been measured before them.
 *
 * What changes something (freeze, persist, thaw, the open command) takes what it took in those;
 * before there is one, something like it stands in, and is named so. An open command that can be
 * rehearsed is measured like a step that changes nothing.
 */
import type { CutoverStep, Way } from '../../../shared/job/state/cutover.ts';
import type {
  ForecastBasis,
  MeasuredStop,
  StepForecast,
} from '../../../shared/job/state/rehearsal.ts';
import type { StepName } from './step.ts';

/** So many write stops are learnt from. */
const LEARNT = 3;

/** Inside a write stop, in their order. */
const INSIDE = [
  ...['freeze', 'probe', 'positions', 'drain', 'persist', 'targets', 'turn', 'compare', 'ids'],
  ...['fence', 'journal', 'thaw', 'open'],
] as StepName[];

/** Steps that change something: a rehearsal leaves them out. */
const CHANGES: ReadonlySet<StepName> = new Set(['freeze', 'persist', 'thaw', 'open']);

/** What is done instead: a question to each source, and for the open command a shell (`open`). */
const STANDS_IN: Partial<Record<StepName, StepName>> = {
  freeze: 'positions',
  persist: 'positions',
  thaw: 'positions',
};

export interface ForecastBy {
  /** By round, what its steps took. */
  rounds: readonly (readonly CutoverStep[])[];
  /** Oldest first. */
  stops: readonly MeasuredStop[];
  way: Way;
  /** Servers are to take writes again before the application is let in. */
  thaws: boolean;
  /** Rounds have a rehearsal of the open command, no stand-in. */
  opens: boolean;
}

export interface Forecast {
  /** Of each its quickest. */
  steps: CutoverStep[];
  forecast: StepForecast[];
  forecastMs: number;
  slowestMs: number;
}

export function forecastStop({ rounds, stops, way, thaws, opens }: ForecastBy): Forecast {
  const last = (step: StepName): MeasuredStop[] => lastStops(stops, way, step);
  const forecast: StepForecast[] = [];
  let slowestMs = 0;
  for (const step of INSIDE) {
    if (step === 'thaw' && !thaws) continue;
    const isLeftOut = CHANGES.has(step) && !(step === 'open' && opens);
    const known = isLeftOut
      ? ofChange(step, rounds, last(step))
      : ofQuestion(step, rounds, last(step));
    if (known === null) continue;
    forecast.push(known);
    slowestMs += Math.max(known.ms, ...timesOf(rounds, step));
  }
  const [first = []] = rounds;
  const steps = first.map(s => ({ ...s, tookMs: Math.min(...timesOf(rounds, s.step)) }));
  return { steps, forecast, forecastMs: sum(forecast.map(f => f.ms)), slowestMs };
}

type Rounds = ForecastBy['rounds'];

function forecastOf(step: StepName, ms: number, basis: ForecastBasis, doneMs = 0): StepForecast {
  return { step, ms, doneMs, basis };
}

/** What the rehearsal does; null: this job has no such step. */
function ofQuestion(
  step: StepName,
  rounds: Rounds,
  last: readonly MeasuredStop[],
): StepForecast | null {
  const times = timesOf(rounds, step);
  if (times.length === 0) return null;
  const doneMs = Math.min(...times);
  const done = (s: MeasuredStop): number => s.forecast.find(f => f.step === step)?.doneMs ?? 0;
  const rehearsed = last.filter(s => done(s) > 0);
  if (rehearsed.length === 0) {
    return forecastOf(step, doneMs, 'measured', doneMs);
  }
  const took = sum(rehearsed.flatMap(s => timesOf([s.steps], step)));
  const ms = Math.round((doneMs * took) / sum(rehearsed.map(done)));
  return forecastOf(step, ms, 'corrected', doneMs);
}

/** What the rehearsal leaves out. */
function ofChange(
  step: StepName,
  rounds: Rounds,
  last: readonly MeasuredStop[],
): StepForecast | null {
  const took = timesOf(
    last.map(s => s.steps),
    step,
  );
  if (took.length > 0) {
    return forecastOf(step, median(took), 'last-stops');
  }
  const instead = timesOf(rounds, STANDS_IN[step] ?? step);
  if (instead.length === 0) return null;
  return forecastOf(step, Math.min(...instead), 'stand-in');
}

/** Of the same way, whose servers are the same; of the other one where there is none. */
function lastStops(stops: readonly MeasuredStop[], way: Way, step: string): MeasuredStop[] {
  const having = stops.filter(s => s.steps.some(done => done.step === step));
  const same = having.filter(s => s.way === way);
  return (same.length > 0 ? same : having).slice(-LEARNT);
}

function timesOf(rounds: readonly (readonly CutoverStep[])[], step: string): number[] {
  return rounds.flatMap(steps => steps.filter(s => s.step === step).map(s => s.tookMs));
}

function sum(list: readonly number[]): number {
  return list.reduce((a, b) => a + b, 0);
}

/** The lower one of the two in the middle. */
function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)] ?? 0;
}
