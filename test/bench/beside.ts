/**
 * What the servers do without us, on the same data and the same machine: plain multi-row writes of
 * mysql2, and MySQL's own replication. The figures of our stages are read beside these.
 */
import type { Connection } from 'mysql2/promise';
import { until } from '../../shared/runtime/clock.ts';
import { Curve, Meter } from './meter.ts';
import type { Rig } from './rig.ts';
import { makeChanges, type StageResult } from './stages.ts';
import { DATABASE, fresh, upserts } from './table.ts';

/** Connections to each target; two keep both cores busy, more are slower. */
const CONNECTIONS = 2;

/** Multi-row upserts by mysql2 into the targets; the statements are built before the clock. */
export async function plainWriteStage(rig: Rig, rows: number): Promise<StageResult> {
  const table = 'plain';
  const shares = await Promise.all(
    rig.targets.map(async (name, i) => {
      const connections: Connection[] = [];
      for (let k = 0; k < CONNECTIONS; k++) connections.push(await rig.connect(name));
      if (connections[0]) await fresh(connections[0], table);
      const ids = Array.from(
        { length: Math.floor(rows / rig.targets.length) },
        (_, k) => k * rig.targets.length + i,
      );
      return { connections, statements: upserts(table, ids, 1000) };
    }),
  );
  const meter = new Meter(() => rig.pids());
  await Promise.all(
    shares.flatMap(({ connections, statements }) =>
      connections.map(async c => {
        for (let sql = statements.shift(); sql !== undefined; sql = statements.shift()) {
          await c.query(sql);
        }
      }),
    ),
  );
  const seconds = meter.seconds;
  const use = meter.report();
  for (const { connections } of shares) {
    await connections[0]?.query(`DROP TABLE ${DATABASE}.${table}`);
    await Promise.all(connections.map(c => c.end()));
  }
  return {
    stage: `beside: mysql2 multi-row upserts, ${CONNECTIONS} connections to each of two targets`,
    count: rows,
    seconds,
    perSecond: Math.round(rows / seconds),
    use,
  };
}

/**
 * MySQL's own replication of the same mix of changes from a backlog, 4 workers, one replica:
 * receiving and applying at once. Leaves the changes' GTIDs in the target's `gtid_executed`.
 */
export async function replicationStage(
  rig: Rig,
  o: { events: number; size: number; seed: number },
): Promise<StageResult> {
  const table = 'native';
  const source = await rig.connect('s1');
  const target = await rig.connect(rig.targets[0] ?? '');
  await fresh(source, table);
  await fresh(target, table);
  const from = await oneRow(source, 'SHOW BINARY LOG STATUS');
  const before = String((await oneRow(source, 'SELECT @@gtid_executed AS g')).g);
  const made = await makeChanges(rig, table, { ...o, run: 0 });
  const subtract = `SELECT GTID_SUBTRACT(@@gtid_executed, '${before}') AS g`;
  const gtid = String((await oneRow(source, subtract)).g);
  const { host, port, user, password } = rig.endpoint('s1');
  await target.query(
    `SET GLOBAL replica_parallel_workers = 4;
     CHANGE REPLICATION FILTER REPLICATE_DO_TABLE = (${DATABASE}.${table});
     CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${host}', SOURCE_PORT = ${port},
       SOURCE_USER = '${user}', SOURCE_PASSWORD = '${password}', GET_SOURCE_PUBLIC_KEY = 1,
       SOURCE_LOG_FILE = '${from.File}', SOURCE_LOG_POS = ${from.Position},
       SOURCE_AUTO_POSITION = 0`,
  );
  const meter = new Meter(() => rig.pids());
  const curve = new Curve();
  curve.note(0);
  await target.query('START REPLICA');
  await until(
    async () => {
      const status = await oneRow(target, 'SHOW REPLICA STATUS');
      const error = status.Last_SQL_Error || status.Last_IO_Error;
      if (error) throw new Error(`replication: ${String(error)}`);
      curve.note(await touched(target, table));
      const { done } = await oneRow(
        target,
        `SELECT GTID_SUBSET('${gtid}', @@gtid_executed) AS done`,
      );
      return Number(done) === 1 || undefined;
    },
    { timeoutMs: 600_000, everyMs: 50, what: 'the replica to have all' },
  );
  const seconds = meter.seconds;
  const use = meter.report();
  await target.query(
    `STOP REPLICA; RESET REPLICA ALL; CHANGE REPLICATION FILTER REPLICATE_DO_TABLE = ()`,
  );
  for (const c of [source, target]) {
    await c.query(`DROP TABLE ${DATABASE}.${table}`);
    await c.end();
  }
  return {
    stage: `beside: MySQL's replication, 4 workers, events of ${o.size}-row transactions`,
    count: made,
    seconds,
    perSecond: Math.round(made / seconds),
    steadyPerSecond: curve.rates().steadyPerSecond,
    use,
  };
}

/** Rows written to the table since the server began, by its own counters. */
async function touched(c: Connection, table: string): Promise<number> {
  const row = await oneRow(
    c,
    `SELECT COUNT_INSERT + COUNT_UPDATE + COUNT_DELETE AS n
     FROM performance_schema.table_io_waits_summary_by_table
     WHERE OBJECT_SCHEMA = '${DATABASE}' AND OBJECT_NAME = '${table}'`,
  );
  return Number(row.n ?? 0);
}

async function oneRow(c: Connection, sql: string): Promise<Record<string, unknown>> {
  const [rows] = await c.query(sql);
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  return typeof row === 'object' && row !== null ? { ...row } : {};
}
