/**
 * Takes up columns that were added to a table of a source, or made wider, on the operator's word
 * (`reshard ddl apply`) or on control's own (grown-table.ts), so that the source's log goes on from
 * the very place of the ALTER: nothing is copied.
 *
 * What is taken up is looked at first, by the command to show it and by control once more before it
 * does it: the source's table has only grown, each new column is NULL in the rows that were there
 * (filled-column.ts) or has the constant of its statement (constant-column.ts), and every target
 * can hold what comes. The targets have been altered before, by whoever asks.
 *
 * Order: doubt (a check that is under way compares another table), schema, plan. With the plan the
 * units of the source are built anew: the ordered writer writes rows of the new shape alone, those
 * of older events too; the sink reads both; chunks of the older shape are read again. Rows of
 * before are told by the binlog's own table maps, so it does not matter how far behind the reader
 * is. Each step may be done twice.
 */
import { envelopeSchema, fieldNames } from '../../../shared/codec/avro-schema.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import { standsBy } from '../../../shared/job/state/cutover.ts';
import type { GrowthRequest } from '../../../shared/job/state/ddl-request.ts';
import { type JobView, stateKey, type TablePlan } from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { printTable } from '../../../shared/mysql/schema-copy.ts';
import type { PrintedTable } from '../../../shared/mysql/schema-fix.ts';
import type { SchemaObject, SchemaRegistry } from '../../../shared/registry/registry.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { AddedConstant } from '../../../shared/schema/column-constant.ts';
import {
  fixedColumns,
  isTold,
  isWidened,
  type WiderColumn,
} from '../../../shared/schema/column-widening.ts';
import { sameType, tableGrowth, withoutColumns } from '../../../shared/schema/table-growth.ts';
import {
  isServerKey,
  keyIndexName,
  rowKeyNames,
  schemaFingerprint,
  type TableSchema,
  unsupportedColumns,
} from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import {
  type ColumnFacts,
  columnFacts,
  constantsOf,
  type KnownConstant,
  withFills,
} from './constant-column.ts';
import { filledByServer } from './filled-column.ts';
import {
  type LackingTarget,
  lacking,
  othersColumns,
  type Ruling,
  refuseTargets,
} from './growth-target.ts';
import { oldestOpen } from './open-request.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import type { StateWriter } from './state-writer.ts';

/** Who asks for columns that are taken up without the operator. */
export const CONTROL = 'control';

/** A table at whose added columns a source has halted. */
export interface GrownTable {
  source: string;
  table: string;
  /** Names of the columns, as the source tells them. */
  added: string;
  /** Those of them that were added with a constant. */
  constants: readonly AddedConstant[];
  /** Columns that were made wider, as they are declared. */
  widened: readonly WiderColumn[];
  /** Since when it is known here. */
  sinceMs: number;
}

/** A table of a source that is not as it was planned. */
export interface GrowthLook {
  plan: TablePlan;
  now: TableSchema;
  /** As the source prints it. */
  printed: PrintedTable;
  /** Names of the columns that came. */
  added: string[];
  /** Names of those that were only made wider. */
  widened: string[];
  /** What those of them that were added with a constant have in rows that were there. */
  constants: ReadonlyMap<string, KnownConstant>;
  /** Columns that came too, whose statements the source's reader has not come to. */
  later: string[];
  /** What stands against taking it up; empty: nothing does. */
  against: string[];
  /** What stands against a copy of it as it is, too. */
  unfit: string[];
  /** What the targets lack, each in words and, where it is known, as a statement. */
  targets: LackingTarget[];
}

export interface GrowthDeps {
  job: Job;
  view: JobView;
  ruling: Ruling;
  writer: StateWriter;
  registry: SchemaRegistry;
  log: Logger;
  proofs: Pick<ProofKeeper, 'doubt'>;
  grown: { list(): GrownTable[] };
}

/** The statement at which a reader stands. */
export interface LookOptions {
  halt: GrownTable | null;
  /** Nothing but what that statement has brought is looked at. */
  only: boolean;
}

