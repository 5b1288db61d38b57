/** Guards of the streaming check as a gate of a cutover. */
import type { Guard } from './guard.ts';

const GATE = 'services/control/cutover/stream-gate.ts';
const GATE_TEST = 'services/control/cutover/stream-gate.test.ts';

export const COMPARISON_GUARDS: Guard[] = [
  {
    name: 'both logs are a gate by what they say of now',
    why: 'the job goes over by what a checker has said before it died',
    file: GATE,
    find: 'if (ageMs <= most * 1000) return',
    replace: 'if (ageMs <= most * 1000 || equalMs > 0) return',
    tests: [GATE_TEST],
    named: 'long ago',
  },
  {
    name: 'a doubt that was not cleared up shuts the gate',
    why: 'the job goes over with a target that somebody writes to, since the rows are equal again',
    file: GATE,
    find: "d.base === (proof?.check ?? '')",
    replace: "d.base === ''",
    tests: [GATE_TEST],
    named: 'a doubt shuts it',
  },
  {
    name: 'a foreign write shuts the gate',
    why: 'the application goes over to a target that somebody else still writes to',
    file: GATE,
    find: 'f.atMs >= (proof?.startedMs ?? 0)',
    replace: 'f.atMs < 0',
    tests: [GATE_TEST],
    named: 'a write of somebody else',
  },
];
