/** Traces rows (row-trace.ts): opens what has to be asked, and asks it in the right order. */
import { GtidSet } from '../../../shared/change/gtid.ts';
import type { TablePlan } from '../../../shared/job/state/job-view.ts';
import type { ProgressView } from '../../../shared/job/state/progress-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import { KeyPartition } from '../../../shared/kafka/key-partition.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { gtidLowerBound } from '../../../shared/mysql/gtid-lower-bound.ts';
import { MYSQL_DIALECT } from '../../../shared/mysql/identifier.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { fromByKey, keysPredicate, selectExpression } from '../../../shared/mysql/range-sql.ts';
import { carriedRowHash, rowHash } from '../../../shared/mysql/row-hash.ts';
import {
  type PositionOwner,
  readPositions,
  readWaitingKey,
} from '../../../shared/mysql/target-state.ts';
import { isTargetOf, NO_TARGET, type Route, serverPart } from '../../../shared/route/route.ts';
import { KeyBound } from '../../../shared/row/key-bound.ts';
import { hasSpellings } from '../../../shared/row/key-class.ts';
import { keyColumns } from '../../../shared/row/key-range.ts';
import { keyFromText } from '../../../shared/row/key-text.ts';
import { sleep } from '../../../shared/runtime/clock.ts';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { agreed, commonSchema } from '../../../shared/schema/agreed-schema.ts';
import { rowKeyNames, type TableSchema } from '../../../shared/schema/table-schema.ts';
import { type LastRecord, type Said, TopicEnd } from './last-record.ts';
import { cellsOf } from './repair-rows.ts';
import type { SqlServer } from './repair-sql.ts';
import {
  type Arrow,
  KeyLooks,
  LOOKS_MAX,
  type Look,
  type SourceSaid,
  telling,
} from './row-trace.ts';

/** Between two looks: a commit that shows has its id by then. */
const PAUSE_MS = 300;
const POLL_MS = 100;

export interface TraceOptions {
  owner: PositionOwner;
  kafka: Pick<KafkaLog, 'reader' | 'offsets' | 'highWatermarks' | 'admin'>;
  sources: readonly SqlServer[];
  targets: readonly SqlServer[];
  plans: readonly TablePlan[];
  /** By source. */
  progress: ReadonlyMap<string, ProgressView>;
  routeOf(schema: TableSchema, source: string): Route;
  partitions: number;
  /** Rows of targets that no source sends there are their own. */
  isPartial: boolean;
  /** Most records of a partition that are read. */
  records: number;
  /** How long a look at all keys waits for what is on its way. */
  waitMs: number;
}

interface LookOptions extends TraceOptions {
  /** `performance.now()` at which it waits no more. */
  until: number;
}

export interface TracedKey {
  table: string;
  key: Record<string, string>;
  arrow: Arrow;
  why: string;
  /** Source whose log was read; null: it is not clear which. */
  source: string | null;
  /** Targets that have another row than they should. */
  targets: string[];
  /** The last record of the key; null: none is known. */
  record: (LastRecord & { topic: string }) | null;
}

type Key = Record<string, string>;

/** Traces keys of one table; hands out how many looks each of them has had. */
export async function* traceTable(
  o: TraceOptions,
  table: string,
  keys: readonly Key[],
): AsyncGenerator<{ table: string; keys: number; look: number }, TracedKey[]> {
  await using stack = new AsyncDisposableStack();
  const sites = await openSites(o, table, keys, stack);
  const looks = keys.map(() => new KeyLooks());
  const places = keys.map((): SourceSite | null => null);
  for (let look = 1; look <= LOOKS_MAX && looks.some(l => l.verdict === null); look++) {
    if (look > 1) await sleep(PAUSE_MS);
    const until = performance.now() + o.waitMs;
    yield { table, keys: looks.filter(l => l.verdict === null).length, look };
    for (const [i, key] of keys.entries()) {
      const at = looks[i];
      if (at === undefined || at.verdict !== null) continue;
      const { site, found } = await lookAt({ ...o, until }, sites, key);
      places[i] = site;
      if (found === null) at.verdict = { arrow: 'unknown', why: 'several sources have the row' };
      else at.add(found);
    }
  }
  return keys.map((key, i) => traced(table, key, looks[i] as KeyLooks, places[i] ?? null));
}

function traced(table: string, key: Key, looks: KeyLooks, site: SourceSite | null): TracedKey {
  const { verdict, last } = looks;
  const { arrow, why } = verdict ?? { arrow: 'changing', why: 'it was another one at each look' };
  const log = last?.log ?? null;
  const record = log === null || typeof log === 'string' ? null : log;
  return {
    ...{ table, key, arrow, why },
    source: site?.name ?? null,
    targets: [...(last?.wrong.keys() ?? [])],
    record: record === null || site === null ? null : { ...record, topic: site.plan.topic },
  };
}

