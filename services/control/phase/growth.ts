/**
 * Takes up columns that were added to a table of a source, on the operator's word (`reshard ddl
 * apply`) or on control's own (grown-table.ts), so that the source's log goes on from the very
 * place of the ALTER: nothing is copied.
 *
 * What is taken up is looked at first, by the command to show it and by control once more before it
 * does it: the source's table has only grown, each new column is NULL in the rows that were there
 * (filled-column.ts), and every target can hold what comes. The targets have been altered before,
 * by whoever asks.
 *
 * Order: doubt (a check that is under way compares another table), schema, plan. With the plan the
 * units of the source are built anew: the ordered writer writes rows of the new shape alone, those
 * of older events too; the sink reads both; chunks of the older shape are read again. Rows of
 * before are told by the binlog's own table maps, so it does not matter how far behind the reader
 * is. Each step may be done twice.
 */
import type { Flavor } from '../../../shared/change/gtid.ts';
import { envelopeSchema, fieldNames } from '../../../shared/codec/avro-schema.ts';
import type { Job, JobSource, JobTarget } from '../../../shared/job/job.ts';
import {
  type GrowthRequest,
  type JobView,
  stateKey,
  type TablePlan,
} from '../../../shared/job/state/job-view.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import { qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { createTableSql } from '../../../shared/mysql/schema-copy.ts';
import { alterTable } from '../../../shared/mysql/schema-fix.ts';
import type { SchemaObject, SchemaRegistry } from '../../../shared/registry/registry.ts';
import { asReshardError, describeError, ReshardError } from '../../../shared/runtime/error.ts';
import { policyOf } from '../../../shared/runtime/error-policy.ts';
import { FAILPOINTS, failpoint } from '../../../shared/runtime/failpoint.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import { type SchemaDifference, schemaDifferences } from '../../../shared/schema/schema-diff.ts';
import { sameType, tableGrowth } from '../../../shared/schema/table-growth.ts';
import {
  isServerKey,
  keyIndexName,
  rowKeyNames,
  schemaFingerprint,
  type TableSchema,
  unsupportedColumns,
} from '../../../shared/schema/table-schema.ts';
import { filledByServer, filledOnTarget } from './filled-column.ts';
import type { ProofKeeper } from './proof-keeper.ts';
import type { StateWriter } from './state-writer.ts';

/** A table of a source that is not as it was planned. */
export interface GrowthLook {
  plan: TablePlan;
  now: TableSchema;
  /** The source's statement that creates it. */
  create: string;
  /** Names of the columns that came. */
  added: string[];
  /** What stands against taking it up; empty: nothing does. */
  against: string[];
  /** What stands against a copy of it as it is, too. */
  unfit: string[];
  /** What the targets lack, each in words and, where it is known, as a statement. */
  targets: LackingTarget[];
}

export interface LackingTarget {
  target: string;
  column: string;
  what: string;
  sql: string | null;
  /** It lacks a column: nothing of what it has is changed. */
  isAddition: boolean;
}

export interface GrowthDeps {
  job: Job;
  view: JobView;
  writer: StateWriter;
  registry: SchemaRegistry;
  log: Logger;
  proofs: Pick<ProofKeeper, 'doubt'>;
}

