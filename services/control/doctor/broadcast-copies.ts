/**
 * Doctor: whether a table that is on all servers of a cluster is the same on all of them. A new
 * server gets the copy of one; if the others have another one, it should be known whose it gets.
 */
import { type Job, type JobSource, routeSpec, tablesOf } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { errorFinding, serverWhere } from './error-finding.ts';

const TIMEOUT_MS = 20_000;

export async function checkBroadcasts(job: Job, log: Logger): Promise<Finding[]> {
  if (job.kind !== 'expand') return [];
  const findings: Finding[] = [];
  for (const table of tablesOf(job)) {
    const spec = routeSpec(job, table);
    const from = job.sources.find(s => spec.kind === 'all' && s.name === spec.from);
    if (from === undefined) continue;
    try {
      const sums = await Promise.all(job.sources.map(source => sumOf(source, table, log)));
      const given = sums[job.sources.indexOf(from)];
      const other = job.sources.find((_, i) => sums[i] !== given);
      if (other !== undefined) findings.push(finding(other, from, table));
    } catch (e) {
      findings.push(errorFinding(e, `table ${table} of the sources`));
    }
  }
  return findings;
}

/** Of the rows in the order of their key; the same for equal rows, whatever the server. */
async function sumOf(source: JobSource, table: string, log: Logger): Promise<string> {
  const options = { role: 'read', log, statementTimeoutMs: TIMEOUT_MS } as const;
  await using session = await MysqlSession.open(source, options);
  const name = qualified(source.database, table);
  const [row] = await session.query<{ Checksum: string | number | null }>(`CHECKSUM TABLE ${name}`);
  return `${row?.Checksum}`;
}

function finding(other: JobSource, from: JobSource, table: string): Finding {
  return {
    level: 'warning',
    code: 'copies-differ',
    where: `${serverWhere('source', other)} ${other.database}.${table}`,
    what: `is another table than on ${from.name}, or was changed just now`,
    why: `The servers that come get the copy of ${from.name}.`,
    fix: 'make the copies equal, or name the server with the right one: `route: { kind: all, from }`',
  };
}
