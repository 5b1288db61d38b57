/**
 * The headline of a job: the worst thing that is true of it, as one total function of the facts.
 * A reader who sees nothing else may rely on it: it is green only when every table is copied, all
 * sides answer, and every unit is at work. The obvious headline, the phase and a flag beside it,
 * said `drained` over halted units and tables that nobody had copied.
 */

import { unreachable } from '../../../shared/runtime/error.ts';
import { levelOf, type Problem, problemsOf, problemText } from './problem.ts';
import type { CalmWord, Headline, ServiceStatus, StatusFacts } from './status.ts';

/** A log that is further behind does not flow. */
const FLOW_LAG_SECONDS = 10;

/** Services that carry rows to the targets, once they are copied. */
const CARRIERS = ['binlog', 'sink'];

export function headlineOf(s: StatusFacts): Headline {
  const problems = problemsOf(s);
  const [worst] = problems;
  if (worst === undefined) return calm(calmWord(s), s);
  const [first = ''] = problemText(worst).split('\n');
  const others = othersText(problems);
  return { word: worst.word, level: levelOf(worst.word), text: first + others };
}

/**
 * What a script needs to know of a job at night. `well`: it is at work, or stands still because
 * somebody has asked for that, now or by a limit. `waiting`: not at work yet; passes by itself within a minute, or never
 * (a server that does not come, a control that nobody has started), so it is no success. `wrong`:
 * something that was at work is not any more.
 */
export type Standing = 'well' | 'waiting' | 'wrong';

export function standingOf({ word, level }: Pick<Headline, 'word' | 'level'>): Standing {
  if (level === 'good' || level === 'normal') return 'well';
  if (word === 'paused' || word === 'throttled') return 'well';
  return word === 'starting' || word === 'waiting' ? 'waiting' : 'wrong';
}

/** See Status.drained. */
export function isDrained(s: StatusFacts): boolean {
  const carriers = s.services.filter(u => CARRIERS.includes(u.service));
  return (
    isCopied(s) &&
    isComplete(s.sources, x => x.caughtUp && x.unknown === null) &&
    isComplete(s.targets, t => t.reachable && t.lagRecords === 0 && t.parked + t.blocked === 0) &&
    s.topics.length === 0 &&
    CARRIERS.every(name => carriers.some(u => u.service === name)) &&
    carriers.every(isAtWork)
  );
}

function isCopied(s: StatusFacts): boolean {
  return isComplete(s.tables, t => t.complete);
}

function isAtWork({ state, error }: ServiceStatus): boolean {
  return state === 'running' && error === null;
}

function isComplete<T>(list: readonly T[], is: (item: T) => boolean): boolean {
  return list.length > 0 && list.every(is);
}

function calmWord(s: StatusFacts): CalmWord {
  if (!isCopied(s) || s.phase === 'copying') return 'copying';
  if (s.phase === 'switched' || isFinished(s)) return 'switched';
  if (isDrained(s)) return s.phase === 'verified' ? 'verified' : 'drained';
  return s.sources.every(x => (x.lagSeconds ?? Infinity) < FLOW_LAG_SECONDS) ? 'flowing' : 'behind';
}

function calm(word: CalmWord, s: StatusFacts): Headline {
  switch (word) {
    case 'copying': {
      const done = s.tables.filter(t => t.complete).length;
      const slow = s.throttle.brakes.some(b => b.copy === 'slowed') ? ', slowed by a limit' : '';
      const text = `copying${slow}: ${done} of ${s.tables.length} tables done`;
      return { word, level: 'normal', text };
    }
    case 'behind': {
      const lag = Math.max(...s.sources.map(x => x.lagSeconds ?? 0));
      return { word, level: 'normal', text: `behind: the log lags by ${Math.round(lag)} s` };
    }
    case 'flowing':
      return { word, level: 'good', text: 'flowing' };
    case 'drained':
      return { word, level: 'good', text: 'drained' };
    case 'verified':
      return { word, level: 'good', text: 'verified, drained' };
    case 'switched': {
      if (s.handover?.stage === 'finished') {
        return { word, level: 'good', text: 'finished: the target is a replica of the source' };
      }
      if (isFinished(s) && s.cutover?.way === 'back') {
        const text = 'finished: the application stays on the sources, nothing is carried';
        return { word, level: 'good', text };
      }
      const rest = isFinished(s)
        ? ', and it is finished'
        : `, the sources are frozen${wayBackText(s)}`;
      return { word, level: 'good', text: `the application has gone over${rest}` };
    }
    default:
      return unreachable(word);
  }
}

/** The word of the operator is in the record of the cutover before the phase follows it. */
function isFinished({ phase, cutover }: StatusFacts): boolean {
  return phase === 'finished' || cutover?.stage === 'finished';
}

function wayBackText({ wayBack }: StatusFacts): string {
  if (wayBack?.carries !== 'back') return '';
  const { lagSeconds, lagRecords } = wayBack;
  const lag = `${(lagSeconds ?? 0).toFixed(0)} s and ${lagRecords ?? 0} records behind`;
  return ` but for the way back, which is open, ${lag}`;
}

/** What else there is, counted by word. */
function othersText(problems: readonly Problem[]): string {
  const counts = new Map<string, number>();
  for (const { word } of problems.slice(1)) counts.set(word, (counts.get(word) ?? 0) + 1);
  if (counts.size === 0) return '';
  return ` (and ${[...counts].map(([word, n]) => `${n} ${word}`).join(', ')})`;
}
