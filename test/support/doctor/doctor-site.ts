/**
 * Servers of its own for the doctor's tests, which break settings on purpose, and a job on them
 * that is in order. Kafka and the registry are the shared ones: nothing of theirs is broken.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runDoctor } from '../../../services/control/doctor/doctor.ts';
import type { Job } from '../../../shared/job/job.ts';
import { parseJob } from '../../../shared/job/job-schema.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { servers } from '../dev.ts';
import { callReshard } from '../reshard-cli.ts';
import { type MysqlServer, type Servers, startServers } from '../servers/servers.ts';

export const SHOP = 'mysqlroom_shop';

const SMALL = {
  'innodb-buffer-pool-size': '64M',
  'innodb-redo-log-capacity': '64M',
  'sync-binlog': '1',
  'innodb-flush-log-at-trx-commit': '1',
};

const TABLES = [
  `CREATE TABLE customers (customer_id BIGINT NOT NULL PRIMARY KEY,
    email VARCHAR(100) NOT NULL, UNIQUE KEY email_key (email))`,
  `CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, customer_id BIGINT NOT NULL,
    total DECIMAL(12,2), note VARCHAR(200) DEFAULT 'none', KEY (customer_id))`,
];

/**
 * What the tests change for a whole server, in the order in which it is set back: a server that
 * takes no writes first, and what others depend on behind them.
 */
const GLOBALS = [
  ...['super_read_only', 'read_only', 'offline_mode', 'enforce_gtid_consistency', 'gtid_mode'],
  ...['binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options'],
  ...['binlog_order_commits', 'binlog_checksum', 'binlog_expire_logs_seconds', 'server_id'],
  ...['max_allowed_packet', 'sql_mode', 'time_zone', 'character_set_server', 'collation_server'],
];

/** A server goes from one to the next alone. */
const GTID_MODES = ['OFF', 'OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON'];

export interface Change {
  /** Of the job file, as an object. */
  job?: (job: JobFile) => void;
  createTargets?: boolean;
}

// The parsed file before defaults: only what these tests touch is named.
export interface JobFile {
  job: string;
  kafka: { brokers: string[]; replication: number };
  registry: { url: string };
  sources: (ServerEntry & { serverId?: number })[];
  targets: ServerEntry[];
  tables: { name: string; shardColumn?: string; key?: string[] }[];
  route: { kind: string; column: string };
  options: Record<string, number>;
}

interface ServerEntry {
  name: string;
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
}

export class DoctorSite implements AsyncDisposable {
  readonly source: MysqlSession;
  readonly target: MysqlSession;
  readonly #servers: Servers;
  /** Of each server as it was started, by variable. */
  readonly #globals = new Map<MysqlSession, Map<string, string>>();
  /** Names of topics and subjects must not meet those of an earlier run. */
  readonly prefix = `mysqlroom-doctor-${process.pid}`;

  private constructor(started: Servers, source: MysqlSession, target: MysqlSession) {
    this.#servers = started;
    this.source = source;
    this.target = target;
  }

  static async start(sourceSettings: Record<string, string> = {}): Promise<DoctorSite> {
    const started = await startServers({
      mysql: [
        { name: 'source', serverId: 901, settings: { ...SMALL, ...sourceSettings } },
        { name: 'target', serverId: 902, settings: SMALL },
      ],
    });
    const open = (name: string): Promise<MysqlSession> =>
      MysqlSession.open(started.mysql(name), { role: 'admin' });
    const site = new DoctorSite(started, await open('source'), await open('target'));
    for (const session of [site.source, site.target]) {
      site.#globals.set(session, await globalsOf(session));
    }
    await site.reset();
    return site;
  }

  server(name: 'source' | 'target'): MysqlServer {
    return this.#servers.mysql(name);
  }

  /**
   * The servers as they were started, and the databases as a new job wants them: equal, the targets
   * empty. A test that failed leaves nothing to the next one.
   */
  async reset(): Promise<void> {
    for (const [session, globals] of this.#globals) await setBack(session, globals);
    await this.#create(this.source, SHOP);
    for (const shard of [1, 2]) await this.#create(this.target, `${SHOP}_${shard}`);
  }

  async #create(session: MysqlSession, db: string): Promise<void> {
    await session.rawQuery(`DROP DATABASE IF EXISTS ${db}`);
    await session.rawQuery(`CREATE DATABASE ${db} CHARACTER SET utf8mb4`);
    await session.rawQuery(`USE ${db}`);
    for (const sql of TABLES) await session.rawQuery(sql);
  }

