/**
 * One connection to a MySQL or MariaDB server with a session that loses nothing: whatever we depend
 * on is set (session-setting.ts), never the server's default. A row that a server took once must be
 * readable and writable again, and anything that does not fit must be an error, not a warning.
 *
 * Invariant: a promise of this class always settles. mysql2 leaves commands pending when a
 * connection is destroyed, so pending ones are kept here and rejected.
 */
import { ReshardError } from '../runtime/error.ts';
import type { Logger } from '../runtime/log.ts';
import { type MysqlEndpoint, startConnection, type WireConnection } from './driver.ts';
import { quoteText } from './identifier.ts';
import { mapMysqlError, type Side } from './mysql-error.ts';
import { type OnRow, RawQuery, type StatementResult } from './raw-query.ts';
import {
  FIRST_STATEMENTS,
  type Flavor,
  type Role,
  type SessionSetting,
  type SessionTimeouts,
  setStatement,
  settingsOf,
  shows,
  transactionStatement,
} from './session-setting.ts';

export type { Flavor, MysqlEndpoint, Role };

export interface SessionOptions extends SessionTimeouts {
  role: Role;
  /** Whose failure it is; by default the source's, but the target's for `apply`. */
  side?: Side;
  log?: Logger;
  connectTimeoutMs?: number;
  /** A statement that takes longer destroys the connection: the answer of a half-open link. */
  statementTimeoutMs?: number;
}

export type Param = string | number | bigint | boolean | Buffer | null | Param[];

const CONNECT_TIMEOUT_MS = 10_000;
export class MysqlSession implements AsyncDisposable {
  readonly flavor: Flavor;
  readonly version: string;
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
      await settle(session, options);
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
        // Commands go in this order; an error of the first ones is the answer of the last.
        for (const sql of FIRST_STATEMENTS) {
          connection.query(sql, [], error => error && fail(error));
        }
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

/** Brings the session into the state that session-setting.ts asks for. */
async function settle(session: MysqlSession, o: SessionOptions): Promise<void> {
  const wanted = settingsOf(o.role, o);
  const names = wanted.map(s => quoteText(s.name)).join(', ');
  const rows = await session.query<{ Variable_name: string; Value: string }>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN (${names})`,
  );
  const shown = new Map(rows.map(r => [r.Variable_name.toLowerCase(), `${r.Value}`]));
  const known = wanted.filter(s => shown.has(s.name));
  await session.rawQuery(setStatement(known.filter(s => !s.restricted)));
  for (const setting of known.filter(s => s.restricted)) {
    if (shows(setting, shown.get(setting.name) ?? '')) continue;
    await setRestricted(session, setting);
  }
  await session.rawQuery(transactionStatement(o.role));
}

async function setRestricted(session: MysqlSession, setting: SessionSetting): Promise<void> {
  const { name, value, why } = setting;
  try {
    await session.rawQuery(setStatement([setting]));
  } catch (e) {
    const error = mapMysqlError(e, session.where());
    if (error.kind === 'unreachable') throw error;
    if (setting.restricted === 'wished') return;
    throw new ReshardError('server-setting', `the session needs ${name} = ${value}: ${why}`, {
      cause: e,
      context: session.where(),
      remedy: `SET GLOBAL ${name} = ${value} on the server, and not another in init_connect`,
    });
  }
}
