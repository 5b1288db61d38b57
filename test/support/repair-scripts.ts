/** Scripts of what a check has found in databases of a test, and their run by hand. */
import type { ScriptCounts } from '../../services/control/repair/repair-script.ts';
import { type SqlRepair, targetScript } from '../../services/control/repair/repair-sql.ts';
import type { CheckResult } from '../../shared/job/state/check-result.ts';
import { MysqlSession } from '../../shared/mysql/connect.ts';
import { ModulusRoute } from '../../shared/route/modulus.ts';
import type { CheckBed } from './checker/bed.ts';
import { runScript } from './sql-script.ts';

type Servers = Pick<CheckBed, 'sources' | 'targets'>;
type Places = CheckBed['sources'];

const BY = 'customer_id';

function repairOf(bed: Servers, result: CheckResult): SqlRepair {
  const servers = (places: Places, side: 'source' | 'target'): SqlRepair['sources'] =>
    places.map(({ name, database, host, port, user, password }) => ({
      name,
      database,
      open: () => MysqlSession.open({ host, port, user, password }, { role: 'read', side }),
    }));
  return {
    job: 'move',
    sources: servers(bed.sources, 'source'),
    targets: servers(bed.targets, 'target'),
    tables: result.tables
      .filter(t => t.differences.length > 0)
      .map(({ table, differences }) => ({
        name: table,
        key: undefined,
        routeOf: schema => new ModulusRoute(schema, BY, bed.targets.length),
        keys: differences.map(d => d.key),
      })),
    isMore: false,
  };
}

/** By target. Tables are spread by `customer_id`. */
export async function scriptsOf(
  bed: Servers,
  result: CheckResult,
): Promise<{ sql: string[]; counts: ScriptCounts }> {
  const counts = { rows: 0, left: 0 };
  const sql: string[] = [];
  for (const t of bed.targets.keys()) {
    let text = '';
    for await (const part of targetScript(repairOf(bed, result), t, counts)) text += part;
    sql.push(text);
  }
  return { sql, counts };
}

export async function runScripts(bed: CheckBed, sql: readonly string[]): Promise<void> {
  for (const [t, place] of bed.targets.entries()) await runScript(place, sql[t] ?? '');
}
