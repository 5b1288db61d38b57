/**
 * The servers of a handover, as they are. Each question opens a session of its own: a server that
 * was restarted between two steps is met as it is then. Nothing here remembers what was done: what
 * is to be done is decided by what the target says.
 */
import type { HandoverSettings } from '../../../shared/job/handover-schema.ts';
import { type Job, type JobSource, type JobTarget, tablesOf } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { qualified, quoteText } from '../../../shared/mysql/identifier.ts';
import { isOwnTable } from '../../../shared/mysql/target-state.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

/** The target as replication sees it. */
export interface ReplicaState {
  uuid: string;
  isReadOnly: boolean;
  executed: string;
  /** `gtid_executed` has all of the transactions asked for. */
  covers: boolean;
  /** Tables of the sink that are still there. */
  own: string[];
  /** Null: it is nobody's replica. */
  replica: {
    isOurs: boolean;
    io: string;
    sql: string;
    error: string;
    /** The server that it has met; empty: none yet. */
    sourceUuid: string;
    /** The source sends its log: the account may have it. */
    isSent: boolean;
  } | null;
}

/** What a handover asks of servers and does to them; replica-site.ts is the real one. */
export interface HandoverSite {
  facts(): Promise<{ source: ServerFacts; target: ServerFacts }>;
  look(gtid: string): Promise<ReplicaState>;
  /** Transactions that the source has committed. */
  sourcePosition(): Promise<string>;
  /** Whether the source still has in its log all that comes behind the transactions. */
  hasLogBehind(gtid: string): Promise<boolean>;
  /** Only replication writes to the target, or again everybody. */
  setReadOnly(on: boolean, persist: boolean): Promise<void>;
  /** The server is open to accounts with CONNECTION_ADMIN alone meanwhile. */
  dropOwn(tables: readonly string[]): Promise<void>;
  /** The history of the target goes: it has these transactions then, and no others. */
  resetTo(gtid: string): Promise<void>;
  /** `file`: to try the way, from there on; null: from where the target's transactions end. */
  configure(file: string | null): Promise<void>;
  /** `io`: it reads the log of the source, and applies nothing of it. */
  startReplica(which: 'io' | 'all'): Promise<void>;
  forgetReplica(): Promise<void>;
  /** A row of ours on the source, in a table of our own. */
  writeProof(id: string): Promise<void>;
  seesProof(id: string): Promise<boolean>;
  dropProof(): Promise<void>;
}

const PROOF = 'reshard_handover';
const LOCKED_SECONDS = 30;
const LOOK = { role: 'admin', connectTimeoutMs: 5000, statementTimeoutMs: 60_000 } as const;

export class ReplicaSite implements HandoverSite {
  readonly #job: Job;
  readonly #source: JobSource;
  readonly #target: JobTarget;

  constructor(job: Job) {
    const [source, target] = [job.sources[0], job.targets[0]];
    if (source === undefined || target === undefined) throw new ReshardError('bug', 'no servers');
    this.#job = job;
    this.#source = source;
    this.#target = target;
  }

