/** Options of `npm run cutover`, and their help text. */
import { parseArgs } from 'node:util';
import { newSeed } from '../support/load/random.ts';
import { asUsage, UsageError } from '../support/usage.ts';
import { KINDS, type Kind } from './kill.ts';

export interface Layout {
  sources: number;
  targets: number;
}

export interface CutoverOptions {
  layouts: Layout[];
  clients: number;
  perSecond: number;
  /** Ways over and back again, before the last one over. */
  laps: number;
  /** Tables besides, and their rows together. */
  shelves: { tables: number; rows: number };
  kills: Kind[];
  steps: string[];
  seed: number;
  /** How many of the kills are tried. */
  cells: number;
}

export const HELP = `npm run cutover -- [options]

A simulated application on its way over, back, over again, and to the end, on many connections;
then the same with something killed at each step, each way. Both sides are compared with what the
application remembers, and with each other.

  --layouts L    numbers of servers, from-to (1-2,2-3,2-2,3-1); none: no journeys
  --clients N    connections, a multiple of 6 (1002)
  --rate N       writes a second of all of them (300)
  --laps N       ways over and back before the last one over; a rehearsal before each over (1)
  --tables N     so many tables, of which two are the ledger's; a write changes three rows then (2)
  --rows N       in the others together; both sides are compared at the end alone (0)
  --kills K      what is killed: ${KINDS.join(', ')}; all; none (none)
  --steps S      steps at which it is killed, a part of their names (all)
  --cells N      so many of these kills (all)
  --seed N       their order, and so which; printed`;

const SERVERS_MAX = 3;

/** Undefined when help is asked for. */
export function cutoverOptions(argv: readonly string[]): CutoverOptions | undefined {
  const text = { type: 'string' } as const;
  const options = {
    ...{ layouts: text, clients: text, rate: text, laps: text },
    ...{ tables: text, rows: text },
    ...{ kills: text, steps: text, seed: text, cells: text },
    help: { type: 'boolean', default: false } as const,
  };
  const { values } = asUsage(() => parseArgs({ args: [...argv], options }));
  if (values.help) return undefined;
  const { layouts = '1-2,2-3,2-2,3-1', clients = '1002', rate = '300' } = values;
  const { kills = 'none', steps = '', seed = `${newSeed()}`, cells = 'Infinity' } = values;
  const [n, perSecond] = [Number(clients), Number(rate)];
  if (!(n >= 6) || n % 6 !== 0) throw new UsageError(`--clients ${clients}: a multiple of 6`);
  if (!(perSecond > 0)) throw new UsageError(`--rate ${rate}: a number above 0 is needed`);
  const laps = Number(values.laps ?? '1');
  if (!(laps >= 0)) throw new UsageError(`--laps ${values.laps}: a number from 0 on is needed`);
  const shelves = { tables: Number(values.tables ?? '2') - 2, rows: Number(values.rows ?? '0') };
  if (!(shelves.tables >= 0 && shelves.rows >= 0)) {
    throw new UsageError('--tables: a number from 2 on; --rows: one from 0 on');
  }
  return {
    laps,
    shelves,
    layouts: layouts === 'none' ? [] : layouts.split(',').map(layoutOf),
    clients: n,
    perSecond,
    kills: kills === 'all' ? [...KINDS] : kills === 'none' ? [] : kills.split(',').map(kindOf),
    steps: steps === '' ? [] : steps.split(','),
    seed: Number(seed) >>> 0,
    cells: Number(cells),
  };
}

function layoutOf(text: string): Layout {
  const [sources = 0, targets = 0] = text.split('-').map(Number);
  const is = (n: number): boolean => n >= 1 && n <= SERVERS_MAX;
  if (is(sources) && is(targets)) return { sources, targets };
  throw new UsageError(`--layouts ${text}: two numbers from 1 to ${SERVERS_MAX}, as 2-3`);
}

function kindOf(text: string): Kind {
  const kind = KINDS.find(k => k === text);
  if (kind !== undefined) return kind;
  throw new UsageError(`--kills ${text}: one of ${KINDS.join(', ')}`);
}
