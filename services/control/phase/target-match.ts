/**
 * The last look before a job starts: do the targets hold what is planned? The doctor has compared
 * them before, but the sources' tables may have been altered since, also between the statements by
 * which `--create-targets` made them. The tables of the targets are still empty. So columns that
 * came to a table, or were made wider, are made so on the targets too; every other difference is
 * the operator's, as it is for the doctor.
 */
import type { Job, JobTarget } from '../../../shared/job/job.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { collationOf } from '../../../shared/mysql/schema-copy.ts';
import { alterTable } from '../../../shared/mysql/schema-fix.ts';
import type { PlacedTable } from '../../../shared/mysql/table-position.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type SchemaDifference, schemaDifferences } from '../../../shared/schema/schema-diff.ts';
import { alterTarget } from './alter-target.ts';

export interface TargetMatch {
  job: Job;
  log: Logger;
  /** The targets may be altered; else what they lack is told. */
  mayAlter: boolean;
}

/** Throws `server-setting` with statements that help. */
export async function matchTargets(o: TargetMatch, planned: readonly PlacedTable[]): Promise<void> {
  const left: string[] = [];
  for (const target of o.job.targets) {
    for (const table of planned) left.push(...(await matchTable(o, target, table, planned)));
  }
  if (left.length === 0) return;
  const what = 'tables of the targets are not like those that are planned now';
  throw new ReshardError('server-setting', `${what}: ${left.length} differences`, {
    remedy: `${left.join(' ')} then start again`,
  });
}

/** What is to be done by hand, in words or as a statement. */
async function matchTable(
  { log, mayAlter }: TargetMatch,
  target: JobTarget,
  table: PlacedTable,
  planned: readonly PlacedTable[],
): Promise<string[]> {
  const { schema, printed } = table;
  const look = async (): Promise<{ difference: SchemaDifference; sql: string | null }[]> => {
    await using session = await MysqlSession.open(target, { role: 'admin', side: 'target', log });
    const there = await inspectTable(session, target.database, schema.table, { like: schema });
    const collation = await collationOf(session, target.database, schema.table);
    const name = qualified(target.database, schema.table);
    return schemaDifferences(schema, there)
      .filter(d => d.blocks && !isOfAnother(d, table, planned))
      .map(difference => {
        const sql = alterTable(name, difference.remedy, printed, collation);
        return { difference, sql: sql ?? null };
      });
  };
  const additions = (list: Awaited<ReturnType<typeof look>>): string[] => {
    const growing = list.filter(f => mayAlter && isGrowth(f.difference));
    return [...new Set(growing.flatMap(f => f.sql ?? []))];
  };
  let found = await look();
  if (additions(found).length > 0) {
    await alterTarget({ log }, target, schema.table, async () => additions(await look()));
    found = await look();
  }
  const told = found.map(
    ({ difference: { column, what }, sql }) => sql ?? `${schema.table}.${column} ${what};`,
  );
  return [...new Set(told)].map(what => `${target.name}: ${what}`);
}

function isGrowth({ remedy, width }: SchemaDifference): boolean {
  return remedy.kind === 'add' || (remedy.kind === 'modify' && width === 'narrower');
}

/** Sources come to a change one after the other. */
function isOfAnother(
  { remedy }: SchemaDifference,
  { schema }: PlacedTable,
  planned: readonly PlacedTable[],
): boolean {
  if (remedy.kind !== 'drop') return false;
  const { column } = remedy;
  return planned.some(
    p => p.schema.table === schema.table && p.schema.columns.some(c => c.name === column),
  );
}
