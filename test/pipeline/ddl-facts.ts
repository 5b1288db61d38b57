/** What tests of schema changes ask: how a target's table is by now, and what a job tells of it. */
import type { DdlList } from '../../services/control/command/ddl-list.ts';
import type { Finding } from '../../shared/mysql/finding.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { ShopJob } from './shop-job.ts';

/** The lines of the statement that creates the table of a target. */
export async function ddlOf(job: ShopJob, target: number, table: string): Promise<string[]> {
  await using client = await job.sql(target);
  const [row] = await client.rows(`SHOW CREATE TABLE ${table}`);
  return String(row?.[1]).split('\n');
}

/** What `reshard ddl list` tells of the table. */
export async function ddlList(job: ShopJob, table: string): Promise<DdlList> {
  const asked = ['ddl', 'list', job.jobFile, '--json', '--tables', table];
  const { code, out, err } = await callReshard(...asked);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
}

/** What the doctor finds wrong, or strange, with the job as it runs. */
export async function problemsOf(job: ShopJob): Promise<string[]> {
  const { out, err } = await callReshard('doctor', job.jobFile, '--json');
  if (out === '') throw new Error(err);
  const { findings }: { findings: Finding[] } = JSON.parse(out);
  return findings.filter(f => f.level !== 'info').map(f => `${f.level} ${f.code}`);
}

/** What members that stand say of it. */
export function haltsOf({ status }: ShopJob): string[] {
  const services = status?.services ?? [];
  return services.flatMap(s => (s.state === 'halted' && s.error ? [s.error] : []));
}

/** Whether it is well by a status that is newer than when `holds` did: logs are ahead of that. */
export function seenAfter(
  job: ShopJob,
  holds: () => boolean,
  isWell: () => boolean,
): () => boolean {
  let seen: ShopJob['status'];
  return () => {
    if (!holds()) return false;
    seen ??= job.status;
    return job.status !== seen && isWell();
  };
}
