/**
 * How else rows are compared, on the same data and servers as the full check: by checksums of
 * chunks as pt-table-checksum makes them, and by reading all rows of both sides. And what a check
 * costs an application: point queries on the source while it runs.
 */
import { createConnection } from 'mysql2';
import type { Connection } from 'mysql2/promise';
import { percentile } from '../support/percentile.ts';
import { Meter } from './meter.ts';
import type { Rig } from './rig.ts';
import { checkerStage, type StageResult } from './stages.ts';
import { DATABASE, random } from './table.ts';

/** pt-table-checksum 3.7: --chunk-size, and the time that it adapts a chunk to. */
const CHUNK_ROWS = 1000;
const CHUNK_SECONDS = 0.5;
/** No chunk becomes more than so many times the one before. */
const GROWTH_MAX = 4;
const SUMS = `${DATABASE}.checksums`;

/**
 * Its method: chunk by chunk, each a REPLACE .. SELECT of count and BIT_XOR of CRC32 on the source,
 * then the same on what stands for its replicas, here both targets at once. The target's part of a
 * row is not looked at, so it could not even tell a row on the wrong target: only its speed counts.
 */
export async function checksumStage(rig: Rig, table: string): Promise<StageResult> {
  const connections = await Promise.all(['s1', ...rig.targets].map(name => rig.connect(name)));
  const [source, ...targets] = connections;
  if (source === undefined) throw new Error('no source');
  for (const c of connections) {
    await c.query(`CREATE TABLE IF NOT EXISTS ${SUMS} (tbl VARCHAR(64), chunk INT,
      crc CHAR(40), cnt INT, PRIMARY KEY (tbl, chunk)) ENGINE=InnoDB`);
  }
  const columns = await columnsOf(source, table);
  const nulls = columns.map(c => `ISNULL(\`${c}\`)`).join(',');
  const row = `CONCAT_WS('#',${columns.map(c => `\`${c}\``).join(',')},CONCAT(${nulls}))`;
  const crc = `COALESCE(LOWER(CONV(BIT_XOR(CAST(CRC32(${row}) AS UNSIGNED)),10,16)),0)`;
  const meter = new Meter(() => rig.pids());
  let [low, chunk, rows, size] = [0, 0, 0, CHUNK_ROWS];
  for (;;) {
    const upTo = await boundOf(source, table, low, size);
    const where = `id > ${low}${upTo === null ? '' : ` AND id <= ${upTo}`}`;
    const sql =
      `REPLACE INTO ${SUMS} SELECT '${table}',${chunk++},${crc},COUNT(*) ` +
      `FROM ${DATABASE}.${table} FORCE INDEX (PRIMARY) WHERE ${where}`;
    const startedAt = performance.now();
    await source.query(sql);
    const took = (performance.now() - startedAt) / 1000;
    await Promise.all(targets.map(t => t.query(sql)));
    rows += upTo === null ? await countFrom(source, table, low) : size;
    if (upTo === null) break;
    low = upTo;
    size = Math.round(size * Math.min(GROWTH_MAX, CHUNK_SECONDS / Math.max(took, 0.01)));
  }
  const { seconds } = meter;
  const use = meter.report();
  for (const c of connections) await c.query(`DROP TABLE ${SUMS}`);
  await Promise.all(connections.map(c => c.end()));
  return {
    stage: 'beside: checksums of chunks, as pt-table-checksum makes them',
    ...{ count: rows, seconds, perSecond: Math.round(rows / seconds), use },
  };
}

/** All rows of the source and of the targets, in the order of the key, compared byte by byte. */
export async function dumpStage(rig: Rig, table: string): Promise<StageResult> {
  const meter = new Meter(() => ({ ...rig.pids(), reader: process.pid }));
  const source = rowsOf(rig, 's1', table);
  const targets = rig.targets.map(name => rowsOf(rig, name, table));
  const heads = await Promise.all(targets.map(t => t.next()));
  let rows = 0;
  let differences = 0;
  for await (const row of source) {
    rows++;
    const i = heads.findIndex(h => !h.done && h.value.key === row.key);
    const there = heads[i];
    if (there === undefined || there.done || !there.value.bytes.equals(row.bytes)) differences++;
    const of = targets[i];
    if (of !== undefined) heads[i] = await of.next();
  }
  if (differences > 0) throw new Error(`${differences} rows differ`);
  const { seconds } = meter;
  return {
    stage: 'beside: all rows of both sides read and compared',
    ...{ count: rows, seconds, perSecond: Math.round(rows / seconds), use: meter.report() },
  };
}

/** The full check once more, with point queries on the source meanwhile; and without it, before. */
export async function besideCheckStages(rig: Rig, table: string): Promise<StageResult[]> {
  const alone = await pointQueries(rig, table, 'no check', async () => {
    await new Promise(resolve => setTimeout(resolve, 5000));
  });
  const results: StageResult[] = [];
  const checked = (): Promise<void> =>
    checkerStage(rig, table).then(r => {
      results.push({ ...r, stage: `${r.stage}, with point queries on the source` });
    });
  const during = await pointQueries(rig, table, 'a full check', checked);
  const { count = 0 } = results[0] ?? {};
  const slow = Math.round(count / 15);
  await rig.cli('throttle', '--set', `check-rows=${slow}`);
  const held = await pointQueries(rig, table, `a full check at ${slow} rows a second`, checked);
  await rig.cli('throttle', '--clear', 'check-rows');
  return [...results, alone, during, held];
}

/** Reads single rows by their key, one after the other, until `work` is done. */
async function pointQueries(
  rig: Rig,
  table: string,
  beside: string,
  work: () => Promise<void>,
): Promise<StageResult> {
  const c = await rig.connect('s1');
  const most = Number(await oneValue(c, `SELECT MAX(id) FROM ${DATABASE}.${table}`));
  const pick = random(7);
  const took: number[] = [];
  let isOver = false;
  const meter = new Meter(() => ({}));
  const working = work().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    const startedAt = performance.now();
    await c.query(`SELECT * FROM ${DATABASE}.${table} WHERE id = ${1 + pick(most)}`);
    took.push(performance.now() - startedAt);
  }
  await working;
  await c.end();
  took.sort((a, b) => a - b);
  const rounded = (ms: number): number => Math.round(100 * ms) / 100;
  const { seconds } = meter;
  return {
    stage: `point queries on the source, beside ${beside}`,
    ...{ count: took.length, seconds, perSecond: Math.round(took.length / seconds), use: {} },
    p50Ms: rounded(percentile(took, 0.5)),
    p99Ms: rounded(percentile(took, 0.99)),
    maxMs: rounded(took.at(-1) ?? 0),
  };
}

async function* rowsOf(
  rig: Rig,
  server: string,
  table: string,
): AsyncGenerator<{ key: string; bytes: Buffer }> {
  // The promise interface has no stream.
  const c = createConnection(rig.endpoint(server));
  const query = c.query({
    sql: `SELECT * FROM ${DATABASE}.${table} FORCE INDEX (PRIMARY) ORDER BY id`,
    rowsAsArray: true,
    typeCast: (field: { buffer(): Buffer | null }) => field.buffer(),
  });
  const SEPARATOR = Buffer.from([0]);
  for await (const row of query.stream({ highWaterMark: 1000 })) {
    const values: (Buffer | null)[] = row;
    const bytes = Buffer.concat(values.flatMap(v => [v ?? SEPARATOR, SEPARATOR]));
    yield { key: values[0]?.toString() ?? '', bytes };
  }
  c.end();
}

async function columnsOf(c: Connection, table: string): Promise<string[]> {
  const [rows] = await c.query(
    `SELECT COLUMN_NAME AS name FROM information_schema.columns
     WHERE table_schema = '${DATABASE}' AND table_name = '${table}' ORDER BY ordinal_position`,
  );
  return Array.isArray(rows) ? rows.map(r => ('name' in r ? String(r.name) : '')) : [];
}

/** The key that is number `size` behind `low`; null at the end of the table. */
async function boundOf(
  c: Connection,
  table: string,
  low: number,
  size: number,
): Promise<number | null> {
  const from = `FROM ${DATABASE}.${table} WHERE id > ${low}`;
  const sql = `SELECT id ${from} ORDER BY id LIMIT 1 OFFSET ${size - 1}`;
  const value = await oneValue(c, sql);
  return value === null ? null : Number(value);
}

async function countFrom(c: Connection, table: string, low: number): Promise<number> {
  return Number(await oneValue(c, `SELECT COUNT(*) FROM ${DATABASE}.${table} WHERE id > ${low}`));
}

async function oneValue(c: Connection, sql: string): Promise<unknown> {
  const [rows] = await c.query({ sql, rowsAsArray: true });
  const [row] = Array.isArray(rows) ? rows : [];
  return Array.isArray(row) ? (row[0] ?? null) : null;
}
