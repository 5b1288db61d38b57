/** Guards of the forecast of a write stop, and of its budgets when a broker dies. */
import type { Guard } from './guard.ts';

const STEPS = ['services/control/cutover/cutovers.test.ts'];
const FORECAST = ['services/control/cutover/forecast.test.ts'];

export const FORECAST_GUARDS: Guard[] = [
  {
    name: 'the journal is part of the write stop',
    why: 'writes are refused for longer than the operator is told',
    file: 'services/control/cutover/attempt.ts',
    find: 'steps: [...steps, journal]',
    replace: 'steps',
    tests: STEPS,
    named: 'a write stop is kept beside what was forecast',
  },
  {
    name: 'a forecast learns what the open command takes',
    why: 'the step that may be the longest is forecast as a shell that does nothing, for ever',
    file: 'services/control/cutover/forecast.ts',
    find: 'if (took.length > 0) {',
    replace: 'if (took.length > 99) {',
    tests: FORECAST,
    named: 'what changes something takes what it took',
  },
  {
    name: 'a forecast is corrected by the last write stops',
    why: 'what writes cost a rehearsal is forecast for a write stop, which has none',
    file: 'services/control/cutover/forecast.ts',
    find: 'if (rehearsed.length === 0) {',
    replace: 'if (rehearsed.length < 99) {',
    tests: FORECAST,
    named: 'what is measured is corrected',
  },
  {
    name: 'a question that hangs is given up with the budget',
    why: 'a broker that has died keeps the write stop on for as long as its client likes',
    file: 'services/control/cutover/drain.ts',
    find: '      if (performance.now() > end) throw late();\n',
    replace: '',
    tests: STEPS,
    named: 'a log that gives no answer',
  },
];
