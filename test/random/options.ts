/** Options of the random rounds, and their help text. */
import { parseArgs } from 'node:util';
import { newSeed } from '../support/load/random.ts';
import type { Flavor } from '../support/servers/servers.ts';
import { asUsage, UsageError } from '../support/usage.ts';

export interface RandomOptions {
  seed: number;
  rounds: number;
  /** 0: as many rounds as are asked for. */
  minutes: number;
  tables: number;
  steps: number;
  kills: number;
  ddl: number;
  flavor: Flavor;
}

export const HELP = `npm run random -- [options]

Jobs over random tables (types, character sets, keys), random changes of their rows before, while
and after they are copied; at the end the server is the judge. A seed decides all of it.

  --seed N      seed of the first round, the next one has the next number; printed
  --rounds N    rounds, one after the other (5)
  --minutes N   rounds for so long, instead
  --tables N    tables of a round (8)
  --steps N     units of work of each of two sessions (150)
  --kills N     times that a member is killed, or sleeps, in a round (1)
  --ddl N       share of units of work that change a schema (0.04)
  --flavor F    mysql (default) or mariadb`;

const NUMBERS = {
  rounds: { normal: 5, least: 1 },
  minutes: { normal: 0, least: 0 },
  tables: { normal: 8, least: 1 },
  steps: { normal: 150, least: 0 },
  kills: { normal: 1, least: 0 },
  ddl: { normal: 0.04, least: 0 },
} as const;

/** Undefined when help is asked for. */
export function randomOptions(argv: readonly string[]): RandomOptions | undefined {
  const text = { type: 'string' } as const;
  const options = {
    ...{ seed: text, rounds: text, minutes: text, tables: text, steps: text, kills: text },
    ...{ ddl: text, flavor: text, help: { type: 'boolean', default: false } as const },
  };
  const { values } = asUsage(() => parseArgs({ args: [...argv], options }));
  if (values.help) return undefined;
  const number = (name: keyof typeof NUMBERS): number => {
    const { normal, least } = NUMBERS[name];
    const given = values[name];
    if (given === undefined) return normal;
    const n = Number(given);
    if (n >= least) return n;
    throw new UsageError(`--${name} ${given}: a number of at least ${least} is needed`);
  };
  const { flavor = 'mysql' } = values;
  if (flavor !== 'mysql' && flavor !== 'mariadb') {
    throw new UsageError(`--flavor ${flavor}: one of mysql, mariadb`);
  }
  return {
    seed: values.seed === undefined ? newSeed() : Number(values.seed) >>> 0,
    rounds: number('rounds'),
    minutes: number('minutes'),
    tables: number('tables'),
    steps: number('steps'),
    kills: number('kills'),
    ddl: number('ddl'),
    flavor,
  };
}