/** Null if the table is as it was planned. */
export async function lookAtTable(
  o: { job: Job; view: JobView; ruling: Ruling; log: Logger },
  source: JobSource,
  table: string,
  at: LookOptions = { halt: null, only: false },
): Promise<GrowthLook | null> {
  const { view, log } = o;
  const plan = view.needPlan(source.name, source.database, table);
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const present = await inspectTable(session, source.database, table, {
    key: rowKeyNames(plan.schema),
  });
  const facts = await columnFacts(session, present);
  const later = at.halt === null ? [] : columnsOfLater(plan, present, facts, at);
  const bare = typesOfHere(plan, withoutColumns(present, later, plan.schema), at);
  if (schemaFingerprint(bare) === schemaFingerprint(plan.schema) && !isMoved(plan.schema, bare)) {
    return null;
  }
  const { known, against } = constantsOf(plan, bare, facts, at.halt?.constants ?? []);
  const wider = widerColumns(o.job, plan, bare, facts, at.halt?.widened ?? []);
  const now = withFills(plan, bare, known, wider);
  const printed = await printTable(session, source.database, table);
  const targets: LackingTarget[] = [];
  // What comes at a later statement may be there, too: the target's table was made after it.
  const others = new Set([...othersColumns(view, plan), ...later]);
  const isStandby = standsBy(o.job, o.ruling.cutoverRun);
  for (const target of o.job.targets) {
    const found = await lacking(target, now, printed, known, { others, wider, isStandby });
    targets.push(...found.targets);
    against.push(...found.conflicts);
  }
  const { added, unfit, ...grown } = growthOf(plan, now, facts, known, wider);
  against.push(...grown.against);
  const came = { added, widened: [...wider.keys()] };
  return { plan, now, printed, ...came, constants: known, against, unfit, later, targets };
}

/** Pure: what has come to the table, and what stands against taking that up. */
function growthOf(
  { schema }: TablePlan,
  now: TableSchema,
  facts: readonly ColumnFacts[],
  known: ReadonlyMap<string, KnownConstant>,
  wider: ReadonlyMap<string, string>,
): Pick<GrowthLook, 'added' | 'against' | 'unfit'> {
  const growth = tableGrowth(schema, now, was => wider.has(was.name));
  const added = growth.added.map(c => c.name);
  const unfit = [
    ...(isSameKey(schema, now) ? [] : ['its row key is another one']),
    ...unsupportedColumns(now).map(u => `column ${u.column}: ${u.reason}`),
  ];
  const filled = filledByServer(facts, added, known);
  const against = [
    ...growth.other,
    ...filled.map(f => `column ${f.column} ${f.what}`),
    ...renamedFields(schema, now),
    ...unfit,
  ];
  return { added, against, unfit };
}

/** Pure: columns that the statement has made wider, and nothing else; what they are now. */
export function widerColumns(
  job: Job,
  { schema }: TablePlan,
  now: TableSchema,
  facts: readonly ColumnFacts[],
  declared: readonly WiderColumn[],
): Map<string, string> {
  if (declared.length === 0) return new Map();
  const fixed = fixedColumns(schema, routeOf(job, schema).columns);
  const types = new Map(facts.map(f => [f.name, f.type]));
  const found = schema.columns.flatMap((was): [string, string][] => {
    const { name } = was;
    const is = now.columns.find(c => c.name === name);
    const by = declared.find(d => d.name === name.toLowerCase());
    if (by === undefined || is === undefined || fixed.has(by.name)) return [];
    return isWidened(was, is) && isTold(by, was, is, types.get(name) ?? '')
      ? [[name, by.type]]
      : [];
  });
  return new Map(found);
}

/**
 * Pure: a column that a statement to come has made wider is still what was planned. Who asks
 * without a statement is shown what the table is.
 */
export function typesOfHere(
  { schema }: TablePlan,
  now: TableSchema,
  { halt }: Pick<LookOptions, 'halt'>,
): TableSchema {
  if (halt === null) return now;
  const here = new Set(halt.widened.map(w => w.name));
  const isHere = ({ name }: Column): boolean => here.has(name.toLowerCase());
  const columns = now.columns.map(column => {
    const was = schema.columns.find(c => c.name === column.name);
    return was !== undefined && !isHere(was) && isWidened(was, column) ? was : column;
  });
  return { ...now, columns };
}

/**
 * Columns that are not to be taken up at this statement: each is at its own. Of one that may be
 * NULL and has no default the operator's word may be enough; were it added otherwise, the reader
 * would halt at its statement.
 */
export function columnsOfLater(
  { schema }: TablePlan,
  present: TableSchema,
  facts: readonly ColumnFacts[],
  { halt, only }: LookOptions,
): string[] {
  const had = new Set(schema.columns.map(c => c.name));
  const here = (halt?.added ?? '').split(', ').map(name => name.toLowerCase());
  return present.columns.flatMap(({ name, nullable }) => {
    if (had.has(name) || here.includes(name.toLowerCase())) return [];
    const isFilled = filledByServer(facts, [name], new Map()).length > 0;
    return only || !nullable || isFilled ? [name] : [];
  });
}

