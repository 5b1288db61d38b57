/** Guards of the forecast of a write stop, and of its budgets when a broker dies. */
import type { Guard } from './guard.ts';

const STEPS = ['services/control/cutover/cutovers.test.ts'];
const FORECAST = ['services/control/cutover/forecast.test.ts'];

export const FORECAST_GUARDS: Guard[] = [
  {
    name: 'a write stop lasts until the application is let in, whoever tries',
    why: 'writes were refused for hours between two tries, and seconds are told',
    file: 'services/control/cutover/cutovers.ts',
    find: "const next = { ...this.#moved(run, 'retried'), stopMs: refusedMs(run) };",
    replace: "const next = this.#moved(run, 'retried');",
    tests: ['services/control/cutover/refused-time.test.ts'],
    named: 'a second try of the open command',
  },
  {
    name: 'a write stop lasts until the application is let in, whoever dies',
    why: 'writes were refused until the next control came, and what both did is told',
    file: 'services/control/cutover/cutovers.ts',
    find: 'return stopMs + Math.max(0, Date.now() - stageMs);',
    replace: 'return stopMs + 0 * stageMs;',
    tests: ['services/control/cutover/refused-time.test.ts'],
    named: 'dies behind the journal',
  },
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
    name: 'an open command that cannot be rehearsed fails the rehearsal',
    why: 'the command has no right to the proxy, and that is seen inside the write stop',
    file: 'services/control/cutover/rehearse.ts',
    find: "if (kind !== 'failed' && kind !== 'unknown') return;",
    replace: "if (kind !== 'none') return;",
    tests: STEPS,
    named: 'one that is not whole is not kept',
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
