/**
 * A write stop beside its forecast, and the bar for that. An open command that has never run is in
 * neither: the rehearsal says that it comes on top.
 */
import type { CutoverRun } from '../../shared/job/state/cutover.ts';
import type { StepForecast } from '../../shared/job/state/rehearsal.ts';

export interface Pair {
  forecastMs: number;
  measuredMs: number;
  /** Steps that were forecast. */
  named: string[];
  /** By step, what was forecast and what it took. */
  steps: string[];
}

const SHARE = 0.3;
/** Steps take tens of milliseconds; a few of them that wait for one of two cores are this. */
const FLOOR_MS = 150;

/** Null: nothing was forecast. */
export function pairOf(
  { steps, stopMs }: CutoverRun,
  forecast: readonly StepForecast[],
): Pair | null {
  if (forecast.length === 0) return null;
  const isUnknown = (step: string): boolean =>
    step === 'open' && forecast.some(f => f.step === step && f.basis === 'stand-in');
  const unknownMs = steps.filter(s => isUnknown(s.step)).reduce((sum, s) => sum + s.tookMs, 0);
  const known = forecast.filter(f => !isUnknown(f.step));
  return {
    forecastMs: known.reduce((sum, f) => sum + f.ms, 0),
    measuredMs: stopMs - unknownMs,
    named: forecast.map(f => f.step),
    steps: forecast.map(f => {
      const took = steps.filter(s => s.step === f.step).map(s => s.tookMs);
      return `${f.step} ${f.ms}/${took.join('+') || '-'}`;
    }),
  };
}

export function isWithinBar({ forecastMs, measuredMs }: Pair): boolean {
  return Math.abs(measuredMs - forecastMs) <= Math.max(FLOOR_MS, SHARE * measuredMs);
}

export function pairText(pair: Pair): string {
  const { forecastMs, measuredMs, steps } = pair;
  const within = isWithinBar(pair) ? 'within the bar' : 'OUTSIDE the bar';
  return `forecast ${forecastMs} ms, measured ${measuredMs} ms: ${within} (${steps.join(', ')})`;
}
