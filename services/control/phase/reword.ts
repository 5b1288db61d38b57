/**
 * Another word about columns that were taken up as dropped before, and that the targets have still
 * (take-up.ts). It is about the columns that it names and no others: what was to be kept is never
 * lost by a word about another column, nor by a request that is carried out a second time.
 *
 * What is to be kept must be on every target: what one of them has lost, or is losing just now,
 * cannot be kept any more.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { GrowthRequest } from '../../../shared/job/state/ddl-request.ts';
import { type JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { refuseWord } from './dropped-column.ts';
import type { StateWriter } from './state-writer.ts';
import { lacksColumn, type TargetDrops } from './target-drop.ts';

export interface RewordDeps {
  job: Job;
  view: JobView;
  writer: Pick<StateWriter, 'put'>;
  log: Logger;
  drops: Pick<TargetDrops, 'isUnderWay'>;
}

/** Null: it is done. Throws if a column that is to be kept is not there. */
export async function reword(
  deps: RewordDeps,
  { source, table, dropped: word = '' }: GrowthRequest,
  columns: readonly string[],
): Promise<null> {
  const { job, view, writer, drops } = deps;
  const plan = view.plansOf(source).find(p => p.table === table);
  if (plan === undefined || word === '') return null;
  const known = plan.dropped ?? [];
  const isMeant = (column: string): boolean => columns.includes(column);
  if (word === 'keep') {
    const going = columns.find(column => drops.isUnderWay(table, column));
    if (going !== undefined) throw gone(table, going, 'the targets are losing it');
    const lost = columns.find(column => !known.some(d => d.column === column));
    if (lost !== undefined) throw gone(table, lost, 'the targets have lost it');
    await refuseLost(deps, table, columns);
  }
  refuseWord(job, known.map(d => d.column).filter(isMeant), word);
  const { schema: _, ...record } = plan;
  const dropped = known.map(d => (isMeant(d.column) ? { ...d, keep: word === 'keep' } : d));
  await writer.put(stateKey.plan(source, plan.db, table), { plan: { ...record, dropped } });
  return null;
}

/** A drop may have come to some of the targets, and not to the others. */
async function refuseLost(
  { job, log }: RewordDeps,
  table: string,
  columns: readonly string[],
): Promise<void> {
  for (const target of job.targets) {
    for (const column of columns) {
      const isLost = await lacksColumn({ log }, target, { table, column });
      if (isLost) throw gone(table, column, `${target.name} has lost it`);
    }
  }
}

function gone(table: string, column: string, why: string): ReshardError {
  return new ReshardError('schema-changed', `${table}.${column} cannot be kept: ${why} already`);
}