interface Site {
  name: string;
  database: string;
  session: MysqlSession;
  schema: TableSchema;
}

interface SourceSite extends Site {
  plan: TablePlan;
  route: Route;
  log: TopicEnd;
  partitions: KeyPartition;
}

interface Sites {
  sources: SourceSite[];
  targets: Site[];
}

async function openSites(
  o: TraceOptions,
  table: string,
  keys: readonly Key[],
  stack: AsyncDisposableStack,
): Promise<Sites> {
  const [first] = o.plans.filter(p => p.table === table);
  if (first === undefined) throw new ReshardError('config', `the job has no table ${table}`);
  const found: Site[] = [];
  for (const server of [...o.sources, ...o.targets]) {
    const session = stack.use(await server.open());
    const like = found[0]?.schema;
    const wanted = like === undefined ? { key: rowKeyNames(first.schema) } : { like };
    const schema = await inspectTable(session, server.database, table, wanted);
    found.push({ name: server.name, database: server.database, session, schema });
  }
  const common = commonSchema(found.map(s => s.schema));
  const all = found.map(s => ({ ...s, schema: agreed(common, s.schema, s.name) }));
  const sources: SourceSite[] = [];
  const admin = await o.kafka.admin();
  for (const site of all.slice(0, o.sources.length)) {
    const plan = o.plans.find(p => p.table === table && p.source === site.name);
    if (plan === undefined || o.progress.get(site.name)?.isCopied(plan) !== true) {
      throw new ReshardError('config', `${table} of ${site.name} is not copied yet`, {
        remedy: '`reshard status <job file>` tells how far the job is',
      });
    }
    const route = o.routeOf(site.schema, site.name);
    const bound = new KeyBound(plan.schema);
    const wanted = keys.map(key => keyFromText(bound, key).toString('latin1'));
    // Of the topic, whatever the job file says: somebody may have set it since.
    const policy = (await admin.topicConfig(plan.topic))['cleanup.policy'] ?? '';
    const bounds = { records: o.records, isCompacted: policy.includes('compact'), keys: wanted };
    const log = new TopicEnd(o.kafka, plan, site.schema, bounds);
    const partitions = new KeyPartition(plan.schema, plan.keyClasses ?? [], o.partitions);
    sources.push({ ...site, plan, route, log, partitions });
  }
  return { sources, targets: all.slice(o.sources.length) };
}

/** One look; null: it cannot be said which source's row is the right one. */
async function lookAt(
  o: LookOptions,
  { sources, targets }: Sites,
  key: Key,
): Promise<{ site: SourceSite | null; found: Look | null }> {
  const rows: { site: SourceSite; row: FoundRow | null }[] = [];
  for (const site of sources) {
    const row = await rowOf(site, key, serverPart(site.route, MYSQL_DIALECT).sql);
    rows.push({ site, row });
  }
  const [owner, ...others] = rows.flatMap(({ site, row }) => (row === null ? [] : [{ site, row }]));
  if (others.length > 0) return { site: null, found: null };
  const all: SiteSaid[] = [];
  for (const { site, row } of rows) all.push(await saidBy(o, site, key, row));
  const late = new Set<string>();
  for (const { site, log } of all) {
    const record = recordOf(log);
    if (record === null) continue;
    for (const name of await notApplied(o, targets, site.plan.topic, record)) late.add(name);
  }
  const { wrong, isExtra } = await wrongOn(o, targets, key, owner ?? null);
  const { site, log, source } = telling(all, isExtra);
  return {
    site,
    found: {
      ...{ source, log, wrong, waiting: await waitingOn(o, targets, wrong, all) },
      behind: [...late].filter(name => wrong.has(name)),
      others: all.flatMap(s => (s.site === site ? [] : [recordOf(s.log)?.offset ?? null])),
      isSpelled: keyColumns(site.schema).some(hasSpellings),
    },
  };
}

/** What the log of a source says of a key, and where that is. */
interface SiteSaid extends SourceSaid {
  site: SourceSite;
  partition: number;
  bytes: Buffer;
}

function recordOf(log: Said | null): LastRecord | null {
  return log === null || typeof log === 'string' ? null : log;
}

