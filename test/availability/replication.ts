/** Native GTID replication between two MySQL servers of a test. */
import { until } from '../../shared/runtime/clock.ts';
import { LoadClient } from '../support/load/client.ts';
import type { MysqlEndpoint } from '../support/servers/servers.ts';

async function on<T>(server: MysqlEndpoint, work: (db: LoadClient) => Promise<T>): Promise<T> {
  const client = await LoadClient.open(server);
  try {
    return await work(client);
  } finally {
    await client.close();
  }
}

export function run(server: MysqlEndpoint, ...statements: string[]): Promise<void> {
  return on(server, async db => {
    for (const statement of statements) await db.run(statement);
  });
}

export async function executed(server: MysqlEndpoint): Promise<string> {
  const found = await on(server, db => db.value('SELECT @@global.gtid_executed'));
  return (found ?? '').replaceAll(/\s/g, '');
}

/** Makes `replica`, which has nothing of its own yet, follow `primary`. */
export async function replicate(primary: MysqlEndpoint, replica: MysqlEndpoint): Promise<void> {
  const { host, port, user, password } = primary;
  await run(
    replica,
    'RESET BINARY LOGS AND GTIDS',
    'SET GLOBAL replica_parallel_workers = 4',
    `CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${host}', SOURCE_PORT = ${port},
      SOURCE_USER = '${user}', SOURCE_PASSWORD = '${password}',
      SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`,
    'START REPLICA',
  );
  await hasAllOf(replica, await executed(primary));
}

/** Waits until the server has applied the transactions. */
export async function hasAllOf(server: MysqlEndpoint, gtids: string): Promise<void> {
  const has = async (): Promise<boolean> => {
    const sql = 'SELECT GTID_SUBSET(?, @@global.gtid_executed)';
    return Number(await on(server, db => db.value(sql, [gtids]))) === 1;
  };
  await until(has, { timeoutMs: 30_000, everyMs: 50, what: 'the replica to have all' });
}
