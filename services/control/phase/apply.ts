/**
 * Takes tables up that the job file has more than the job, while the job runs, on the operator's
 * word (`reshard apply`).
 *
 * Everything that can go wrong is tried first: tables, schemas, topics. Then the plans are written,
 * which nobody sees while the job does not have the tables; then the identity, by which the tables
 * are the job's; then the phase; then each source's start, by which its ordered writer is built anew
 * and captures the tables from the place of their plans (what is in the binlog of a table before
 * that is in the rows that the copy reads). Each step may be done twice: a control that dies in
 * between is followed by one that finishes.
 */
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { inspectJobTable } from '../../../shared/job/job-key.ts';
import { identityHash, type JobIdentity, tablesFrom } from '../../../shared/job/state/identity.ts';
import {
  type ApplyRequest,
  type JobView,
  stateKey,
  type TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { tableAtPosition } from '../../../shared/mysql/table-position.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { unsupportedColumns } from '../../../shared/schema/table-schema.ts';
import type { Answer } from './inquiry.ts';
import { oldestOpen } from './open-request.ts';
import { nextPhase } from './phase.ts';
import { planTable } from './prepare.ts';
import type { StateWriter } from './state-writer.ts';

export interface ApplyDeps {
  job: Job;
  kafka: KafkaLog;
  registry: SchemaRegistry;
  view: JobView;
  writer: StateWriter;
  log: Logger;
}

/**
 * The oldest request without an answer. It waits until the ordered writer of every source has begun
 * with the last recopy: another start would take the place of the one that it has to begin with.
 */
export function openApply(
  view: JobView,
  progress: ReadonlyMap<string, ProgressView>,
): ApplyRequest | undefined {
  for (const [source, start] of view.starts) {
    const resume = progress.get(source)?.resume ?? null;
    if (resume !== null && (resume.recopy ?? null) !== (start.recopy ?? null)) return undefined;
  }
  return oldestOpen(view, view.applies);
}

/** Asks every source, and makes topics and subjects; see inquiry.ts. No record of the job yet. */
export async function draftApply(
  deps: Omit<ApplyDeps, 'writer'>,
  request: ApplyRequest,
): Promise<TablePlanRecord[]> {
  const plans: TablePlanRecord[] = [];
  for (const source of deps.job.sources) plans.push(...(await plansOf(deps, request, source)));
  return plans;
}

/** Writes what follows from the answer of the sources, or why it cannot be. */
export async function carryOutApply(
  deps: ApplyDeps,
  request: ApplyRequest,
  answer: Answer<TablePlanRecord[]>,
): Promise<void> {
  const { log, writer } = deps;
  const { id } = request;
  const tables = request.tables.map(t => t.name);
  try {
    if ('error' in answer) throw answer.error;
    await takeUp(deps, request, answer.value);
    await writer.put(stateKey.applied(id), { applied: { id, doneMs: Date.now(), error: null } });
    log.info({ tables }, 'tables are taken up');
  } catch (e) {
    const error = asReshardError(e);
    if (policyOf(error.kind) === 'restart') throw error;
    log.error({ apply: id, tables }, `apply refused: ${describeError(error)}`);
    const applied = { id, doneMs: null, error: describeError(error) };
    await writer.put(stateKey.applied(id), { applied });
  }
}

/** Plans of the new tables of a source; those that an earlier control has written stay. */
async function plansOf(
  deps: Omit<ApplyDeps, 'writer'>,
  request: ApplyRequest,
  source: JobSource,
): Promise<TablePlanRecord[]> {
  const { view, log } = deps;
  const job = { ...deps.job, tables: tablesFrom(request) };
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const plans: TablePlanRecord[] = [];
  for (const { name } of request.tables) {
    if (view.plannedOf(source.name, source.database, name) !== undefined) continue;
    const placed = await tableAtPosition(session, () =>
      inspectJobTable(session, job, source.database, name),
    );
    const [refused] = unsupportedColumns(placed.schema);
    if (refused !== undefined) {
      throw new ReshardError('unsupported-type', refused.reason, {
        context: { source: source.name, table: name, column: refused.column },
        remedy: refused.remedy,
      });
    }
    await refuseFilled(deps, tableTopic(source.name, source.database, name));
    plans.push({ ...(await planTable(deps, source, placed, session)), recopy: request.id });
  }
  return plans;
}

/** Records of whoever had the topic before would be applied before ours. */
async function refuseFilled({ kafka }: Pick<ApplyDeps, 'kafka'>, topic: string): Promise<void> {
  const admin = await kafka.admin();
  if (!(await admin.listTopics()).includes(topic)) return;
  const ranges = await admin.offsets(topic);
  if (ranges.every(r => r.latest === 0)) return;
  throw new ReshardError('foreign-job', `the topic ${topic} holds records that are not the job's`, {
    context: { topic },
    remedy:
      'if nobody needs them, delete the topic with the tools of Kafka, then `reshard apply <job file>` again',
  });
}

async function takeUp(
  { job, view, writer }: ApplyDeps,
  request: ApplyRequest,
  plans: readonly TablePlanRecord[],
): Promise<void> {
  const { identity } = view;
  if (identity === null || view.job === null) throw new ReshardError('bug', 'no job to apply to');
  for (const plan of plans) {
    await writer.put(stateKey.plan(plan.source, plan.db, plan.table), { plan });
    failpoint(FAILPOINTS.controlAfterPlan);
  }
  const added = request.tables.filter(t => !identity.tables.some(k => k.name === t.name));
  if (added.length > 0) {
    await writer.put(stateKey.identity, { identity: grown(identity, added) });
    failpoint(FAILPOINTS.controlAfterIdentity);
  }
  const phase = nextPhase(view.job.phase, 'recopied');
  const recopiedMs = request.requestedMs;
  await writer.put(stateKey.job, {
    job: { ...view.job, phase, sinceMs: Date.now(), recopiedMs },
  });
  for (const { name } of job.sources) {
    const start = view.starts.get(name);
    if (start === undefined) throw new ReshardError('bug', `a source without a start: ${name}`);
    await writer.put(stateKey.start(name), {
      start: { ...start, recopy: request.id, jump: false },
    });
  }
}

function grown(identity: JobIdentity, added: JobIdentity['tables']): JobIdentity {
  const next = {
    ...identity,
    generation: identity.generation + 1,
    tables: [...identity.tables, ...added],
  };
  return { ...next, hash: identityHash(next) };
}
