/**
 * One connection to a MySQL or MariaDB server with a session that loses nothing: UTC, utf8mb4, an
 * sql_mode of our own (never the server's), no result limit, strict, zero and invalid dates
 * allowed. A row that a server took once must be readable and writable again, and anything that
 * does not fit must be an error instead of a warning.
 *
 * Invariant: a promise of this class always settles. mysql2 leaves commands pending when a
 * connection is destroyed, so pending ones are kept here and rejected.
 */
import { ReshardError } from '../runtime/error.ts';
import type { Logger } from '../runtime/log.ts';
import { type MysqlEndpoint, startConnection, type WireConnection } from './driver.ts';
import { mapMysqlError, type Side } from './mysql-error.ts';
import { type OnRow, RawQuery, type StatementResult } from './raw-query.ts';

export type { MysqlEndpoint };

/** read: source SELECTs, read-only. apply: writes of the sink. admin: doctor, DDL, planning. */
export type Role = 'read' | 'apply' | 'admin';

export type Flavor = 'mysql' | 'mariadb';

export interface SessionOptions {
  role: Role;
  /** Whose failure it is; by default the source's, but the target's for `apply`. */
  side?: Side;
  log?: Logger;
  connectTimeoutMs?: number;
  /** A statement that takes longer destroys the connection: the answer of a half-open link. */
  statementTimeoutMs?: number;
  netReadTimeoutS?: number;
  netWriteTimeoutS?: number;
  lockWaitTimeoutS?: number;
}

export type Param = string | number | bigint | boolean | Buffer | null | Param[];

const CONNECT_TIMEOUT_MS = 10_000;
const METADATA_LOCK_TIMEOUT_S = 60;
const APPLY_LOCK_TIMEOUT_S = 20;
const IDLE_TIMEOUT_S = 28_800;

/**
 * Strict, so a value that does not fit is an error; without NO_ZERO_DATE and NO_ZERO_IN_DATE and
 * with ALLOW_INVALID_DATES, so dates that the source holds go in; NO_AUTO_VALUE_ON_ZERO, so a
 * stored 0 stays 0; no NO_BACKSLASH_ESCAPES, ANSI_QUOTES, PAD_CHAR_TO_FULL_LENGTH.
 */
export const SESSION_SQL_MODE =
  'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION';

export class MysqlSession implements AsyncDisposable {
  readonly flavor: Flavor;
  readonly version: string;
  /** [major, minor, patch] */
  readonly versionNumber: readonly [number, number, number];
  readonly endpoint: MysqlEndpoint;
  readonly side: Side;
  readonly #connection: WireConnection;
  readonly #pending = new Set<(error: Error) => void>();
  readonly #statementTimeoutMs: number;
  /** Why nothing more is taken; `#cut` once the connection is gone too. */
  #dead: ReshardError | undefined;
  #cut = false;

  private constructor(
    connection: WireConnection,
    endpoint: MysqlEndpoint,
    side: Side,
    version: string,
    statementTimeoutMs: number,
  ) {
    this.#connection = connection;
    this.endpoint = endpoint;
    this.side = side;
    this.version = version;
    this.flavor = /mariadb/i.test(version) ? 'mariadb' : 'mysql';
    this.versionNumber = parseVersion(version);
    this.#statementTimeoutMs = statementTimeoutMs;
    connection.on('error', error => this.#die(error));
  }

  static async open(endpoint: MysqlEndpoint, options: SessionOptions): Promise<MysqlSession> {
    const side = options.side ?? (options.role === 'apply' ? 'target' : 'source');
    const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
    const { connection, version } = await login(endpoint, side, timeoutMs);
    const statementTimeoutMs = options.statementTimeoutMs ?? 0;
    const session = new MysqlSession(connection, endpoint, side, version, statementTimeoutMs);
    try {
      for (const sql of sessionSettings(session.flavor, options)) await session.rawQuery(sql);
    } catch (e) {
      session.destroy();
      throw e;
    }
    options.log?.debug({ ...session.where(), role: options.role, version }, 'mysql session open');
    return session;
  }

  get alive(): boolean {
    return this.#dead === undefined;
  }

  get threadId(): number {
    return this.#connection.threadId ?? 0;
  }

  /**
   * Sends one statement as it is; rows go to `onRow` unparsed. Bytes of `sql` must not change
   * before the promise settles. A statement error leaves the session usable.
   */
  rawQuery(sql: Buffer | string, onRow?: OnRow): Promise<StatementResult> {
    const bytes = typeof sql === 'string' ? Buffer.from(sql, 'utf8') : sql;
    return this.#command((done, fail) => {
      this.#connection.addCommand(new RawQuery(bytes, onRow, done, fail));
    });
  }

  /** A statement with `?` parameters that returns no rows. */
  run(sql: string, params: readonly Param[] = []): Promise<StatementResult> {
    return this.rawQuery(this.format(sql, params));
  }

  /** Rows as objects; 64-bit integers, decimals, dates and JSON are strings, blobs are buffers. */
  query<T extends object>(sql: string, params: readonly Param[] = []): Promise<T[]> {
    return this.#command((done, fail) => {
      this.#connection.query(sql, params, (error, rows) => {
        if (error) fail(error);
        else done(Array.isArray(rows) ? rows : []);
      });
    });
  }

  format(sql: string, params: readonly Param[]): string {
    return params.length === 0 ? sql : this.#connection.format(sql, params);
  }

  /** Says goodbye to the server; never rejects. */
  async close(): Promise<void> {
    if (this.#dead !== undefined) return;
    this.#dead = this.#closedError();
    await new Promise<void>(resolve => {
      const giveUp = setTimeout(resolve, 1000);
      this.#connection.end(() => {
        clearTimeout(giveUp);
        resolve();
      });
    });
    this.#die(this.#dead);
  }

  /** Cuts the connection at once; what is pending rejects. */
  destroy(): void {
    this.#die(this.#closedError());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  where(): { host: string; port: number; side: Side } {
    return { host: this.endpoint.host, port: this.endpoint.port, side: this.side };
  }

  #command<T>(start: (done: (value: T) => void, fail: (e: unknown) => void) => void): Promise<T> {
    if (this.#dead !== undefined) return Promise.reject(this.#dead);
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = (): void => {
        this.#pending.delete(fail);
        clearTimeout(timer);
      };
      const fail = (e: unknown): void => {
        settle();
        const error = mapMysqlError(e, this.where());
        reject(error);
        // With commands waiting mysql2 tells them alone of a lost connection.
        if (error.kind === 'unreachable') this.#die(error);
      };
      this.#pending.add(fail);
      if (this.#statementTimeoutMs > 0) {
        timer = setTimeout(() => this.#timeOut(), this.#statementTimeoutMs);
      }
      start(value => {
        settle();
        resolve(value);
      }, fail);
    });
  }

  #timeOut(): void {
    const message = `no answer within ${this.#statementTimeoutMs} ms`;
    this.#die(new ReshardError('unreachable', message, { context: this.where() }));
  }

  #die(error: Error): void {
    this.#dead ??= mapMysqlError(error, this.where());
    if (this.#cut) return;
    this.#cut = true;
    for (const fail of [...this.#pending]) fail(this.#dead);
    this.#connection.destroy();
    this.#connection.stream.destroy();
  }

  #closedError(): ReshardError {
    return new ReshardError('unreachable', 'the session is closed', { context: this.where() });
  }
}