/** Statements that take the index of such a key away are told by its name. */
function isMoved(planned: TableSchema, now: TableSchema): boolean {
  return !isServerKey(planned) && keyIndexName(planned) !== keyIndexName(now);
}

/** A topic lives with one key: other bytes of a key would be a second history of its row. */
function isSameKey(planned: TableSchema, now: TableSchema): boolean {
  if (planned.primaryKey.length !== now.primaryKey.length) return false;
  return planned.primaryKey.every((at, i) => {
    const was = planned.columns[at];
    const is = now.columns[now.primaryKey[i] ?? -1];
    return was !== undefined && is !== undefined && was.name === is.name && sameType(was, is);
  });
}

/**
 * Columns that would have another field in the topic's schema, because a new one takes its name.
 * Where both may be NULL the registry sees nothing wrong, and a consumer takes the values of one
 * for those of the other.
 */
function renamedFields(planned: TableSchema, now: TableSchema): string[] {
  const fieldsOf = ({ columns }: TableSchema): Map<string, string> => {
    const fields = fieldNames(columns.map(c => c.name));
    return new Map(columns.map(({ name }, i) => [name, fields[i] ?? '']));
  };
  const are = fieldsOf(now);
  return [...fieldsOf(planned)].flatMap(([name, was]) => {
    const is = are.get(name) ?? was;
    return is === was ? [] : [`column ${name} would be the field ${is} of the topic, not ${was}`];
  });
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
  return look.added.length > 0 ? 'added' : 'widened';
}

/** Which of its columns a statement has made wider is known from that alone. */
function hasWider({ plan, now }: GrowthLook): boolean {
  return plan.schema.columns.some(was => {
    const is = now.columns.find(c => c.name === was.name);
    return is !== undefined && isWidened(was, is);
  });
}

/** Null: the table is as it was planned. */
async function takeUp(
  deps: GrowthDeps,
  request: GrowthRequest,
): Promise<GrowthLook | null | 'later'> {
  const { job, writer, registry, proofs } = deps;
  const source = job.sources.find(s => s.name === request.source);
  if (source === undefined) {
    throw new ReshardError('schema-changed', `the job has no source ${request.source}`);
  }
  const halt = deps.grown.list().find(g => g.source === source.name && g.table === request.table);
  const only = halt !== undefined && request.by === CONTROL;
  const look = await lookAtTable(deps, source, request.table, { halt: halt ?? null, only });
  if (look === null) return null;
  const isEarly = Date.now() - request.requestedMs < HALT_WAIT_MS;
  const isDue = look.added.length > 0 || hasWider(look);
  if (halt === undefined && isDue && look.against.length > 0 && isEarly) return 'later';
  // Of another source, which has not come to its plan yet.
  if (isEarly && look.targets.some(t => t.isExtra === true)) return 'later';
  refuse(look);
  const { plan, now, added, widened } = look;
  const { schema: _, ...record } = plan;
  const value = envelopeSchema(source.name, now);
  const subject = `${plan.topic}-value`;
  const valueSchemaId = await registerGrown(registry, subject, value, plan.valueSchemaId);
  const what = added.length > 0 ? 'columns came to it' : 'columns of it were made wider';
  const names = [...added, ...widened].join(', ');
  await proofs.doubt([plan.table], `${what} at ${source.name}: ${names}`);
  const { schemaJson, valueSchemaId: was } = plan;
  const older = [...(plan.older ?? []), { schemaJson, valueSchemaId: was }];
  await writer.put(stateKey.plan(source.name, plan.db, plan.table), {
    plan: { ...record, schemaJson: JSON.stringify(now), valueSchemaId, older },
  });
  failpoint(FAILPOINTS.controlAfterPlan);
  return look;
}

/**
 * A registry that refuses the schema will always do; one that is away answers another time. A plan
 * is told from the one before by its id: a registry that drops attributes gives no other one.
 */
export async function registerGrown(
  registry: Pick<SchemaRegistry, 'register' | 'isCompatible'>,
  subject: string,
  value: SchemaObject,
  was: number,
): Promise<number> {
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
  if (id !== was) return id;
  throw new ReshardError('schema-changed', `the registry tells no versions of ${subject} apart`, {
    remedy: '`reshard recopy <job file>` copies the table as it is now',
  });
}

/** Throws if the columns cannot be taken up as things stand. */
export function refuse(look: GrowthLook): void {
  const { plan, against } = look;
  if (against.length > 0) {
    throw new ReshardError('schema-changed', `the table has not only grown: ${against[0]}`, {
      context: { source: plan.source, table: plan.table },
      remedy: '`reshard ddl show <job file>` says what can be done instead',
    });
  }
  refuseTargets(look);
}
