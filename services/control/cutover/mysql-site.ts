/** The world of a cutover as it is: servers of the job, its log, its status (contract: site.ts). */
import { GtidSet } from '../../../shared/change/gtid.ts';
import { type Job, tablesOf } from '../../../shared/job/job.ts';
import type { FrozenSource, Way } from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { shutLegsBefore, writeMarker } from '../../../shared/mysql/target-state.ts';
import { type ProbeAnswer, probe } from '../../../shared/mysql/write-probe.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { recordsBehind } from '../status/backlog.ts';
import { StatusFeed } from '../status/feed.ts';
import { type LogEnds, logEnds } from '../status/log-ends.ts';
import type { Applied } from '../status/server-probe.ts';
import { askGates, askTarget, probePlaces } from './ask.ts';
import { counterGates, readCounters } from './counter.ts';
import type { Gate } from './gate.ts';
import { openFence } from './open-fence.ts';
import type { CutoverSite, Fence, OpenOutcome, TurnLog } from './site.ts';
import { runCommand } from './user-command.ts';

/** A job as far as it carries rows one way: the job itself, or its way back. */
export interface Carrier {
  job: Job;
  view: JobView;
  progress: ReadonlyMap<string, ProgressView>;
}

export interface SiteDeps extends Carrier {
  way: Way;
  /** What carries rows the other way; null: nothing, there is no way back. */
  opposite: Carrier | null;
  /** Name of the job, whichever way it is. */
  name: string;
  /** Of the job, whichever way it is: the newest cutover. */
  ruling: Pick<JobView, 'cutoverRun'>;
  kafka: KafkaLog;
  log: Logger;
  /** What a target has applied; null while it gives no answer. */
  applied(target: string): Promise<Applied | null>;
}

const LOOK = { connectTimeoutMs: 3000, statementTimeoutMs: 5000 } as const;
const ON_TARGET = { ...LOOK, role: 'admin', side: 'target' } as const;

export class MysqlSite implements CutoverSite {
  readonly turn: TurnLog | null;
  readonly #d: SiteDeps;
  /** Of positions that were asked for before. */
  readonly #markers = new WeakMap<object, () => Promise<string | null>>();

  constructor(deps: SiteDeps) {
    this.#d = deps;
    const { opposite } = deps;
    this.turn = opposite === null ? null : turnLog(opposite, deps.kafka);
  }

  /** By a status of its own, as the operator sees it. */
  async gates(): Promise<Gate[]> {
    const { job, view, log, way, opposite } = this.#d;
    const { ruling } = this.#d;
    await using feed = await StatusFeed.open(job, log, ruling);
    await using other = opposite && (await StatusFeed.open(opposite.job, log, ruling));
    if (feed === null) throw new ReshardError('bug', 'the job has no reports');
    return await askGates({
      ...{ job, view, way, run: ruling.cutoverRun },
      status: () => feed.status(),
      opposite: opposite && other && { ...opposite, status: () => other.status() },
    });
  }

