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
import type { JobView, RecopyRequest } from '../../../shared/job/state/job-view.ts';
import { stateKey } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { planRanges } from '../../../shared/mysql/range-plan.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { schemaFingerprint } from '../../../shared/schema/table-schema.ts';
import { nextPhase } from './phase.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import type { StateWriter } from './state-writer.ts';

export interface RecopyDeps {
  job: Job;
  view: JobView;
  writer: StateWriter;
  log: Logger;
  /** Where each partition of a topic ends now. */
  ends: (topic: string) => Promise<number[]>;
  proofs: Pick<ProofKeeper, 'doubt'>;
}

/** The oldest request that is neither planned nor refused. */
export function openRecopy(view: JobView): RecopyRequest | undefined {
  return [...view.recopies.values()]
    .filter(r => !r.plannedMs && !r.error)
    .sort((a, b) => a.requestedMs - b.requestedMs)[0];
}

export async function planRecopy(deps: RecopyDeps, request: RecopyRequest): Promise<void> {
  const { job, log } = deps;
  const { id, tables } = request;
  try {
    const source = job.sources.find(s => s.name === request.source);
    if (source === undefined) {
      throw new ReshardError('schema-changed', `the job has no source ${request.source}`);
    }
    await plan(deps, request, source);
    const recopied = { id, plannedMs: Date.now(), error: null };
    await deps.writer.put(stateKey.recopied(id), { recopied });
    log.info({ source: source.name, tables, jump: request.jump }, 'tables are copied anew');
  } catch (e) {
    const error = asReshardError(e);
    if (policyOf(error.kind) === 'restart') throw error;
    log.error({ recopy: id }, `recopy refused: ${describeError(error)}`);
    const recopied = { id, plannedMs: null, error: describeError(error) };
    await deps.writer.put(stateKey.recopied(id), { recopied });
  }
}

async function plan(deps: RecopyDeps, request: RecopyRequest, source: JobSource): Promise<void> {
  const { view, log } = deps;
  const { id: recopy, jump } = request;
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const gtid = await gtidLowerBound(session);
  for (const name of request.tables) {
    const key = `${source.name}/${source.database}.${name}`;
    const known = view.plans.get(key);
    if (known === undefined) throw new ReshardError('schema-changed', `no plan of ${key}`);
    if (known.recopy === recopy) continue;
    const schema = await inspectTable(session, source.database, name);
    if (schemaFingerprint(schema) !== schemaFingerprint(known.schema)) throw altered(key);
    const { schema: _, ...record } = known;
    await deps.writer.put(stateKey.plan(source.name, source.database, name), {
      plan: {
        ...record,
        ...(await planRanges(session, schema)),
        generation: known.generation + 1,
        recopy,
        skipTo: request.skip ? gtid : '',
        // Before the plan is known, and so before any row of it is in the log.
        copiedFrom: await deps.ends(known.topic),
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

/** Changes of the other tables in a stretch of the binlog that is not read are in no log. */
async function doubtOthers({ job, proofs }: RecopyDeps, request: RecopyRequest): Promise<void> {
  if (!request.jump) return;
  const others = job.tables.map(t => t.name).filter(name => !request.tables.includes(name));
  await proofs.doubt(others, `${request.id} has passed over binlog of ${request.source}`);
}

function altered(table: string): ReshardError {
  return new ReshardError('schema-changed', `${table} is not as it was planned`, {
    remedy:
      'undo the change of the table; columns that were added can be taken up instead (`reshard ddl' +
      ' show`), then recopy again',
  });
}
