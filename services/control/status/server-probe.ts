/**
 * Short questions to the sources and targets, each with a deadline of its own; a server that does
 * not answer gives null, and `whyNot` says what it did instead.
 */
import { type Job, readServer } from '../../../shared/job/job.ts';
import type { FrozenSource } from '../../../shared/job/state/cutover.ts';
import { type MysqlEndpoint, MysqlSession } from '../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { readPositions, readWaiting } from '../../../shared/mysql/target-state.ts';
import { within } from '../../../shared/runtime/clock.ts';
import { describeError, ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type FenceSeen, lookAtFence } from './fence-look.ts';

export interface Applied {
  /** Next offset to apply, by `<topic>/<partition>`. */
  offsets: Map<string, number>;
  /** Rows that wait for a unique value, or for another source. */
  parked: number;
  /** Keys that wait for the operator, or for a newer event. */
  blocked: number;
}

const TIMEOUT_MS = 3000;
/** For login, question and answer together. */
const DEADLINE_MS = 4000;
const NO_SUCH_TABLE = 1146;

export class ServerProbe implements AsyncDisposable {
  readonly #job: Job;
  readonly #log: Logger;
  readonly #jobId: string | null;
  readonly #sessions = new Map<string, Promise<MysqlSession>>();
  readonly #failures = new Map<string, string>();

  /** With the job's id only offsets count that are of it, not those of an earlier job of its name. */
  constructor(job: Job, log: Logger, jobId: string | null = null) {
    this.#job = job;
    this.#log = log;
    this.#jobId = jobId;
  }

  /** Why the last question to `source/<name>` or `target/<name>` has no answer; null if it has. */
  whyNot(server: string): string | null {
    return this.#failures.get(server) ?? null;
  }

  /** Transactions that the source has committed, as its GTID text. */
  executed(source: string): Promise<string | null> {
    return this.#try(`source/${source}`, async session => {
      const variable = session.flavor === 'mariadb' ? 'gtid_binlog_pos' : 'gtid_executed';
      const rows = await session.query<{ gtid: string }>(`SELECT @@global.${variable} AS gtid`);
      return (rows[0]?.gtid ?? '').replace(/\s/g, '');
    });
  }

  /** Whether a source or target refuses what it must refuse, and which server it is. */
  fence(frozen: FrozenSource): Promise<FenceSeen | null> {
    const server = frozen.source;
    const side = this.#job.sources.some(s => s.name === server) ? 'source' : 'target';
    return this.#try(`${side}/${server}`, async session => ({
      ...(await lookAtFence(session, this.#job, frozen)),
      serverUuid: await readServerUuid(session),
    }));
  }

  async applied(target: string): Promise<Applied | null> {
    const { job, targets } = this.#job;
    const database = targets.find(t => t.name === target)?.database ?? '';
    return this.#try(`target/${target}`, async session => {
      try {
        const positions = await readPositions(session, database, { job, jobId: this.#jobId });
        return {
          offsets: new Map(positions.map(p => [`${p.topic}/${p.partition}`, p.next])),
          ...(await readWaiting(session, database, job)),
        };
      } catch (e) {
        // No sink has been here yet: that nothing is applied is an answer.
        if (errnoOf(e) !== NO_SUCH_TABLE) throw e;
        return { offsets: new Map<string, number>(), parked: 0, blocked: 0 };
      }
    });
  }

  /** `Threads_running` of `source/<name>` or `target/<name>`, the one that asks included. */
  threadsRunning(server: string): Promise<number | null> {
    return this.#try(server, async session => {
      const [row] = await session.query<{ Value: string }>(
        "SHOW GLOBAL STATUS LIKE 'Threads_running'",
      );
      return Number(row?.Value);
    });
  }

  /**
   * Seconds that a replica is behind, by its own word; of several channels the worst. It is
   * `replica/<name>`, or `replica-of/<source>` for the one that the copy reads from.
   */
  replicaLag(server: string): Promise<number | null> {
    return this.#try(server, async session => {
      const channels = await session.query<Record<string, string | null>>('SHOW REPLICA STATUS');
      const lags = channels.map(c => c.Seconds_Behind_Source ?? c.Seconds_Behind_Master ?? null);
      if (lags.length === 0) {
        throw new ReshardError('server-setting', 'it replicates from no server', {
          remedy: 'name another server, or `reshard throttle <job file> --clear max-replica-lag`',
        });
      }
      if (lags.includes(null)) {
        throw new ReshardError('server-setting', 'its replication does not run', {
          remedy: 'START REPLICA, or `reshard throttle <job file> --clear max-replica-lag`',
        });
      }
      return Math.max(...lags.map(Number));
    });
  }

  async #try<T>(name: string, ask: (s: MysqlSession) => Promise<T>): Promise<T | null> {
    try {
      const answer = this.#session(name).then(ask);
      const answered = await within(DEADLINE_MS, name.replace('/', ' '), answer);
      this.#failures.delete(name);
      return answered;
    } catch (e) {
      this.#log.debug({ server: name, reason: String(e) }, 'no answer');
      this.#failures.set(name, describeError(e));
      const broken = this.#sessions.get(name);
      this.#sessions.delete(name);
      void broken?.then(
        s => s.destroy(),
        () => {},
      );
      return null;
    }
  }

  #session(name: string): Promise<MysqlSession> {
    const known = this.#sessions.get(name);
    if (known) return known;
    const endpoint = endpointOf(this.#job, name);
    if (endpoint === undefined) return Promise.reject(new Error(`no ${name} in the job`));
    const opened = MysqlSession.open(endpoint, {
      role: 'admin',
      side: name.startsWith('target/') ? 'target' : 'source',
      connectTimeoutMs: TIMEOUT_MS,
      statementTimeoutMs: TIMEOUT_MS,
    });
    this.#sessions.set(name, opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closing = [...this.#sessions.values()].map(opened => opened.then(s => s.close()));
    // One that hangs is left to the end of the process.
    await within(TIMEOUT_MS, 'servers', Promise.allSettled(closing)).catch(() => {});
  }
}

function endpointOf({ sources, targets, replicas }: Job, name: string): MysqlEndpoint | undefined {
  const servers: [string, MysqlEndpoint][] = [
    ...sources.map((s): [string, MysqlEndpoint] => [`source/${s.name}`, s]),
    ...sources.map((s): [string, MysqlEndpoint] => [`replica-of/${s.name}`, readServer(s)]),
    ...targets.map((t): [string, MysqlEndpoint] => [`target/${t.name}`, t]),
    ...replicas.map((r): [string, MysqlEndpoint] => [`replica/${r.name}`, r]),
  ];
  return new Map(servers).get(name);
}