/** Null if the table is as it was planned. */
export async function lookAtTable(
  o: { job: Job; view: JobView; log: Logger },
  source: JobSource,
  table: string,
): Promise<GrowthLook | null> {
  const { job, view, log } = o;
  const key = `${source.name}/${source.database}.${table}`;
  const plan = view.plans.get(key);
  if (plan === undefined) throw new ReshardError('schema-changed', `no plan of ${key}`);
  await using session = await MysqlSession.open(source, { role: 'read', log });
  const now = await inspectTable(session, source.database, table, {
    key: rowKeyNames(plan.schema),
  });
  if (schemaFingerprint(now) === schemaFingerprint(plan.schema) && !isMoved(plan.schema, now)) {
    return null;
  }
  const { added, other } = tableGrowth(plan.schema, now);
  const names = added.map(c => c.name);
  const unfit = [
    ...(isSameKey(plan.schema, now) ? [] : ['its row key is another one']),
    ...unsupportedColumns(now).map(u => `column ${u.column}: ${u.reason}`),
  ];
  const filled = await filledByServer(session, now, names);
  const against = [
    ...other,
    ...filled.map(f => `column ${f.column} ${f.what}`),
    ...renamedFields(plan.schema, now),
    ...unfit,
  ];
  const create = await createTableSql(session, source.database, table);
  const printed = { create, collation: await collationOf(session, source.database, table) };
  const targets: LackingTarget[] = [];
  for (const target of job.targets) {
    for (const { differs, sql } of await lacking(target, now, printed, othersColumns(view, plan))) {
      const what = `${differs.column} ${differs.what}`.trim();
      const isAddition = differs.remedy.kind === 'add';
      const { column } = differs;
      targets.push({ target: target.name, column, what, sql, isAddition });
    }
  }
  return { plan, now, create, added: names, against, unfit, targets };
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

/**
 * What the targets have by themselves in the columns that came, where they have them already: it
 * would stay there, as nothing is copied. Reads such a column of a large table to its end.
 */
export async function filledTargets(
  { job, view }: { job: Job; view: JobView },
  { plan, now, added, targets, create }: GrowthLook,
): Promise<LackingTarget[]> {
  const others = othersColumns(view, plan);
  const found = job.targets.map(async target => {
    const lacks = targets.filter(t => t.target === target.name).map(t => t.column);
    const there = added.filter(name => !lacks.includes(name));
    const columns = there.map(name => ({ name, isOthers: others.has(name) }));
    const name = qualified(target.database, now.table);
    return (await filledOnTarget(target, now.table, columns)).map(f => {
      const { column, what, isDeclared } = f;
      const sql = isDeclared
        ? alterTable(name, { kind: 'modify', column }, create)
        : `UPDATE ${name} SET ${quoteId(column)} = NULL WHERE ${quoteId(column)} IS NOT NULL;`;
      const words = { what: `${column} ${what}`, sql: sql ?? null, isAddition: false };
      return { target: target.name, column, ...words };
    });
  });
  return (await Promise.all(found)).flat();
}

/** Columns that other sources have brought already; not those that this one had and has lost. */
function othersColumns(view: JobView, plan: TablePlan): Set<string> {
  const others = [...view.plans.values()].filter(p => p.table === plan.table && p !== plan);
  const had = plan.schema.columns.map(c => c.name);
  const names = others.flatMap(p => p.schema.columns.map(c => c.name));
  return new Set(names.filter(name => !had.includes(name)));
}

async function lacking(
  target: JobTarget,
  now: TableSchema,
  { create, collation }: { create: string; collation: TableCollation },
  others: ReadonlySet<string>,
): Promise<{ differs: SchemaDifference; sql: string | null }[]> {
  await using session = await MysqlSession.open(target, { role: 'admin', side: 'target' });
  const there = await inspectTable(session, target.database, now.table, { like: now });
  const name = qualified(target.database, now.table);
  const text = textClause(collation, await collationOf(session, target.database, now.table));
  return schemaDifferences(now, there)
    .filter(d => d.blocks && !(d.remedy.kind === 'drop' && others.has(d.column)))
    .map(differs => ({ differs, sql: alterTable(name, differs.remedy, create, text) ?? null }));
}

interface TableCollation {
  flavor: Flavor;
  name: string;
}

async function collationOf(
  session: MysqlSession,
  db: string,
  table: string,
): Promise<TableCollation> {
  const [row] = await session.query<{ name: string | null }>(
    `SELECT TABLE_COLLATION AS name FROM information_schema.TABLES
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`,
    [db, table],
  );
  return { flavor: session.flavor, name: row?.name ?? '' };
}

/**
 * Pure: what text columns need to be as on the source, where they have its table's own character
 * set and the target's table has another one. The other flavor may not know the collation.
 */
export function textClause(source: TableCollation, target: TableCollation): string {
  if (source.name === target.name || source.name === '') return '';
  const [charset, targetCharset] = [source, target].map(t => t.name.replace(/_.*/, ''));
  if (source.flavor === target.flavor) return `CHARACTER SET ${charset} COLLATE ${source.name}`;
  return charset === targetCharset ? '' : `CHARACTER SET ${charset}`;
}

/** The oldest request without an answer. */
export function openGrowth(view: JobView): GrowthRequest | undefined {
  return [...view.growths.values()]
    .filter(g => !view.applied.has(g.id))
    .sort((a, b) => a.requestedMs - b.requestedMs)[0];
}

export async function carryOutGrowth(deps: GrowthDeps, request: GrowthRequest): Promise<void> {
  const { log, writer } = deps;
  const { id, source, table } = request;
  const answer = (doneMs: number | null, error: string | null): Promise<void> =>
    writer.put(stateKey.applied(id), { applied: { id, doneMs, error } });
  try {
    await takeUp(deps, request);
    await answer(Date.now(), null);
    log.info({ source, table }, 'added columns are taken up');
  } catch (e) {
    const error = asReshardError(e);
    // A server that is away must not keep control from everything else.
    const isOfServer = error.kind === 'unreachable' || error.kind === 'target';
    if (policyOf(error.kind) === 'restart' && !isOfServer) throw error;
    log.error({ growth: id, source, table }, `ddl apply refused: ${describeError(error)}`);
    await answer(null, describeError(error));
  }
}

async function takeUp(deps: GrowthDeps, request: GrowthRequest): Promise<void> {
  const { job, writer, registry, proofs } = deps;
  const source = job.sources.find(s => s.name === request.source);
  if (source === undefined) {
    throw new ReshardError('schema-changed', `the job has no source ${request.source}`);
  }
  const look = await lookAtTable(deps, source, request.table);
  if (look === null) return;
  refuse(look);
  const { plan, now, added } = look;
  const { schema: _, ...record } = plan;
  const value = envelopeSchema(source.name, now);
  const valueSchemaId = await registerGrown(registry, `${plan.topic}-value`, value);
  await proofs.doubt([plan.table], `columns came to it at ${source.name}: ${added.join(', ')}`);
  const { schemaJson, valueSchemaId: was } = plan;
  const older = [...(plan.older ?? []), { schemaJson, valueSchemaId: was }];
  await writer.put(stateKey.plan(source.name, plan.db, plan.table), {
    plan: { ...record, schemaJson: JSON.stringify(now), valueSchemaId, older },
  });
  failpoint(FAILPOINTS.controlAfterPlan);
}

/** A registry that refuses the schema will always do; one that is away answers another time. */
export async function registerGrown(
  registry: Pick<SchemaRegistry, 'register' | 'isCompatible'>,
  subject: string,
  value: SchemaObject,
): Promise<number> {
  try {
    return await registry.register(subject, value, 'BACKWARD');
  } catch (e) {
    if ((await registry.isCompatible(subject, value)) !== false) throw e;
    throw new ReshardError('schema-changed', `the registry refuses the schema of ${subject}`, {
      cause: e,
      remedy: '`reshard recopy <job file>` copies the table as it is now',
    });
  }
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

/** Throws if a target cannot hold what would come. */
export function refuseTargets({ plan, targets }: GrowthLook): void {
  const [first] = targets;
  if (first === undefined) return;
  throw new ReshardError('schema-changed', `${first.target}: ${first.what}`, {
    context: { source: plan.source, table: plan.table, target: first.target },
    remedy: `alter the targets first: ${targets.map(t => `${t.target}: ${t.sql ?? t.what}`).join(' ')}`,
  });
}
