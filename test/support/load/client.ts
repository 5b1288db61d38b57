/**
 * The load's own MySQL client: it plays the user's application, so it does not go through our
 * session (whose options are made for carrying rows, not for running a shop). The one importer
 * of mysql2 in this room.
 */
import mysql from 'mysql2/promise';
import { OWN_SESSION } from '../own-session.ts';
import type { Value } from './tables.ts';

/** ER_LOCK_WAIT_TIMEOUT and ER_LOCK_DEADLOCK. */
const LOCK_LOST = [1205, 1213];
const MAX_TRIES = 20;

export type LoadEndpoint = { host: string; port: number; user: string; password: string };

export class LoadClient {
  readonly #connection: mysql.Connection;

  private constructor(connection: mysql.Connection) {
    this.#connection = connection;
  }

  static async open(endpoint: LoadEndpoint, database?: string): Promise<LoadClient> {
    const connection = await mysql.createConnection({
      host: endpoint.host,
      port: endpoint.port,
      user: endpoint.user,
      password: endpoint.password,
      ...(database === undefined ? {} : { database }),
      charset: 'utf8mb4',
      timezone: 'Z',
      rowsAsArray: true,
      supportBigNumbers: true,
      bigNumberStrings: true,
      connectTimeout: 20_000,
    });
    // A lost connection is reported by the statement that meets it; without a listener the
    // event would end the process.
    connection.on('error', () => undefined);
    for (const sql of OWN_SESSION) await connection.query(sql);
    await connection.query('SET innodb_lock_wait_timeout=3');
    return new LoadClient(connection);
  }

  /** Runs a statement; answers the number of affected rows, or of rows read. */
  async run(sql: string, values: readonly (Value | Value[] | Value[][])[] = []): Promise<number> {
    const [answer] = await this.#connection.query(sql, [...values]);
    if (Array.isArray(answer)) return answer.length;
    return 'affectedRows' in answer ? answer.affectedRows : 0;
  }

  /**
   * The same of a statement outside of a transaction that has to be carried out although others
   * write: where it loses a deadlock, or waits too long for a lock, it is sent again.
   */
  async insist(sql: string, values: readonly Value[] = []): Promise<number> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.run(sql, values);
      } catch (error) {
        const lockLost = LOCK_LOST.includes(errorNumber(error) ?? 0);
        if (!lockLost || tries === MAX_TRIES) throw error;
      }
    }
  }

  /** Rows, as arrays of their values. */
  async rows(sql: string): Promise<unknown[][]> {
    const [answer] = await this.#connection.query(sql);
    if (!Array.isArray(answer)) return [];
    const rows: unknown[] = answer;
    return rows.filter(row => Array.isArray(row));
  }

  /** The first value of the first row; undefined when there is no row. */
  async value(sql: string, values: readonly Value[] = []): Promise<string | undefined> {
    const [answer] = await this.#connection.query(sql, [...values]);
    if (!Array.isArray(answer)) return undefined;
    const row: unknown = answer[0];
    return Array.isArray(row) && row[0] !== null ? String(row[0]) : undefined;
  }

  destroy(): void {
    this.#connection.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async close(): Promise<void> {
    await this.#connection.end();
  }
}

/** MySQL error number of a failed statement; 0 when the connection itself is gone. */
export function errorNumber(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('errno' in error && typeof error.errno === 'number' && error.errno > 0) return error.errno;
  if ('fatal' in error && error.fatal === true) return 0;
  if (
    'code' in error &&
    typeof error.code === 'string' &&
    /^(E[A-Z]+|PROTOCOL_)/.test(error.code)
  ) {
    return 0;
  }
  return error instanceof Error && /closed state/.test(error.message) ? 0 : undefined;
}
