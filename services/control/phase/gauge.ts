/**
 * What is measured on servers while a limit of it is set, and stops the copy above that: how far
 * targets are behind the log, how many threads run on a server, how far its replicas are behind.
 *
 * A server that does not answer counts as too far: how far is not known, and a copy that waits
 * costs time alone. What has stopped the copy lets it go on only well below its limit.
 */
import type { MeasuredReason } from '../../../shared/job/state/throttle.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import { describeError, firstLine, unreachable } from '../../../shared/runtime/error.ts';
import { backlogsOf } from '../status/backlog.ts';
import { Measurement } from '../status/measurement.ts';
import type { ServerProbe } from '../status/server-probe.ts';
import { liftedAt } from '../status/throttle-status.ts';

export interface Reading {
  /** As it is called in a sentence. */
  server: string;
  /** In the unit of the limit; null when that is not known, with the reason. */
  value: number | null;
  why: string | null;
}

/** Why the readings brake the copy; null if they do not. */
export function brakeBy(
  reason: MeasuredReason,
  readings: readonly Reading[],
  limit: number,
  isBraking: boolean,
): string | null {
  const most = isBraking ? liftedAt(limit) : limit;
  for (const { server, value, why } of readings) {
    if (value === null) {
      return `${unknownText(reason, server)} is not known: ${firstLine(why ?? 'no answer')}`;
    }
    if (value > most) return aboveText(reason, server, value);
  }
  return null;
}

export class Gauge {
  readonly reason: MeasuredReason;
  readonly #readings: Measurement<Reading[]>;

  constructor(reason: MeasuredReason, read: () => Promise<Reading[]>) {
    this.reason = reason;
    this.#readings = new Measurement(() =>
      read().catch(e => [{ server: 'any server', value: null, why: describeError(e) }]),
    );
  }

  /** Null: nothing brakes. Before the first answer it stays as it was: `isBraking`, without a why. */
  brake(limit: number, isBraking: boolean): { why: string } | null {
    const { answer } = this.#readings;
    if (answer === null) return isBraking ? { why: '' } : null;
    const why = brakeBy(this.reason, answer, limit, isBraking);
    return why === null ? null : { why };
  }

  follow(isWanted: boolean): void {
    this.#readings.follow(isWanted);
  }
}

/** `probe`: of these alone; others wait for no measurement. */
export function gaugesOf(
  context: Pick<ServiceContext, 'job' | 'kafka' | 'view'>,
  probe: ServerProbe,
): Gauge[] {
  const { sources, targets, replicas } = context.job;
  const asked = async (
    name: string,
    server: string,
    ask: (name: string) => Promise<number | null>,
  ): Promise<Reading> => {
    const value = await ask(name);
    return { server, value, why: value === null ? probe.whyNot(name) : null };
  };
  const threads = (name: string): Promise<Reading> =>
    asked(name, name.replace('/', ' '), n => probe.threadsRunning(n));
  const behind = (name: string, server: string): Promise<Reading> =>
    asked(name, server, n => probe.replicaLag(n));
  return [
    new Gauge('lag', async () => {
      const backlogs = await backlogsOf(context, probe);
      return backlogs.map(({ target, records, why }) => ({ server: target, value: records, why }));
    }),
    new Gauge('load', () =>
      Promise.all([
        ...sources.map(s => threads(`source/${s.name}`)),
        ...targets.map(t => threads(`target/${t.name}`)),
      ]),
    ),
    new Gauge('replica', () =>
      Promise.all([
        ...sources.flatMap(s =>
          s.replica ? [behind(`replica-of/${s.name}`, `the replica of ${s.name}`)] : [],
        ),
        ...replicas.map(r => behind(`replica/${r.name}`, `replica ${r.name}`)),
      ]),
    ),
  ];
}

function aboveText(reason: MeasuredReason, server: string, value: number): string {
  switch (reason) {
    case 'lag':
      return `${server} was ${value} records behind`;
    case 'load':
      return `${server} had ${value} threads running`;
    case 'replica':
      return `${server} was ${value} s behind`;
    default:
      return unreachable(reason);
  }
}

function unknownText(reason: MeasuredReason, server: string): string {
  return reason === 'load' ? `how many threads run on ${server}` : `how far ${server} is behind`;
}