async function saidBy(
  o: LookOptions,
  site: SourceSite,
  key: Key,
  row: FoundRow | null,
): Promise<SiteSaid> {
  const bytes = row?.key ?? keyFromText(new KeyBound(site.plan.schema), key);
  const partition = site.partitions.of(bytes, 0, bytes.length);
  const log = await logOf(o, site, partition, bytes);
  return { site, partition, bytes, log, source: row?.hash ?? null };
}

/** Why targets hold the key back, whichever source's event it is. */
async function waitingOn(
  o: LookOptions,
  targets: readonly Site[],
  wrong: ReadonlyMap<string, string | null>,
  all: readonly SiteSaid[],
): Promise<Map<string, string>> {
  const waiting = new Map<string, string>();
  for (const { name, session, database } of targets.filter(t => wrong.has(t.name))) {
    for (const { site, partition, bytes } of all) {
      const place = { topic: site.plan.topic, partition, bytes };
      const reason = await readWaitingKey(session, database, o.owner.job, place);
      if (reason !== null) waiting.set(name, reason);
    }
  }
  return waiting;
}

/** What the log says when it has all that the source has by now; null: it does not come to that. */
async function logOf(
  o: LookOptions,
  site: SourceSite,
  partition: number,
  bytes: Buffer,
): Promise<Said | null> {
  const { flavor } = site.session;
  const seen = GtidSet.parse(await gtidLowerBound(site.session), flavor);
  const view = o.progress.get(site.name);
  while (!GtidSet.parse(view?.resume?.gtid ?? '', flavor).covers(seen)) {
    if (performance.now() > o.until) return null;
    await sleep(POLL_MS);
  }
  const key = bytes.toString('latin1');
  return (await site.log.read(partition, key, o.waitMs)) ? site.log.said(partition, key) : null;
}

/** Targets that do not come to have applied the record. */
async function notApplied(
  o: LookOptions,
  targets: readonly Site[],
  topic: string,
  { partition, offset }: LastRecord,
): Promise<string[]> {
  const behind: string[] = [];
  for (const { name, session, database } of targets) {
    for (;;) {
      const positions = await readPositions(session, database, o.owner);
      const at = positions.find(p => p.topic === topic && p.partition === partition);
      if ((at?.next ?? 0) > offset) break;
      if (performance.now() > o.until) {
        behind.push(name);
        break;
      }
      await sleep(POLL_MS);
    }
  }
  return behind;
}

/** `isExtra`: one of them has a row where the key has none. */
async function wrongOn(
  o: LookOptions,
  targets: readonly Site[],
  key: Key,
  owner: { site: SourceSite; row: FoundRow } | null,
): Promise<{ wrong: Map<string, string | null>; isExtra: boolean }> {
  const part = owner && serverPart(owner.site.route, MYSQL_DIALECT);
  const to = owner?.row.shard && part ? part.targetOf(owner.row.shard) : NO_TARGET;
  const wrong = new Map<string, string | null>();
  let isExtra = false;
  for (const [i, target] of targets.entries()) {
    const isHere = isTargetOf(i, to);
    if (!isHere && o.isPartial) continue;
    const there = await rowOf(target, key, '0');
    const should = isHere ? (owner?.row.whole ?? null) : null;
    if ((there?.whole ?? null) === should) continue;
    wrong.set(target.name, there?.hash ?? null);
    isExtra ||= should === null;
  }
  return { wrong, isExtra };
}

interface FoundRow {
  /** Of what the log carries. */
  hash: string;
  /** With its virtual columns. */
  whole: string;
  shard: string | null;
  /** Canonical bytes, as the row has it. */
  key: Buffer;
}

async function rowOf({ session, schema }: Site, key: Key, shard: string): Promise<FoundRow | null> {
  const bound = new KeyBound(schema);
  const literals = bound.literals(keyFromText(bound, key));
  const keys = keyColumns(schema).map(selectExpression);
  const rows: FoundRow[] = [];
  await session.rawQuery(
    `SELECT ${shard},${carriedRowHash(schema)},${rowHash(schema)},${keys.join(',')} ` +
      `${fromByKey(schema)} WHERE ${keysPredicate(schema, [literals])}`,
    (buf, start, end) => {
      const cells = cellsOf(buf, start, 3);
      const [at = null, hash = null, whole = null] = cells.texts;
      if (hash === null || whole === null) throw tooLarge(schema);
      rows.push({ hash, whole, shard: at, key: bound.fromText(buf, cells.end, end) });
    },
  );
  return rows[0] ?? null;
}

function tooLarge({ db, table }: TableSchema): ReshardError {
  return new ReshardError('too-large', `a row of ${db}.${table} is too large to be hashed`, {
    remedy: 'set max_allowed_packet of the servers to more than its bytes, and ask again',
  });
}