  async facts(): Promise<{ source: ServerFacts; target: ServerFacts }> {
    const tables = tablesOf(this.#job);
    const [source, target] = await Promise.all([
      this.#onSource(session => {
        const { name, database } = this.#source;
        return readServerFacts(session, { name, database, tables, side: 'source' });
      }),
      this.#onTarget(session => {
        const { name, database } = this.#target;
        return readServerFacts(session, { name, database, tables, side: 'target' });
      }),
    ]);
    return { source, target };
  }

  look(gtid: string): Promise<ReplicaState> {
    return this.#onTarget(async session => {
      const set = quoteText(gtid);
      const [row] = await session.query<Record<string, string | number>>(
        `SELECT @@server_uuid AS uuid, @@global.super_read_only AS ro,
          @@global.gtid_executed AS executed,
          GTID_SUBSET(${set}, @@global.gtid_executed) AS covers`,
      );
      const is = (key: string): boolean => Number(row?.[key] ?? 0) === 1;
      const { database } = this.#target;
      const tables = await session.query<{ name: string }>(
        `SELECT TABLE_NAME AS name FROM information_schema.TABLES
          WHERE TABLE_SCHEMA = ${quoteText(database)}`,
      );
      const [replica] = await session.query<Record<string, string>>('SHOW REPLICA STATUS');
      return {
        uuid: String(row?.uuid ?? ''),
        isReadOnly: is('ro'),
        executed: String(row?.executed ?? '').replaceAll(/\s/g, ''),
        covers: is('covers'),
        own: tables.map(t => t.name).filter(isOwnTable),
        replica: replica === undefined ? null : this.#replica(replica),
      };
    });
  }

  #replica(row: Record<string, string>): NonNullable<ReplicaState['replica']> {
    const { user, host, port } = this.#way();
    return {
      isOurs:
        row.Source_Host === host && Number(row.Source_Port) === port && row.Source_User === user,
      io: row.Replica_IO_Running ?? '',
      sql: row.Replica_SQL_Running ?? '',
      error: [row.Last_IO_Error, row.Last_SQL_Error].filter(Boolean).join('; '),
      sourceUuid: row.Source_UUID ?? '',
      // `Yes` is said before the source has been asked for its log.
      isSent: /^(Waiting for source to send event|Queueing)/.test(row.Replica_IO_State ?? ''),
    };
  }

  #way(): HandoverSettings & { host: string; port: number } {
    const { handover } = this.#job;
    if (handover === undefined) throw new ReshardError('config', 'no `handover` in the job file');
    const { sourceHost: host = this.#source.host, sourcePort: port = this.#source.port } = handover;
    return { ...handover, host, port };
  }

  sourcePosition(): Promise<string> {
    return this.#onSource(gtidLowerBound);
  }

  hasLogBehind(gtid: string): Promise<boolean> {
    return this.#onSource(async session => {
      const [row] = await session.query<{ n: string | number }>(
        `SELECT GTID_SUBSET(@@global.gtid_purged, ${quoteText(gtid)}) AS n`,
      );
      return Number(row?.n ?? 0) === 1;
    });
  }

  setReadOnly(on: boolean, persist: boolean): Promise<void> {
    const scope = persist ? 'PERSIST' : 'GLOBAL';
    return this.#onTarget(async session => {
      if (on) await session.rawQuery(`SET ${scope} super_read_only = ON`);
      else {
        await session.rawQuery(`SET ${scope} super_read_only = OFF`);
        await session.rawQuery(`SET ${scope} read_only = OFF`);
      }
    });
  }

  dropOwn(tables: readonly string[]): Promise<void> {
    return this.#onTarget(async session => {
      await session.rawQuery('SET SESSION sql_log_bin = 0');
      // read_only stays: applications stay out.
      await session.rawQuery('SET GLOBAL super_read_only = OFF');
      for (const table of tables) {
        await session.rawQuery(`DROP TABLE IF EXISTS ${qualified(this.#target.database, table)}`);
      }
      await session.rawQuery('SET GLOBAL super_read_only = ON');
    });
  }

  resetTo(gtid: string): Promise<void> {
    return this.#onTarget(async session => {
      // A control that was held up and wakes here must not reset what another one has reset: the
      // lock ends with the session, so who has it decides by what is true then.
      // One that sleeps for longer loses the session and with it the lock.
      await session.rawQuery(`SET SESSION wait_timeout = ${LOCKED_SECONDS}`);
      const [row] = await session.query<{ got: string | number | null }>(
        "SELECT GET_LOCK('reshard_handover', 0) AS got",
      );
      if (Number(row?.got ?? 0) !== 1) throw new ReshardError('target', 'another control is at it');
      const [now] = await session.query<{ covers: string | number }>(
        `SELECT GTID_SUBSET(${quoteText(gtid)}, @@global.gtid_executed) AS covers`,
      );
      if (Number(now?.covers ?? 0) === 1) return;
      await session.rawQuery('RESET BINARY LOGS AND GTIDS');
      await session.rawQuery(`SET GLOBAL gtid_purged = ${quoteText(gtid)}`);
    });
  }

  configure(file: string | null): Promise<void> {
    const { user, password, host, port, sourceSsl, getSourcePublicKey } = this.#way();
    // The whole log of the source might be more than the disk of the target.
    const from =
      file === null
        ? 'SOURCE_AUTO_POSITION = 1'
        : `SOURCE_AUTO_POSITION = 0, SOURCE_LOG_FILE = ${quoteText(file)}, SOURCE_LOG_POS = 4`;
    return this.#onTarget(async session => {
      await session.rawQuery(
        `CHANGE REPLICATION SOURCE TO SOURCE_HOST = ${quoteText(host)}, SOURCE_PORT = ${port},
          SOURCE_USER = ${quoteText(user)}, SOURCE_PASSWORD = ${quoteText(password)},
          SOURCE_SSL = ${Number(sourceSsl)}, GET_SOURCE_PUBLIC_KEY = ${Number(getSourcePublicKey)},
          ${from}`,
      );
    });
  }

  startReplica(which: 'io' | 'all'): Promise<void> {
    return this.#onTarget(async session => {
      await session.rawQuery(`START REPLICA${which === 'io' ? ' IO_THREAD' : ''}`);
    });
  }

  forgetReplica(): Promise<void> {
    return this.#onTarget(async session => {
      await session.rawQuery('STOP REPLICA');
      await session.rawQuery('RESET REPLICA ALL');
    });
  }

  writeProof(id: string): Promise<void> {
    return this.#onSource(async session => {
      const table = qualified(this.#source.database, PROOF);
      await session.rawQuery(
        `CREATE TABLE IF NOT EXISTS ${table} (
          id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY
        ) ENGINE=InnoDB COMMENT='reshard: a row that shows that replication goes on'`,
      );
      await session.rawQuery(`INSERT IGNORE INTO ${table} VALUES (${quoteText(id)})`);
    });
  }

  seesProof(id: string): Promise<boolean> {
    return this.#onTarget(async session => {
      const [there] = await session.query(
        `SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
        [this.#target.database, PROOF],
      );
      if (there === undefined) return false;
      const table = qualified(this.#target.database, PROOF);
      const rows = await session.query(`SELECT 1 FROM ${table} WHERE id = ${quoteText(id)}`);
      return rows.length > 0;
    });
  }

  dropProof(): Promise<void> {
    return this.#onSource(async session => {
      await session.rawQuery(`DROP TABLE IF EXISTS ${qualified(this.#source.database, PROOF)}`);
    });
  }

  async #onSource<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
    await using session = await MysqlSession.open(this.#source, { ...LOOK, side: 'source' });
    return await work(session);
  }

  async #onTarget<T>(work: (session: MysqlSession) => Promise<T>): Promise<T> {
    await using session = await MysqlSession.open(this.#target, { ...LOOK, side: 'target' });
    return await work(session);
  }
}
