/** The options of every MySQL server here: fit to be a source and a target at once. */
import { createConnection } from 'mysql2/promise';
import type { Flavor } from './mysqld.ts';
import type { MysqlEndpoint, MysqlSpec } from './servers.ts';

/** Both flavors: a full row binlog, cheap durability (a crash of the machine is not tested). */
const COMMON = {
  'skip-name-resolve': 'ON',
  'log-bin': 'binlog',
  'binlog-format': 'ROW',
  'binlog-row-image': 'FULL',
  'binlog-row-metadata': 'FULL',
  'innodb-flush-log-at-trx-commit': '2',
  'sync-binlog': '0',
  'innodb-buffer-pool-size': '256M',
  'max-connections': '1200',
  'max-allowed-packet': '256M',
  'local-infile': 'ON',
  'performance-schema': 'ON',
};

const BY_FLAVOR: Record<Flavor, Record<string, string>> = {
  mysql: {
    mysqlx: 'OFF',
    'gtid-mode': 'ON',
    'enforce-gtid-consistency': 'ON',
    'innodb-redo-log-capacity': '512M',
    'binlog-expire-logs-seconds': '604800',
  },
  mariadb: {
    // It would make a new key at each start, which takes seconds.
    ssl: 'OFF',
    'expire-logs-days': '7',
    'gtid-strict-mode': 'ON',
    'character-set-server': 'utf8mb4',
  },
};

export function mysqlSettings(flavor: Flavor, spec: MysqlSpec): Record<string, string> {
  return {
    ...COMMON,
    ...BY_FLAVOR[flavor],
    'server-id': String(spec.serverId),
    ...spec.settings,
  };
}

/** True once a client can log in over TCP. */
export async function answers(endpoint: MysqlEndpoint): Promise<boolean> {
  const connection = await createConnection({ ...endpoint, connectTimeout: 5000 });
  try {
    await connection.query('SELECT 1');
    return true;
  } finally {
    connection.destroy();
  }
}
