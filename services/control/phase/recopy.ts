/**
 * Copies tables of a source anew, on the operator's word: raises their generation, so that their
 * ranges are read again through the same topics. Rows of before are overwritten by that; what was
 * deleted meanwhile is left to the check and the repair that follow (repair/repair-runs.ts).
 *
 * Order: plans, phase, start. The start is what the ordered writer waits for (a halted one is built
 * anew by it), so when it goes on, it knows of every table that is copied. Each step may be done
 * twice: a control that dies in between is followed by one that finishes.
 */
import type { Job, JobSource } from '../../../shared/job/job.ts';
import type {
  JobView,
  RecopyRequest,
  TablePlan,
  TablePlanRecord,
} from '../../../shared/job/state/job-view.ts';
import { parseSchema, stateKey } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { planRanges } from '../../../shared/mysql/range-plan.ts';
import { positionOf } from '../../../shared/mysql/table-position.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Answer } from './inquiry.ts';
import { nextPhase } from './phase.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import { type ReshapeDeps, reshaped } from './reshape.ts';
import type { StateWriter } from './state-writer.ts';

export interface RecopyDeps {
  job: Job;
  view: JobView;
  writer: StateWriter;
  log: Logger;
  /** Where each partition of a topic ends now, and which topic that is. */
  ends: (topic: string) => Promise<{ topicId: string; ends: number[] }>;
  proofs: Pick<ProofKeeper, 'doubt'>;
}

/** What the source says for a recopy: nothing of it is written yet. */
export interface RecopyDraft {
  gtid: string;
  /** By table; without those that an earlier control has planned for the same request. */
  tables: ReadonlyMap<string, TableDraft>;
}

/** With the shape that the table has by now, if that is another one. */
type TableDraft = Pick<TablePlanRecord, 'estimatedRows' | 'ranges'> & Partial<TablePlanRecord>;

/** Of each source the oldest request that is neither planned nor refused. */
export function openRecopies(view: JobView): RecopyRequest[] {
  const open = [...view.recopies.values()]
    .filter(r => !r.plannedMs && !r.error)
    .sort((a, b) => a.requestedMs - b.requestedMs);
  return open.filter(r => open.find(x => x.source === r.source) === r);
}

/** Asks the source; see inquiry.ts. */
export async function draftRecopy(deps: ReshapeDeps, request: RecopyRequest): Promise<RecopyDraft> {
  const { job, view, log } = deps;
  const source = sourceOf(job, request);
  await using session = await MysqlSession.open(source, { role: 'read', log });
  // Before the ranges: what is committed later is in the binlog behind it.
  const gtid = await gtidLowerBound(session);
  const tables = new Map<string, TableDraft>();
  for (const name of request.tables) {
    const known = view.needPlan(source.name, source.database, name);
    if (known.recopy === request.id) continue;
    const { schema, ...placed } = await placedShape(deps, request, session, known);
    tables.set(name, { ...(await planRanges(session, schema)), ...placed });
  }
  return { gtid, tables };
}

/**
 * What of the plan is another one. Where the binlog up to now is not read, the plan is of a place
 * in it: a statement that is met behind that is none that the plan has.
 */
async function placedShape(
  deps: ReshapeDeps,
  request: RecopyRequest,
  session: MysqlSession,
  known: TablePlan,
): Promise<Partial<TablePlanRecord> & { schema: TableSchema }> {
  const source = sourceOf(deps.job, request);
  for (;;) {
    const shape = await reshaped(deps, request, source, known);
    const schema = shape.schemaJson === undefined ? known.schema : parseSchema(shape.schemaJson);
    if (!request.skip && !request.jump) return { ...shape, schema, skipTo: '' };
    const skipTo = await positionOf(session, schema);
    if (skipTo !== null) return { ...shape, schema, skipTo };
  }
}

/** Writes what follows from the source's answer, or why it cannot be. */
export async function planRecopy(
  deps: RecopyDeps,
  request: RecopyRequest,
  answer: Answer<RecopyDraft>,
): Promise<void> {
  const { log } = deps;
  const { id, tables, source } = request;
  try {
    if ('error' in answer) throw answer.error;
    await plan(deps, request, answer.value);
    const recopied = { id, plannedMs: Date.now(), error: null };
    await deps.writer.put(stateKey.recopied(id), { recopied });
    log.info({ source, tables, jump: request.jump }, 'tables are copied anew');
  } catch (e) {
    const error = asReshardError(e);
    if (policyOf(error.kind) === 'restart') throw error;
    log.error({ recopy: id }, `recopy refused: ${describeError(error)}`);
    const recopied = { id, plannedMs: null, error: describeError(error) };
    await deps.writer.put(stateKey.recopied(id), { recopied });
  }
}

async function plan(deps: RecopyDeps, request: RecopyRequest, draft: RecopyDraft): Promise<void> {
  const { job, view } = deps;
  const { id: recopy, jump } = request;
  const { gtid } = draft;
  const source = sourceOf(job, request);
  for (const [name, drafted] of draft.tables) {
    const { schema: _, ...record } = view.needPlan(source.name, source.database, name);
    // Before the plan is known, and so before any row of it is in the log.
    const { topicId, ends } = await deps.ends(record.topic);
    await deps.writer.put(stateKey.plan(source.name, source.database, name), {
      plan: {
        ...record,
        ...drafted,
        generation: record.generation + 1,
        recopy,
        copiedFrom: ends,
        copiedTopicId: topicId,
      },
    });
    failpoint(FAILPOINTS.controlMidPrepare);
  }
  if (view.job === null) throw new ReshardError('bug', 'a recopy of a job without a state');
  await doubtOthers(deps, request);
  const phase = nextPhase(view.job.phase, 'recopied');
  await deps.writer.put(stateKey.job, { job: { ...view.job, phase, sinceMs: Date.now() } });
  const start = view.starts.get(source.name);
  if (start === undefined) throw new ReshardError('bug', 'a recopy of a source without a start');
  await deps.writer.put(stateKey.start(source.name), { start: { ...start, gtid, recopy, jump } });
}

function sourceOf(job: Job, request: RecopyRequest): JobSource {
  const source = job.sources.find(s => s.name === request.source);
  if (source !== undefined) return source;
  throw new ReshardError('schema-changed', `the job has no source ${request.source}`);
}

/** Changes of the other tables in a stretch of the binlog that is not read are in no log. */
async function doubtOthers({ job, proofs }: RecopyDeps, request: RecopyRequest): Promise<void> {
  if (!request.jump) return;
  const others = job.tables.map(t => t.name).filter(name => !request.tables.includes(name));
  await proofs.doubt(others, `${request.id} has passed over binlog of ${request.source}`);
}
