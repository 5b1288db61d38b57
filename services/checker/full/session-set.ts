/**
 * Connections of the check: a session set has one to every server, and a range is probed by one
 * session set. So the number of session sets is the number of statements that a server gets from us
 * at a time. A connection that died is opened anew for the next probe; probes change nothing, so
 * they may be repeated. But only on the same server: behind an address another one may answer after
 * a failover, and what was compared on the first says nothing of it. So the first connection to
 * each server notes who it is, and one that meets another server ends the check.
 */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { Backoff } from '../../../shared/runtime/backoff.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { Logger } from '../../../shared/runtime/log.ts';

export interface CheckServer {
  /** Name in the job. */
  name: string;
  database: string;
  open(): Promise<MysqlSession>;
}

const ATTEMPTS = 8;
const PAUSE = { minMs: 100, maxMs: 5000 };

export class SessionSet {
  readonly #sessions = new Map<CheckServer, Promise<MysqlSession>>();
  readonly #identities: Map<CheckServer, string>;

  /** `identities`: who answered first at each server; one map for all sets of a check. */
  constructor(identities: Map<CheckServer, string>) {
    this.#identities = identities;
  }

  async session(server: CheckServer): Promise<MysqlSession> {
    const known = this.#sessions.get(server);
    if (known !== undefined) {
      const session = await known;
      if (session.alive) return session;
    }
    const opening = this.#open(server);
    this.#sessions.set(server, opening);
    opening.catch(() => {
      if (this.#sessions.get(server) === opening) this.#sessions.delete(server);
    });
    return opening;
  }

  async #open(server: CheckServer): Promise<MysqlSession> {
    const session = await server.open();
    const identity = await identityOf(session).catch(async e => {
      await session.close();
      throw e;
    });
    const known = this.#identities.get(server) ?? identity;
    this.#identities.set(server, known);
    if (known === identity) return session;
    await session.close();
    throw new ReshardError('schema-changed', `${server.name} is another server than before`, {
      context: { before: known, now: identity },
      remedy: 'what was compared is of the server before: run the check again',
    });
  }

  async close(): Promise<void> {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    await Promise.allSettled(sessions.map(async s => (await s).close()));
  }
}

export class SessionSetPool implements AsyncDisposable {
  readonly #idle: SessionSet[];
  readonly #sessionSets: readonly SessionSet[];
  readonly #waiting: ((sessionSet: SessionSet) => void)[] = [];
  readonly #log: Logger;
  readonly #signal: AbortSignal;

  constructor(size: number, log: Logger, signal: AbortSignal) {
    const identities = new Map<CheckServer, string>();
    this.#sessionSets = Array.from({ length: size }, () => new SessionSet(identities));
    this.#idle = [...this.#sessionSets];
    this.#log = log;
    this.#signal = signal;
  }

  /**
   * Runs `work` with a session set of its own; again, after a pause, while servers cannot be
   * reached.
   */
  async use<T>(work: (sessionSet: SessionSet) => Promise<T>): Promise<T> {
    const backoff = new Backoff(PAUSE);
    for (let attempt = 1; ; attempt++) {
      this.#signal.throwIfAborted();
      const sessionSet = this.#idle.pop() ?? (await this.#next());
      try {
        return await work(sessionSet);
      } catch (e) {
        const error = asReshardError(e);
        if (policyOf(error.kind) !== 'restart' || attempt === ATTEMPTS) throw error;
        this.#log.warn({ attempt }, `probes again: ${describeError(error)}`);
      } finally {
        this.#release(sessionSet);
      }
      await backoff.wait(this.#signal);
    }
  }

  #next(): Promise<SessionSet> {
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  #release(sessionSet: SessionSet): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(sessionSet);
    else next(sessionSet);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessionSets.map(sessionSet => sessionSet.close()));
  }
}

/** The server's own name for itself, the same for as long as its data directory lives. */
export async function identityOf(session: MysqlSession): Promise<string> {
  const id = session.flavor === 'mariadb' ? '@@server_uid' : '@@server_uuid';
  const [row] = await session.query<{ id: string }>(`SELECT ${id} AS id`);
  return row?.id ?? '';
}
