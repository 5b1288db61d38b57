/**
 * Carries out that columns are taken up, on the operator's word (`reshard ddl apply`) or on
 * control's own (grown-table.ts): looks once more (growth.ts), then writes the table's next plan.
 *
 * Order: doubt (a check that is under way compares another table), schema, plan. With the plan the
 * units of the source are built anew: the ordered writer writes rows of the new shape alone, those
 * of older events too; the sink reads both; chunks of the older shape are read again. Rows of
 * before are told by the binlog's own table maps, so it does not matter how far behind the reader
 * is. Each step may be done twice.
 */
import { envelopeSchema } from '../../../shared/codec/avro-schema.ts';
import { standsBy } from '../../../shared/job/state/cutover.ts';
import type { GrowthRequest } from '../../../shared/job/state/ddl-request.ts';
import {
  type JobView,
  type OlderSchema,
  parseSchema,
  stateKey,
} from '../../../shared/job/state/job-view.ts';
import type { SchemaObject, SchemaRegistry } from '../../../shared/registry/registry.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import { isWidened } from '../../../shared/schema/column-widening.ts';
import { allColumns } from '../../../shared/schema/table-schema.ts';
import { olderShapes, refusePending, refuseWord, standingWord } from './dropped-column.ts';
import { absentColumns, refuseAbsent } from './grown-table.ts';
import { type GrowthLook, lookAtTable, refuse } from './growth.ts';
import type { Ruling } from './growth-target.ts';
import type { GrownTable } from './halted-shape.ts';
import { oldestOpen } from './open-request.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import { type ReshapeDeps, refuseBehind } from './reshape.ts';
import { type RewordDeps, reword } from './reword.ts';

/** Who asks for columns that are taken up without the operator. */
export const CONTROL = 'control';

export interface GrowthDeps extends Pick<ReshapeDeps, 'ends' | 'applied'>, RewordDeps {
  ruling: Ruling;
  registry: SchemaRegistry;
  proofs: Pick<ProofKeeper, 'doubt'>;
  grown: { list(): GrownTable[] };
}

/** The oldest request without an answer. */
export function openGrowth(view: JobView): GrowthRequest | undefined {
  return oldestOpen(view, view.growths);
}

export async function carryOutGrowth(deps: GrowthDeps, request: GrowthRequest): Promise<void> {
  const { log, writer } = deps;
  const { id, source, table } = request;
  const answer = (doneMs: number | null, error: string | null): Promise<void> =>
    writer.put(stateKey.applied(id), { applied: { id, doneMs, error } });
  try {
    const look = await takeUp(deps, request);
    if (look === 'later') return;
    log.info({ source, table }, `${kindOf(look)} columns are taken up`);
    await answer(Date.now(), null);
  } catch (e) {
    const error = asReshardError(e);
    // A server that is away must not keep control from everything else.
    const isOfServer = error.kind === 'unreachable' || error.kind === 'target';
    if (policyOf(error.kind) === 'restart' && !isOfServer) throw error;
    log.error({ growth: id, source, table }, `ddl apply refused: ${describeError(error)}`);
    await answer(null, describeError(error));
  }
}

/**
 * A source that goes on after columns of another table were taken up is on its way to the next
 * statement: what that says is waited for, this long.
 */
const HALT_WAIT_MS = 20_000;

/** Who has died behind the plan finds nothing that is new any more. */
function kindOf(look: GrowthLook | null): string {
  if (look === null) return 'changed';
  if (look.removed.length > 0) return 'dropped';
  return look.added.length > 0 ? 'added' : 'widened';
}

/** Which of its columns a statement has made wider is known from that alone. */
function hasWider({ plan, now }: GrowthLook): boolean {
  return plan.schema.columns.some(was => {
    const is = now.columns.find(c => c.name === was.name);
    return is !== undefined && isWidened(was, is);
  });
}

