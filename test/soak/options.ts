/** Options of the soak, and its help text. */
import { parseArgs } from 'node:util';
import { newSeed } from '../support/load/random.ts';
import { asUsage, UsageError } from '../support/usage.ts';
import type { Service } from './crew.ts';
import { FAULTS, type Fault } from './fault.ts';
import type { Mode } from './round.ts';
import type { NetworkKind } from './site.ts';

export interface SoakOptions {
  modes: Mode[];
  /** For each mode. */
  minutes: number;
  rounds: number;
  connections: number;
  rate: number;
  rows: number;
  kafkaNodes: number;
  sizes: Record<Service, number>;
  faults: Fault[];
  /** Undefined: namespaces if they can be made. */
  network: NetworkKind | undefined;
  seed: number;
  keep: boolean;
}

export const HELP = `npm run soak -- [options]

One source, two targets, a random load from many connections, a fault every few seconds; at the end
source and targets are compared by judges that know nothing of one another.

  --minutes N      length of the storm, for each mode (30)
  --mode M         binlog: the job starts on empty tables; snapshot: on full ones, under load;
                   both (default): one after the other
  --rounds N       so many jobs share the minutes of a mode, each on new tables; by default a job
                   for 5 minutes in mode snapshot, so that copies are met by faults, else 1
  --connections N  connections of the load (1000)
  --rate N         pieces of work a second, all connections together (400); 0 is flat out
  --rows N         rows before the job, in mode snapshot; as many keys are used (100000)
  --kafka-nodes N  brokers (1)
  --members N      members of binlog, sink, snapshot and control (2)
  --faults LIST    only these, separated by commas; a part of a name names all that begin with it
  --network N      between our services and the databases: namespaces (needs root on Linux) or
                   proxies; by default namespaces where they can be made
  --seed N         seed of load and faults; printed, so that a run can be repeated
  --short          two minutes in all: less of everything
  --keep           keep the logs of a run that ended well

Faults: ${FAULTS.map(f => f.name).join(', ')}`;

const NUMBERS = {
  minutes: { normal: 30, short: 0.5, least: 0.05 },
  connections: { normal: 1000, short: 60, least: 1 },
  rate: { normal: 400, short: 100, least: 0 },
  rows: { normal: 100_000, short: 8000, least: 1000 },
  'kafka-nodes': { normal: 1, short: 1, least: 1 },
  members: { normal: 2, short: 2, least: 1 },
} as const;

const MODES: Readonly<Record<string, Mode[]>> = {
  binlog: ['binlog'],
  snapshot: ['snapshot'],
  both: ['binlog', 'snapshot'],
};

/** A job for so many minutes where the copy matters. */
const ROUND_MINUTES = 5;

/** Undefined when help is asked for. */
export function soakOptions(argv: readonly string[]): SoakOptions | undefined {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = asUsage(() =>
    parseArgs({
      args: [...argv],
      options: {
        minutes: text,
        mode: text,
        rounds: text,
        connections: text,
        rate: text,
        rows: text,
        'kafka-nodes': text,
        members: text,
        faults: text,
        network: text,
        seed: text,
        short: flag,
        keep: flag,
        help: flag,
      },
    }),
  );
  if (values.help) return undefined;
  const number = (name: keyof typeof NUMBERS): number => {
    const { normal, short, least } = NUMBERS[name];
    const given = values[name];
    if (given === undefined) return values.short ? short : normal;
    const n = Number(given);
    if (n >= least) return n;
    throw new UsageError(`--${name} ${given}: a number of at least ${least} is needed`);
  };
  const modes = MODES[values.mode ?? 'both'];
  if (modes === undefined) {
    throw new UsageError(`--mode ${values.mode}: one of ${Object.keys(MODES).join(', ')}`);
  }
  const { network } = values;
  if (network !== undefined && network !== 'namespaces' && network !== 'proxies') {
    throw new UsageError(`--network ${network}: one of namespaces, proxies`);
  }
  const members = number('members');
  return {
    modes,
    minutes: number('minutes'),
    rounds: Number(values.rounds ?? 0),
    connections: number('connections'),
    rate: number('rate'),
    rows: number('rows'),
    kafkaNodes: number('kafka-nodes'),
    sizes: { control: members, binlog: members, snapshot: members, sink: members, checker: 1 },
    faults: chosen(values.faults),
    network,
    seed: values.seed === undefined ? newSeed() : Number(values.seed) >>> 0,
    keep: values.keep,
  };
}

export function roundsOf(o: SoakOptions, mode: Mode): number {
  if (o.rounds >= 1) return o.rounds;
  return mode === 'snapshot' ? Math.max(1, Math.round(o.minutes / ROUND_MINUTES)) : 1;
}

function chosen(list: string | undefined): Fault[] {
  if (list === undefined) return [...FAULTS];
  const wanted = list.split(',').map(name => name.trim());
  const unknown = wanted.find(name => !FAULTS.some(f => f.name.startsWith(name)));
  if (unknown !== undefined) throw new UsageError(`--faults: there is no ${unknown}`);
  return FAULTS.filter(f => wanted.some(name => f.name.startsWith(name)));
}