async function login(
  endpoint: MysqlEndpoint,
  side: Side,
  timeoutMs: number,
): Promise<{ connection: WireConnection; version: string }> {
  const connection = startConnection(endpoint, timeoutMs);
  const context = { side, host: endpoint.host, port: endpoint.port, user: endpoint.user };
  try {
    return await new Promise((resolve, reject) => {
      // A server that accepts and then stays silent is not covered by mysql2's own timeout.
      const timer = setTimeout(() => {
        const message = `no login within ${timeoutMs} ms`;
        reject(new ReshardError('unreachable', message, { context }));
      }, timeoutMs + 500);
      const fail = (e: unknown): void => {
        clearTimeout(timer);
        reject(mapMysqlError(e, context));
      };
      connection.on('error', fail);
      connection.connect(e => {
        if (e) return fail(e);
        connection.query('SELECT VERSION() AS version', [], (error, rows) => {
          if (error) return fail(error);
          clearTimeout(timer);
          resolve({ connection, version: versionOf(rows) });
        });
      });
    });
  } catch (e) {
    connection.destroy();
    connection.stream.destroy();
    throw e;
  }
}

function versionOf(rows: unknown): string {
  const first: unknown = Array.isArray(rows) ? rows[0] : undefined;
  if (typeof first === 'object' && first !== null && 'version' in first) {
    return String(first.version);
  }
  return 'unknown';
}

function parseVersion(version: string): readonly [number, number, number] {
  const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(version);
  return [Number(numbers?.[1] ?? 0), Number(numbers?.[2] ?? 0), Number(numbers?.[3] ?? 0)];
}

function sessionSettings(flavor: Flavor, o: SessionOptions): string[] {
  const variables = [
    `time_zone = '+00:00'`,
    `sql_mode = '${SESSION_SQL_MODE}'`,
    // With autocommit off one read view would serve every SELECT of the session.
    'autocommit = 1',
    'completion_type = 0',
    'sql_select_limit = 18446744073709551615',
    'sql_safe_updates = 0',
    'sql_big_selects = 1',
    `wait_timeout = ${IDLE_TIMEOUT_S}`,
    `lock_wait_timeout = ${METADATA_LOCK_TIMEOUT_S}`,
    flavor === 'mysql' ? 'max_execution_time = 0' : 'max_statement_time = 0',
  ];
  // Above its limit the optimizer gives up on a list of keys and reads the whole table.
  if (flavor === 'mysql') variables.push('range_optimizer_max_mem_size = 0');
  if (o.netReadTimeoutS !== undefined) variables.push(`net_read_timeout = ${o.netReadTimeoutS}`);
  if (o.netWriteTimeoutS !== undefined) variables.push(`net_write_timeout = ${o.netWriteTimeoutS}`);
  if (o.role === 'apply') {
    variables.push('foreign_key_checks = 0', 'unique_checks = 1');
    variables.push(`innodb_lock_wait_timeout = ${o.lockWaitTimeoutS ?? APPLY_LOCK_TIMEOUT_S}`);
  }
  const settings = ['SET NAMES utf8mb4', `SET SESSION ${variables.join(', ')}`];
  if (o.role === 'read') settings.push('SET SESSION TRANSACTION READ ONLY');
  if (o.role === 'apply') {
    settings.push('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE');
  }
  return settings;
}