/** Null: the table is as it was planned, or the word is about what it has lost before. */
async function takeUp(
  deps: GrowthDeps,
  request: GrowthRequest,
): Promise<GrowthLook | null | 'later'> {
  const { job, writer, registry, proofs } = deps;
  const source = job.sources.find(s => s.name === request.source);
  if (source === undefined) {
    throw new ReshardError('schema-changed', `the job has no source ${request.source}`);
  }
  if (request.columns !== undefined && request.columns.length > 0) {
    return await reword(deps, request, request.columns);
  }
  const halt = deps.grown.list().find(g => g.source === source.name && g.table === request.table);
  const only = halt !== undefined && request.by === CONTROL;
  const look = await lookAtTable(deps, source, request.table, { halt: halt ?? null, only });
  const isEarly = Date.now() - request.requestedMs < HALT_WAIT_MS;
  if (look === null) {
    const { schema } = deps.view.needPlan(source.name, source.database, request.table);
    const isAbsent = halt !== undefined && absentColumns(halt, schema).length > 0;
    if (isAbsent && isEarly) return 'later';
    // Were it answered as done, the source would stand there for good.
    if (isAbsent) refuseAbsent(halt, schema, Number.POSITIVE_INFINITY);
    return null;
  }
  const isDue = look.added.length > 0 || hasWider(look);
  if (halt === undefined && isDue && look.against.length > 0 && isEarly) return 'later';
  // Of another source, which has not come to its plan yet.
  if (isEarly && look.targets.some(t => t.isExtra === true)) return 'later';
  const isStandby = standsBy(job, deps.ruling.cutoverRun);
  if (!isStandby) refusePending(deps.view, request.table, look.added);
  refuse(look);
  const { plan, now, removed } = look;
  const word = request.dropped || (standingWord(job, isStandby) ?? '');
  refuseWord(job, removed, word);
  // What the log has in them is to be kept, too; behind the plan nobody reads it any more.
  if (removed.length > 0 && word === 'keep') await refuseBehind(deps, plan);
  const { schema: _, ...record } = plan;
  const value = envelopeSchema(source.name, now);
  const before = olderShapes(plan, removed);
  const registered = await registerGrown(registry, `${plan.topic}-value`, value, before);
  await proofs.doubt([plan.table], `${changeOf(look)} at ${source.name}`);
  // What rows come back from has nothing left to drop.
  const gone = isStandby ? [] : removed;
  const dropped = [
    ...(plan.dropped ?? []).filter(d => !now.columns.some(c => c.name === d.column)),
    ...gone.map(column => ({ column, keep: word === 'keep' })),
  ];
  await writer.put(stateKey.plan(source.name, plan.db, plan.table), {
    plan: { ...record, schemaJson: JSON.stringify(now), ...registered, dropped },
  });
  failpoint(FAILPOINTS.controlAfterPlan);
  return look;
}

function changeOf({ added, widened, removed }: GrowthLook): string {
  const named = (what: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [`${what}: ${names.join(', ')}`];
  return [
    ...named('columns came to it', added),
    ...named('columns of it were made wider', widened),
    ...named('columns of it were dropped', removed),
  ].join('; ');
}

/**
 * A registry that refuses the schema will always do; one that is away answers another time. A plan
 * is told from the one before by its id: a registry that drops attributes gives no other one. A
 * schema may be again what it was earlier; then records of that time are of the present shape,
 * unless a column of theirs was dropped since, and another one has its name.
 */
export async function registerGrown(
  registry: Pick<SchemaRegistry, 'register' | 'isCompatible'>,
  subject: string,
  value: SchemaObject,
  before: readonly OlderSchema[],
): Promise<{ valueSchemaId: number; older: OlderSchema[] }> {
  let id: number;
  try {
    id = await registry.register(subject, value, 'BACKWARD');
  } catch (e) {
    if ((await registry.isCompatible(subject, value)) !== false) throw e;
    throw new ReshardError('schema-changed', `the registry refuses the schema of ${subject}`, {
      cause: e,
      remedy: '`reshard recopy <job file>` copies the table as it is now',
    });
  }
  const again = before.find(o => o.valueSchemaId === id);
  const had = again === undefined ? [] : allColumns(parseSchema(again.schemaJson));
  const isOther = had.some(c => again?.gone?.includes(c.name));
  if (again !== before.at(-1) && !isOther) {
    return { valueSchemaId: id, older: before.filter(o => o !== again) };
  }
  throw new ReshardError('schema-changed', `the registry tells no versions of ${subject} apart`, {
    remedy: '`reshard recopy <job file>` copies the table as it is now',
  });
}