  jobFile(): JobFile {
    const { brokers, registryUrl } = servers();
    const entry = (name: 'source' | 'target', as: string, database: string): ServerEntry => {
      const { host, port, user, password } = this.server(name);
      return { name: as, host, port, user, password, database };
    };
    return {
      job: this.prefix,
      kafka: { brokers, replication: 1 },
      registry: { url: registryUrl },
      sources: [entry('source', this.prefix, SHOP)],
      targets: [entry('target', 't1', `${SHOP}_1`), entry('target', 't2', `${SHOP}_2`)],
      tables: [{ name: 'customers' }, { name: 'orders' }],
      route: { kind: 'modulus', column: 'customer_id' },
      options: {},
    };
  }

  job(change: Change = {}): Job {
    const file = this.jobFile();
    change.job?.(file);
    return parseJob(JSON.stringify(file), {});
  }

  async findings(change: Change = {}): Promise<Finding[]> {
    const log = createLogger({ name: 'doctor-test', level: 'fatal' });
    return runDoctor(this.job(change), { log, createTargets: change.createTargets ?? false });
  }

  /** Findings that are more than a note. */
  async problems(change: Change = {}): Promise<Finding[]> {
    return (await this.findings(change)).filter(f => f.level !== 'info');
  }

  /** Runs the SQL of a fix, as an operator would paste it. */
  async applyFix(fix: string, on: 'source' | 'target'): Promise<void> {
    const statements = fix
      .replaceAll(/--.*$/gm, '')
      .split(';')
      .map(s => s.trim())
      .filter(s => s !== '');
    if (statements.length === 0) throw new Error(`nothing to run in: ${fix}`);
    await using session = await MysqlSession.open(this.server(on), { role: 'admin' });
    for (const statement of statements) await session.rawQuery(statement);
  }

  /** Runs a fix that is a command, as printed, with the job file in its place. */
  async runCommand(fix: string): Promise<void> {
    const folder = mkdtempSync(path.join(tmpdir(), 'reshard-doctor-'));
    const file = path.join(folder, 'job.yaml');
    writeFileSync(file, JSON.stringify(this.jobFile()));
    const [command = ''] = fix.split(' # ');
    const [, ...args] = command.replace('<job file>', file).split(' ');
    const { code, err } = await callReshard(...args, '--yes');
    rmSync(folder, { recursive: true });
    if (code !== 0) throw new Error(`${command}: exit ${code}\n${err}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.source.close();
    await this.target.close();
    await this.#servers[Symbol.asyncDispose]();
  }
}

async function globalsOf(session: MysqlSession): Promise<Map<string, string>> {
  const rows = await session.query<{ name: string; value: string }>(
    `SELECT VARIABLE_NAME AS name, VARIABLE_VALUE AS value FROM performance_schema.global_variables
      WHERE VARIABLE_NAME IN (?)`,
    [GLOBALS],
  );
  return new Map(rows.map(({ name, value }) => [name, value]));
}

async function setBack(session: MysqlSession, wanted: ReadonlyMap<string, string>): Promise<void> {
  const now = await globalsOf(session);
  for (const name of GLOBALS) {
    const [from, to] = [now.get(name), wanted.get(name)];
    if (from === undefined || to === undefined || from === to) continue;
    for (const value of name === 'gtid_mode' ? gtidSteps(from, to) : [to]) {
      const isNumber = /^\d+$/.test(value);
      await session.rawQuery(`SET GLOBAL ${name} = ${isNumber ? value : `'${value}'`}`);
    }
  }
}

function gtidSteps(from: string, to: string): string[] {
  const [start, end] = [GTID_MODES.indexOf(from), GTID_MODES.indexOf(to)];
  return start < end
    ? GTID_MODES.slice(start + 1, end + 1)
    : GTID_MODES.slice(end, start).reverse();
}