  async fence(source: string, frozen?: FrozenSource): Promise<Fence> {
    const { job, view, name } = this.#d;
    return await openFence({ job, view, name }, this.#server(source), frozen);
  }

  async probe(source: string, frozen?: FrozenSource): Promise<ProbeAnswer> {
    const { job, view } = this.#d;
    const places = probePlaces(job, view, this.#server(source), frozen);
    if (places === null) return { kind: 'unclear', text: 'the job file names no account' };
    return await probe(places);
  }

  ends(): Promise<Record<string, number[]>> {
    return endsOf(this.#d.view, this.#d.kafka);
  }

  /** The sources first: what they have is in the log when the ends of that are asked for. */
  async lacks(positions: ReadonlyMap<string, string>): Promise<string | null> {
    if (this.#d.job.kind === 'expand') return await this.#lacksMoved(positions);
    const missing = this.#missing(positions);
    if (missing !== null) return missing;
    const ends = await this.#ends();
    return typeof ends === 'string' ? ends : await this.#behind(ends, true);
  }

  /**
   * The cluster goes on writing rows that stay, so the log has no end: what counts is what it had
   * when it had the positions.
   */
  async #lacksMoved(positions: ReadonlyMap<string, string>): Promise<string | null> {
    const marker = this.#markers.get(positions) ?? this.marker(positions);
    this.#markers.set(positions, marker);
    return (await marker()) ?? (await this.#waiting());
  }

  async #waiting(): Promise<string | null> {
    for (const { name } of this.#d.job.targets) {
      const seen = await this.#d.applied(name);
      if (seen === null) return `target ${name} gives no answer`;
      const waiting = seen.parked + seen.blocked;
      if (waiting > 0) return `${waiting} rows wait on target ${name}`;
    }
    return null;
  }

  /** The ends of the log are those of the moment at which it had the positions. */
  marker(positions: ReadonlyMap<string, string>): () => Promise<string | null> {
    let ends: LogEnds['ends'] | null = null;
    return async () => {
      if (ends === null) {
        const missing = this.#missing(positions);
        if (missing !== null) return missing;
        const asked = await this.#ends();
        if (typeof asked === 'string') return asked;
        ends = asked;
      }
      return await this.#behind(ends, false);
    };
  }

  #missing(positions: ReadonlyMap<string, string>): string | null {
    return missingIn(this.#d.progress, positions);
  }

  /** A text: why they cannot be asked for. */
  async #ends(): Promise<LogEnds['ends'] | string> {
    const { job, view, kafka } = this.#d;
    const { ends, topics } = await logEnds(kafka, job.job, [...view.plans.values()]);
    const [unknown] = topics;
    return unknown === undefined ? ends : unknown.error;
  }

  /** `still`: nothing comes behind the ends, so rows that wait are too many. */
  async #behind(ends: LogEnds['ends'], still: boolean): Promise<string | null> {
    const { job, applied } = this.#d;
    for (const { name } of job.targets) {
      const seen = await applied(name);
      if (seen === null) return `target ${name} gives no answer`;
      const behind = recordsBehind(ends, seen);
      if (behind > 0) return `target ${name} is ${behind} records behind`;
      const waiting = seen.parked + seen.blocked;
      if (still && waiting > 0) return `${waiting} rows wait on target ${name}`;
    }
    return null;
  }

  async mark(id: string): Promise<void> {
    const { job } = this.#d;
    await Promise.all(
      job.targets.map(async target => {
        await using session = await MysqlSession.open(target, ON_TARGET);
        await writeMarker(session, target.database, { job: job.job, id });
      }),
    );
  }

  async targetPositions(): Promise<Record<string, string>> {
    const list = this.#d.job.targets.map(async (target): Promise<[string, string]> => {
      await using session = await MysqlSession.open(target, ON_TARGET);
      const variable = session.flavor === 'mysql' ? 'gtid_executed' : 'gtid_binlog_pos';
      const [row] = await session.query<{ gtid: string }>(`SELECT @@global.${variable} AS gtid`);
      return [target.name, (row?.gtid ?? '').replaceAll(/\s/g, '')];
    });
    return Object.fromEntries(await Promise.all(list));
  }

  async idGates(): Promise<Gate[]> {
    const { job } = this.#d;
    const [targets, sources] = await Promise.all([
      Promise.all(job.targets.map(t => askTarget(job, t))),
      Promise.all(
        job.sources.map(async source => {
          await using session = await MysqlSession.open(source, {
            ...LOOK,
            role: 'read',
            side: 'source',
          });
          const counters = await readCounters(session, source.database, tablesOf(job));
          return { source: source.name, counters };
        }),
      ),
    ]);
    return counterGates(job, sources, targets, 0n);
  }

  /** Of the sinks that have carried rows to what the application leaves for. */
  async shutOut(leg: number): Promise<void> {
    const { job, view } = this.#d;
    const topics = [...view.plans.values()].map(p => p.topic);
    const whose = { job: job.job, jobId: view.jobId, leg, topics };
    const { partitions } = job.options;
    await Promise.all(
      job.targets.map(async target => {
        await using session = await MysqlSession.open(target, ON_TARGET);
        const { database, name } = target;
        await shutLegsBefore(session, database, { ...whose, target: name }, partitions);
      }),
    );
  }

  open(cutover: string): Promise<OpenOutcome> {
    const { open } = this.#d.job.cutover;
    if (open === undefined) {
      return Promise.resolve({ kind: 'none', text: 'the job file has no open command' });
    }
    return this.#run(open, { RESHARD_CUTOVER: cutover });
  }

  async rehearseOpen(): Promise<OpenOutcome> {
    const { open, openRehearsal } = this.#d.job.cutover;
    if (openRehearsal !== undefined) return await this.#run(openRehearsal, {});
    if (open !== undefined) await this.#run(':', {});
    return { kind: 'none', text: 'the job file has no rehearsal of the open command' };
  }

  #run(command: string, more: Record<string, string>): Promise<OpenOutcome> {
    const { job, name, way } = this.#d;
    const env = { RESHARD_JOB: name, RESHARD_WAY: way, ...more };
    return runCommand({ command, seconds: job.cutover.limits.openSeconds, env });
  }

  /** Of what is left, or of what is come back to, which was frozen when that was left. */
  #server(name: string): Job['sources'][number] {
    const { sources, targets } = this.#d.job;
    const server = [...sources, ...targets].find(s => s.name === name);
    if (server !== undefined) return server;
    throw new ReshardError('config', `the job has no server ${name}`);
  }
}

/** Sources whose log lacks transactions of the positions, in words; null: none does. */
function missingIn(
  progress: ReadonlyMap<string, ProgressView>,
  positions: Iterable<[string, string]>,
): string | null {
  for (const [source, position] of positions) {
    const gtid = progress.get(source)?.resume?.gtid ?? '';
    const has = GtidSet.parse(gtid, 'mysql').covers(GtidSet.parse(position, 'mysql'));
    if (!has) return `the log of ${source} lacks transactions that the server has`;
  }
  return null;
}

function turnLog({ view, progress }: Carrier, kafka: KafkaLog): TurnLog {
  return {
    lacks: async positions => missingIn(progress, Object.entries(positions)),
    ends: () => endsOf(view, kafka),
  };
}

async function endsOf(view: JobView, kafka: KafkaLog): Promise<Record<string, number[]>> {
  const topics = [...view.plans.values()].map(p => p.topic);
  const ends = await Promise.all(
    topics.map(async (topic): Promise<[string, number[]]> => {
      // Not what is stable: a partition may lack the marker of what the sink has written.
      return [topic, await kafka.highWatermarks(topic)];
    }),
  );
  return Object.fromEntries(ends);
}
