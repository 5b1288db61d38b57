/**
 * What a write stop is made of, in the record `rehearsals` of control: what rehearsals forecast, and
 * what write stops have taken since, step by step. A later forecast learns from those.
 */
import type { CutoverRun, CutoverStep, Way } from './cutover.ts';

/**
 * What the time of a step rests on: `measured` by doing it, `corrected` by what it took in the last
 * write stops of this job, beside what had been measured before; `last-stops` alone, or a `stand-in`,
 * which does something like it.
 */
export type ForecastBasis = 'measured' | 'corrected' | 'last-stops' | 'stand-in';

export interface StepForecast {
  step: string;
  ms: number;
  /** What it took in the rehearsal; 0: it was not done. */
  doneMs: number;
  /** A ForecastBasis; of a later version perhaps another. */
  basis: string;
}

/** What the steps of a cutover took when nothing was changed. */
export interface Rehearsal {
  id: string;
  by: string;
  atMs: number;
  /** Of a step that was done several times the quickest. */
  steps: CutoverStep[];
  /** How long a write stop would be: the sum of `forecast`. */
  forecastMs: number;
  /** The same with each step at the slowest that it was; 0: of an older version. */
  slowestMs: number;
  /** Steps inside the write stop; empty in a record of an older version. */
  forecast: StepForecast[];
}

/** A write stop as it was, beside what was forecast. */
export interface MeasuredStop {
  /** Of the cutover or rollback. */
  id: string;
  /** A Way. */
  way: string;
  atMs: number;
  stopMs: number;
  steps: CutoverStep[];
  /** Of the newest rehearsal since the stop before; empty: there was none. */
  forecast: StepForecast[];
}

/** Oldest first. */
export interface Rehearsals {
  list: Rehearsal[];
  stops: MeasuredStop[];
}

const KEPT = 10;

export function withRehearsal(known: Rehearsals | null, made: Rehearsal): Rehearsals {
  const { list = [], stops = [] } = known ?? {};
  return { list: [...list.filter(r => r.id !== made.id), made].slice(-KEPT), stops };
}

/** `run`: the application has been let in. */
export function withStop(known: Rehearsals | null, run: CutoverRun): Rehearsals {
  const { list = [], stops = [] } = known ?? {};
  const { id, way, steps, stopMs, startedMs: atMs } = run;
  const others = stops.filter(s => s.id !== id);
  const sinceMs = others.at(-1)?.atMs ?? 0;
  const rehearsed = list.findLast(r => r.atMs > sinceMs && r.atMs <= atMs);
  const forecast = way === REHEARSED ? (rehearsed?.forecast ?? []) : [];
  return { list, stops: [...others, { id, way, atMs, stopMs, steps, forecast }].slice(-KEPT) };
}

/** There is no rehearsal of a rollback. */
const REHEARSED: Way = 'over';

/** In ms; null: nothing was forecast. */
export function forecastMsOf({ forecast }: Pick<MeasuredStop, 'forecast'>): number | null {
  return forecast.length === 0 ? null : forecast.reduce((sum, f) => sum + f.ms, 0);
}
