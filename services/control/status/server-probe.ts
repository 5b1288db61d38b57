/** Short looks at the sources and targets; a server that does not answer gives null. */
import type { Job } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../shared/mysql/mysql-error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';

export interface Applied {
  /** Next offset to apply, by `<topic>/<partition>`. */
  offsets: Map<string, number>;
  /** Rows that wait for a unique value. */
  parked: number;
  /** Keys whose newest event the target refuses, or nobody can read. */
  blocked: number;
}

const TIMEOUT_MS = 3000;
const NO_SUCH_COLUMN = 1054;

export class ServerProbe implements AsyncDisposable {
  readonly #job: Job;
  readonly #log: Logger;
  readonly #sessions = new Map<string, Promise<MysqlSession>>();

  constructor(job: Job, log: Logger) {
    this.#job = job;
    this.#log = log;
  }

  /** Transactions that the source has committed, as its GTID text. */
  executed(source: string): Promise<string | null> {
    return this.#try(`source/${source}`, async session => {
      const variable = session.flavor === 'mariadb' ? 'gtid_binlog_pos' : 'gtid_executed';
      const rows = await session.query<{ gtid: string }>(`SELECT @@global.${variable} AS gtid`);
      return (rows[0]?.gtid ?? '').replace(/\s/g, '');
    });
  }

  applied(target: string): Promise<Applied | null> {
    return this.#try(`target/${target}`, async session => {
      const rows = await session.query<{ topic: string; part: number; next_offset: string }>(
        'SELECT topic, part, next_offset FROM reshard_offset WHERE job = ?',
        [this.#job.job],
      );
      return {
        offsets: new Map(rows.map(r => [`${r.topic}/${r.part}`, Number(r.next_offset)])),
        ...(await this.#waiting(session)),
      };
    });
  }

  /** Read after the offsets: what those have passed is in the table or here. */
  async #waiting(session: MysqlSession): Promise<Pick<Applied, 'parked' | 'blocked'>> {
    const count = async (reason: string): Promise<{ parked: number; blocked: number }> => {
      const [row] = await session.query<{ n: string; parked: string | null }>(
        `SELECT COUNT(*) AS n, SUM(${reason} = 'unique') AS parked FROM reshard_park WHERE job = ?`,
        [this.#job.job],
      );
      const parked = Number(row?.parked ?? 0);
      return { parked, blocked: Number(row?.n ?? 0) - parked };
    };
    try {
      return await count('reason');
    } catch (e) {
      // The sink of an older version made the table: it parks for one reason only.
      if (errnoOf(e) !== NO_SUCH_COLUMN) throw e;
      return await count("'unique'");
    }
  }

  async #try<T>(name: string, look: (s: MysqlSession) => Promise<T>): Promise<T | null> {
    try {
      return await look(await this.#session(name));
    } catch (e) {
      this.#log.debug({ server: name, reason: String(e) }, 'no answer');
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
    const [kind, server] = name.split('/');
    const list = kind === 'source' ? this.#job.sources : this.#job.targets;
    const endpoint = list.find(x => x.name === server);
    if (!endpoint) return Promise.reject(new Error(`no ${name} in the job`));
    const opened = MysqlSession.open(endpoint, {
      role: 'admin',
      connectTimeoutMs: TIMEOUT_MS,
      statementTimeoutMs: TIMEOUT_MS,
    });
    this.#sessions.set(name, opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opened of this.#sessions.values()) {
      await opened.then(
        s => s.close(),
        () => {},
      );
    }
  }
}
