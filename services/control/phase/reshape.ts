/**
 * A table that is another one by now, and more than grown, is copied as it is, through the same
 * topic (recopy.ts): what a recopy needs to know of it, or why it cannot be.
 *
 * Records of the older shape are not read any more then. So the targets must have applied all of
 * them, and nobody may append more: the source's reader stands at the change. The new version of the
 * value schema need not be compatible with the one before; a reader goes by that of each record.
 */
import { envelopeSchema } from '../../../shared/codec/avro-schema.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import type {
  JobView,
  RecopyRequest,
  TablePlan,
  TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import { levelOf, type SchemaRegistry } from '../../../shared/registry/registry.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { Applied } from '../status/server-probe.ts';
import { lookAtTable } from './growth.ts';
import { type Ruling, refuseTargets } from './growth-target.ts';

export interface ReshapeDeps {
  job: Job;
  view: JobView;
  ruling: Ruling;
  registry: SchemaRegistry;
  log: Logger;
  /** Where each partition of a topic ends now. */
  ends: (topic: string) => Promise<{ ends: number[] }>;
  /** What a target has applied; null if it does not answer. */
  applied: (target: string) => Promise<Applied | null>;
}

/** What of the plan is another one; nothing, if the table is as it was planned. Changes nothing. */
export async function reshaped(
  deps: ReshapeDeps,
  request: RecopyRequest,
  source: JobSource,
  plan: TablePlan,
): Promise<Partial<TablePlanRecord>> {
  const look = await lookAtTable(deps, source, plan.table);
  if (look === null) return {};
  if (!request.skip && !request.jump) {
    throw altered(
      plan,
      'its reader has not come to the change',
      'wait until it halts there; columns that were added may need no copy:' +
        ' `reshard ddl show <job file>`',
    );
  }
  if (look.unfit.length > 0) {
    throw altered(plan, look.unfit.join(', '), 'undo that, or make a new job');
  }
  refuseTargets(look);
  await refuseBehind(deps, plan);
  const subject = `${plan.topic}-value`;
  const value = envelopeSchema(source.name, look.now);
  const level = await levelOf(deps.registry, subject, value);
  const valueSchemaId = await deps.registry.register(subject, value, level);
  const has = new Set(look.now.columns.map(c => c.name));
  const dropped = (plan.dropped ?? []).filter(d => !has.has(d.column));
  return { schemaJson: JSON.stringify(look.now), valueSchemaId, older: [], dropped };
}

/** Throws if a target has not applied all that the log has of the table. */
export async function refuseBehind(
  { job, ends, applied }: Pick<ReshapeDeps, 'job' | 'ends' | 'applied'>,
  plan: TablePlan,
): Promise<void> {
  const { ends: wanted } = await ends(plan.topic);
  for (const { name } of job.targets) {
    const offsets = (await applied(name))?.offsets;
    const isBehind = wanted.some((end, i) => (offsets?.get(`${plan.topic}/${i}`) ?? 0) < end);
    if (!isBehind) continue;
    throw altered(
      plan,
      `${name} has not applied yet what the log has of it`,
      'wait until `reshard status <job file>` shows nothing behind, then again',
    );
  }
}

function altered({ source, db, table }: TablePlan, why: string, remedy: string): ReshardError {
  const what = `${db}.${table} of ${source} is not as it was planned: ${why}`;
  return new ReshardError('schema-changed', what, { remedy });
}
