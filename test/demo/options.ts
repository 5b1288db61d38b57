/** Options of the demo, and its help text. */
import { parseArgs } from 'node:util';
import { newSeed } from '../support/load/random.ts';
import { asUsage, UsageError } from '../support/usage.ts';

export type DemoOptions = {
  rows: number;
  seconds: number;
  sources: number;
  targets: number;
  connections: number;
  rate: number;
  seed: number;
  keep: boolean;
  /** Over to the targets and back, instead. */
  cutover: boolean;
  json: boolean;
};

export const HELP = `npm run demo -- [options]

Reshards a live shop database (customers, orders, order_items) from one source to two targets
while a random load runs on it, then proves that nothing was lost.

  --rows N         orders in all sources together (200000); items and customers come on top
  --seconds N      load goes on so long after the copy is complete (5)
  --sources N      source servers (1); each has customer and order ids of its own
  --targets N      target servers (2)
  --connections N  connections of the load to each source (50)
  --rate N         pieces of work a second of the load on each source (300); 0 is flat out
  --seed N         seed of data and load; printed, so that a run can be repeated
  --keep           leave everything running afterwards, and say what to look at
  --cutover        instead: an application goes over to the targets and back, and measures the stops
  --json           the summary as JSON on standard output, all else on standard error`;

const NUMBERS = {
  rows: { normal: 200_000, least: 1 },
  seconds: { normal: 5, least: 0 },
  sources: { normal: 1, least: 1 },
  targets: { normal: 2, least: 1 },
  connections: { normal: 50, least: 1 },
  rate: { normal: 300, least: 0 },
} as const;

/** Undefined when help is asked for. */
export function demoOptions(argv: readonly string[]): DemoOptions | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = asUsage(() =>
    parseArgs({
      args: [...argv],
      options: {
        rows: text,
        seconds: text,
        sources: text,
        targets: text,
        connections: text,
        rate: text,
        seed: text,
        keep: flag,
        cutover: flag,
        json: flag,
        help: flag,
      },
    }),
  );
  if (values.help) return undefined;
  const number = (name: keyof typeof NUMBERS): number => {
    const { normal, least } = NUMBERS[name];
    const given = values[name];
    if (given === undefined) return normal;
    const n = Number(given);
    if (Number.isInteger(n) && n >= least) return n;
    throw new UsageError(`--${name} ${given}: a whole number of at least ${least} is needed`);
  };
  return {
    rows: number('rows'),
    seconds: number('seconds'),
    sources: number('sources'),
    targets: number('targets'),
    connections: number('connections'),
    rate: number('rate'),
    seed: values.seed === undefined ? newSeed() : Number(values.seed) >>> 0,
    keep: values.keep,
    cutover: values.cutover,
    json: values.json,
  };
}

export function ordersPerSource({ rows, sources }: DemoOptions): number {
  return Math.ceil(rows / sources);
}
