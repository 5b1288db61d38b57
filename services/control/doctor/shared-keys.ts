/**
 * Doctor: rows of two sources with the same row key and for the same target. The target has
 * room for one of them: the sink keeps the one that comes first and blocks the key for the other.
 * To know all of them needs every key of every source, which is what the check (`reshard verify`)
 * does; here a sample is looked up, the first and last keys of each table, where counters of
 * servers that did not know of each other meet at once.
 */
import type { Job, JobSource } from '../../../shared/job/job.ts';
import { routeOf } from '../../../shared/job/job-route.ts';
import { MysqlSession, type Param } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { MYSQL_DIALECT, qualified, quoteId } from '../../../shared/mysql/identifier.ts';
import { NO_TARGET, type ServerPart, serverPart } from '../../../shared/route/route.ts';
import type { Logger } from '../../../shared/runtime/log.ts';
import type { TableSchema } from '../../../shared/schema/table-schema.ts';
import type { Column } from '../../../shared/type/column-type.ts';
import { errorFinding, serverWhere } from './error-finding.ts';

const SAMPLE = 500;
const TIMEOUT_MS = 20_000;

/** Columns as k0, k1 ..., and what the server says of the target. */
type KeyRow = Record<string, string | number | Buffer | null>;

interface KeyedTable {
  name: string;
  columns: readonly Column[];
  /** What is selected of a row of a source, by its name. */
  listOf: (source: string) => string;
  routeOf: (source: string) => ServerPart;
}

interface Opened {
  source: JobSource;
  session: MysqlSession;
}

/** `schemas` are those that all sources have, by table name. */
export async function checkSharedKeys(
  job: Job,
  schemas: ReadonlyMap<string, TableSchema>,
  log: Logger,
): Promise<Finding[]> {
  if (job.sources.length < 2) return [];
  await using stack = new AsyncDisposableStack();
  const opened: Opened[] = [];
  const findings: Finding[] = [];
  try {
    for (const source of job.sources) {
      const options = { role: 'read', log, statementTimeoutMs: TIMEOUT_MS } as const;
      opened.push({ source, session: stack.use(await MysqlSession.open(source, options)) });
    }
    for (const schema of schemas.values()) {
      const table = keyedTable(job, schema);
      const shared = await firstShared(opened, table);
      if (shared !== null) findings.push(shared);
    }
  } catch (e) {
    findings.push(errorFinding(e, `sources ${job.sources.map(s => s.name).join(', ')}`));
  }
  return findings;
}

/** The first two sources that share a key: one finding for a table is enough to act on. */
async function firstShared(all: readonly Opened[], table: KeyedTable): Promise<Finding | null> {
  for (const one of all) {
    const sample = await sampleOf(one.session, one.source, table);
    const shards = new Set(sample.flatMap(r => textOf(table, one.source, r) ?? []));
    for (const other of all) {
      if (other === one) continue;
      const found = await lookedUp(other.session, other.source, table, sample);
      const shared = found.filter(r => shards.has(textOf(table, other.source, r) ?? ''));
      const [first] = shared;
      if (first !== undefined)
        return finding(table, one.source, other.source, first, shared.length);
    }
  }
  return null;
}

function keyedTable(job: Job, schema: TableSchema): KeyedTable {
  const columns = schema.primaryKey.flatMap(i => schema.columns[i] ?? []);
  const of = (source: string): ServerPart =>
    serverPart(routeOf(job, schema, source), MYSQL_DIALECT);
  const keys = columns.map((c, i) => `${quoteId(c.name)} AS k${i}`);
  const listOf = (source: string): string => `${keys.join(', ')}, ${of(source).sql} AS shard`;
  return { name: schema.table, columns, listOf, routeOf: of };
}

async function sampleOf(
  session: MysqlSession,
  source: JobSource,
  table: KeyedTable,
): Promise<KeyRow[]> {
  const from = `SELECT ${table.listOf(source.name)} FROM ${qualified(source.database, table.name)} ORDER BY `;
  const order = (way: string): string =>
    table.columns.map(c => `${quoteId(c.name)} ${way}`).join(', ');
  const first = await session.query<KeyRow>(`${from}${order('ASC')} LIMIT ${SAMPLE}`);
  const last = await session.query<KeyRow>(`${from}${order('DESC')} LIMIT ${SAMPLE}`);
  return [...first, ...last];
}

/** Rows of the keys of the sample that this source has too. */
async function lookedUp(
  session: MysqlSession,
  source: JobSource,
  table: KeyedTable,
  sample: readonly KeyRow[],
): Promise<KeyRow[]> {
  if (sample.length === 0) return [];
  const names = table.columns.map(c => quoteId(c.name)).join(', ');
  const keys = sample.map(r => table.columns.map((c, i) => param(c, r[`k${i}`])));
  return await session.query<KeyRow>(
    `SELECT ${table.listOf(source.name)} FROM ${qualified(source.database, table.name)} WHERE (${names}) IN (?)`,
    [keys],
  );
}

/** Integers as such: compared with a text the server would round large ones. */
function param(column: Column, value: KeyRow[string] | undefined): Param {
  if (value === undefined || value === null) return null;
  return column.type.kind === 'integer' ? BigInt(String(value)) : value;
}

/** Key and target; null of a row that goes nowhere. */
function textOf(table: KeyedTable, source: JobSource, row: KeyRow): string | null {
  const key = table.columns.map((_, i) => {
    const value = row[`k${i}`];
    return Buffer.isBuffer(value) ? value.toString('hex') : String(value);
  });
  const { shard = null } = row;
  const target = shard === null ? null : table.routeOf(source.name).targetOf(`${shard}`);
  if (target === NO_TARGET) return null;
  return [...key, target].join('/');
}

function finding(
  table: KeyedTable,
  one: JobSource,
  other: JobSource,
  row: KeyRow,
  count: number,
): Finding {
  const key = table.columns.map((c, i) => {
    const value = row[`k${i}`];
    return `${c.name}=${Buffer.isBuffer(value) ? `0x${value.toString('hex')}` : String(value)}`;
  });
  const all = count > 1 ? ` (one of ${count} found in a sample)` : '';
  return {
    level: 'blocker',
    code: 'key-in-two-sources',
    where: `${serverWhere('source', other)} ${other.database}.${table.name}`,
    what: `has a row of the same key as ${one.name}, for the same target: ${key.join(', ')}${all}`,
    why: 'A target holds one row of a key: the other one would be blocked, and missing there.',
    fix:
      'give the rows different keys on the sources, or add the source to the key, or ' +
      'leave one source out of the job',
  };
}
