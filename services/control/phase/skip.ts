/**
 * The operator's word that a statement at which a source's log stands has changed no row (`reshard
 * ddl skip`): the log goes on behind it. What the statement did cannot be seen, so the word is all
 * there is; what can be seen is looked at first. The source must stand at that very statement, and
 * its tables must be as they were planned: rows that follow are read by the plan.
 *
 * Proofs of the tables are doubted before the word counts: were it wrong, no status says `verified`
 * until a check has looked at every row.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { SkipRequest } from '../../../shared/job/state/ddl-request.ts';
import { type JobView, stateKey } from '../../../shared/job/state/job-view.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { lookAtTable } from './growth.ts';
import type { Ruling } from './growth-target.ts';
import { oldestOpen } from './open-request.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import type { StateWriter } from './state-writer.ts';

/** A statement at which a source's log stands. */
export interface StatementHalt {
  source: string;
  gtid: string;
  /** Null: it may be any of the source. */
  table: string | null;
}

export interface SkipDeps {
  job: Job;
  view: JobView;
  ruling: Ruling;
  writer: StateWriter;
  log: Logger;
  proofs: Pick<ProofKeeper, 'doubt'>;
  grown: { haltOf(source: string): StatementHalt | null };
}

/** A control that has just begun has not heard of the source yet. */
const HALT_WAIT_MS = 20_000;

/** The oldest request without an answer. */
export function openSkip(view: JobView): SkipRequest | undefined {
  return oldestOpen(view, view.skips);
}

export async function carryOutSkip(
  deps: SkipDeps,
  request: SkipRequest,
  look: typeof lookAtTable = lookAtTable,
): Promise<void> {
  const { log, writer, proofs } = deps;
  const { id, source, gtid, by } = request;
  const answer = async (doneMs: number | null, error: string | null): Promise<void> => {
    await writer.put(stateKey.applied(id), { applied: { id, doneMs, error } });
  };
  const isEarly = Date.now() - request.requestedMs < HALT_WAIT_MS;
  if (deps.grown.haltOf(source) === null && isEarly) return;
  try {
    const tables = await refuseUnlike(deps, request, look);
    await proofs.doubt(tables, `a statement at ${source} was passed over on the word of ${by}`);
    await answer(Date.now(), null);
    log.warn(
      { source, gtid, by, tables },
      'a statement is passed over on the word of the operator',
    );
  } catch (e) {
    const error = asReshardError(e);
    // A server that is away must not keep control from everything else.
    const isOfServer = error.kind === 'unreachable' || error.kind === 'target';
    if (policyOf(error.kind) === 'restart' && !isOfServer) throw error;
    log.error({ skip: id, source }, `ddl skip refused: ${describeError(error)}`);
    await answer(null, describeError(error));
  }
}

/** Tables that the statement may have been about; throws if one is not as it was planned. */
async function refuseUnlike(
  { job, view, ruling, log, grown }: SkipDeps,
  { source: name, gtid }: SkipRequest,
  look: typeof lookAtTable,
): Promise<string[]> {
  const source = job.sources.find(s => s.name === name);
  const halt = grown.haltOf(name);
  if (source === undefined || halt?.gtid !== gtid) {
    throw new ReshardError('schema-changed', `the log of ${name} does not stand at ${gtid}`, {
      remedy: '`reshard ddl list <job file>` shows where it stands',
    });
  }
  const tables = halt.table === null ? job.tables.map(t => t.name) : [halt.table];
  for (const table of tables) {
    if ((await look({ job, view, ruling, log }, source, table)) === null) continue;
    throw new ReshardError('schema-changed', `${table} is not as it was planned`, {
      context: { source: name, table },
      remedy: '`reshard ddl show <job file>` says what has come to it, and the ways on',
    });
  }
  return tables;
}
