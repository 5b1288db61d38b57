/** One MySQL or MariaDB instance as a local process, set up as a source and as a target at once. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';
import type { Tell } from './cache.ts';
import { baseOptions, LOGIN, makeDataFolder, optionFile } from './mysql-data.ts';
import type { Flavor, Mysqld } from './mysqld.ts';
import { freePorts } from './port.ts';
import { ServerProcess } from './server-process.ts';
import type { MysqlServer, MysqlSpec } from './servers.ts';

const HOST = '127.0.0.1';

/** Both flavors: a full row binlog, cheap durability (a crash of the machine is not tested). */
const COMMON = {
  'bind-address': HOST,
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
    'secure-file-priv': 'NULL',
    mysqlx: 'OFF',
    'gtid-mode': 'ON',
    'enforce-gtid-consistency': 'ON',
    'innodb-redo-log-capacity': '512M',
    'binlog-expire-logs-seconds': '604800',
  },
  mariadb: {
    'innodb-log-file-size': '512M',
    'expire-logs-days': '7',
    'gtid-strict-mode': 'ON',
    'character-set-server': 'utf8mb4',
  },
};

export interface LocalMysqlOptions {
  mysqld: Mysqld;
  spec: MysqlSpec;
  folder: string;
  detached: boolean;
  tell: Tell;
}

export async function startLocalMysql(options: LocalMysqlOptions): Promise<MysqlServer> {
  const { mysqld, spec, folder, detached, tell } = options;
  const { name } = spec;
  const [port = 0] = await freePorts(1);
  const endpoint = { host: HOST, port, ...LOGIN };
  const home = path.join(folder, name);
  await mkdir(home, { recursive: true });
  await makeDataFolder(mysqld, path.join(home, 'data'), tell);
  const socket = path.join(home, 'sock');
  const file = path.join(home, 'my.cnf');
  const settings = {
    ...baseOptions(mysqld),
    ...COMMON,
    ...BY_FLAVOR[mysqld.flavor],
    datadir: path.join(home, 'data'),
    port: String(port),
    socket,
    'pid-file': path.join(home, 'pid'),
    'server-id': String(spec.serverId),
    ...spec.settings,
  };
  await writeFile(file, optionFile(settings));
  const server = new ServerProcess({
    name,
    command: mysqld.command,
    args: [...mysqld.args, `--defaults-file=${file}`],
    env: mysqld.env,
    folder,
    readyTimeoutMs: 90_000,
    stopTimeoutMs: 60_000,
    detached,
    ready: () => answers(endpoint),
  });
  await server.start();
  return {
    name,
    flavor: mysqld.flavor,
    version: mysqld.version,
    ...endpoint,
    endpoint,
    socket,
    get pid() {
      return server.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    async restart() {
      await server.stop();
      await server.start();
    },
  };
}

export async function answers(endpoint: {
  host: string;
  port: number;
  user: string;
  password: string;
}): Promise<boolean> {
  const connection = await createConnection({ ...endpoint, connectTimeout: 5000 });
  await connection.query('SELECT 1');
  await connection.end();
  return true;
}
