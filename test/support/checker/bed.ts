/**
 * Databases for a test of the checker: sources and targets as databases of their own on the shared
 * servers, dropped at the end; the check and the oracle over the same ones.
 */

import { type FullCheckOptions, runFullCheck } from '../../../services/checker/full/full-check.ts';
import type { PositionWaiter } from '../../../services/checker/full/position-waiter.ts';
import type { CheckServer } from '../../../services/checker/full/session-set.ts';
import type { CheckResult, Difference } from '../../../shared/job/state/check-result.ts';
import { type MysqlEndpoint, MysqlSession } from '../../../shared/mysql/connect.ts';
import { ModulusRoute } from '../../../shared/route/modulus.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { servers } from '../dev.ts';
import { type OracleDatabase, type OracleVerdict, oracle } from '../oracle.ts';

export interface BedTable {
  name: string;
  shardColumn: string;
}

/** For data at rest: there is nothing on its way. */
export const AT_REST: PositionWaiter = { passed: async () => {} };

interface Place extends OracleDatabase {
  session: MysqlSession;
}

export class CheckBed implements AsyncDisposable {
  readonly sources: readonly Place[];
  readonly targets: readonly Place[];
  readonly log = createLogger({ name: 'checker-test', level: 'fatal' });
  tables: BedTable[] = [];

  private constructor(sources: readonly Place[], targets: readonly Place[]) {
    this.sources = sources;
    this.targets = targets;
  }

  static async open(
    name: string,
    o: { sources?: number; targets?: number } = {},
  ): Promise<CheckBed> {
    const { mysql } = servers();
    const prefix = `checker_${name}_${process.pid}`;
    const at = async (server: string, role: string, i: number): Promise<Place> => {
      const endpoint = mysql[server];
      if (endpoint === undefined) throw new Error(`no server ${server}`);
      const database = `${prefix}_${role}${i}`;
      const session = await MysqlSession.open(endpoint, { role: 'admin' });
      await session.rawQuery(`DROP DATABASE IF EXISTS \`${database}\``);
      await session.rawQuery(`CREATE DATABASE \`${database}\` DEFAULT CHARSET utf8mb4`);
      await session.rawQuery(`USE \`${database}\``);
      return { ...endpoint, name: `${role}${i}`, database, session };
    };
    const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
    return new CheckBed(
      await Promise.all(count(o.sources ?? 1).map(i => at('s1', 's', i))),
      await Promise.all(count(o.targets ?? 2).map(i => at(i % 2 === 0 ? 't1' : 't2', 't', i))),
    );
  }

  source(i = 0): MysqlSession {
    return sessionOf(this.sources, i);
  }

  target(i: number): MysqlSession {
    return sessionOf(this.targets, i);
  }

  /** Creates a table everywhere, or with another definition on the targets. */
  async table(
    name: string,
    body: string,
    o: { shardColumn: string; onTargets?: string },
  ): Promise<void> {
    for (const p of this.sources) await p.session.rawQuery(`CREATE TABLE \`${name}\` (${body})`);
    for (const p of this.targets) {
      await p.session.rawQuery(`CREATE TABLE \`${name}\` (${o.onTargets ?? body})`);
    }
    this.tables.push({ name, shardColumn: o.shardColumn });
  }

  check(o: Partial<FullCheckOptions> = {}): Promise<CheckResult> {
    return runFullCheck({
      verifyId: 'verify-test',
      sources: this.checkSources(),
      targets: this.checkTargets(),
      tables: this.checked(this.targets.length),
      waiter: AT_REST,
      log: this.log,
      signal: new AbortController().signal,
      ...o,
    });
  }

  /** The sources as a check takes them. */
  checkSources(): CheckServer[] {
    return this.sources.map(p => checkServer(p, 'source'));
  }

  /** The targets as a check takes them. */
  checkTargets(): CheckServer[] {
    return this.targets.map(p => checkServer(p, 'target'));
  }

  /** The tables as a check takes them, spread over so many targets. */
  checked(targets: number): FullCheckOptions['tables'] {
    return this.tables.map(({ name, shardColumn }) => ({
      name,
      routeOf: schema => new ModulusRoute(schema, shardColumn, targets),
    }));
  }

  oracle(): Promise<OracleVerdict> {
    const { sources, targets, tables } = this;
    return oracle({ sources, targets, tables });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session, database } of [...this.sources, ...this.targets]) {
      await session.rawQuery(`DROP DATABASE IF EXISTS \`${database}\``);
      await session.close();
    }
  }
}

function sessionOf(places: readonly Place[], i: number): MysqlSession {
  const place = places[i];
  if (place === undefined) throw new Error(`no database ${i}`);
  return place.session;
}

function checkServer(p: Place, side: 'source' | 'target'): CheckServer {
  const { host, port, user, password } = p;
  const endpoint: MysqlEndpoint = { host, port, user, password };
  return {
    name: p.name,
    database: p.database,
    open: () => MysqlSession.open(endpoint, { role: 'read', side }),
  };
}

/** `kind key` of all differences, sorted. */
export function found(result: CheckResult): string[] {
  return result.tables.flatMap(t => t.differences.map(shown)).sort();
}

function shown(d: Difference): string {
  return `${d.kind} ${Object.values(d.key).join(',')}`;
}

export function foundByOracle(verdict: OracleVerdict): string[] {
  return verdict.tables.flatMap(t => t.differences.map(d => `${d.kind} ${d.key}`)).sort();
}
