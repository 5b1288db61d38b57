/** One MySQL or MariaDB instance as a local process, set up as a source and as a target at once. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Tell } from './cache.ts';
import { baseOptions, LOGIN, makeDataFolder, optionFile } from './mysql-data.ts';
import { answers, mysqlSettings } from './mysql-settings.ts';
import type { Mysqld } from './mysqld.ts';
import { freePorts } from './port.ts';
import { ServerProcess } from './server-process.ts';
import type { MysqlServer, MysqlSpec } from './servers.ts';

const HOST = '127.0.0.1';

export interface LocalMysqlOptions {
  mysqld: Mysqld;
  spec: MysqlSpec;
  folder: string;
  detached: boolean;
  tell: Tell;
}

export async function startLocalMysql(options: LocalMysqlOptions): Promise<MysqlServer> {
  const { mysqld, spec, folder, detached, tell } = options;
  const { name, within } = spec;
  const [port = 0] = await freePorts(1);
  const endpoint = { host: within?.host ?? HOST, port, ...LOGIN };
  const home = path.join(folder, name);
  // A MariaDB that starts removes the temporary tables that it finds there, those of servers that
  // run as well: their statements fail, and now and then they crash (ha_maria::drop_table, 11.4.5).
  const tmpdir = path.join(home, 'tmp');
  await mkdir(tmpdir, { recursive: true });
  await makeDataFolder(mysqld, path.join(home, 'data'), tell);
  const socket = path.join(home, 'sock');
  const file = path.join(home, 'my.cnf');
  const settings = {
    ...baseOptions(mysqld),
    'bind-address': within ? '0.0.0.0' : HOST,
    ...(mysqld.flavor === 'mysql' ? { 'secure-file-priv': 'NULL' } : {}),
    datadir: path.join(home, 'data'),
    tmpdir,
    port: String(port),
    socket,
    'pid-file': path.join(home, 'pid'),
    ...mysqlSettings(mysqld.flavor, spec),
  };
  await writeFile(file, optionFile(settings));
  const line = [mysqld.command, ...mysqld.args, `--defaults-file=${file}`];
  const [command = '', ...args] = [...(within?.command ?? []), ...line];
  const server = new ServerProcess({
    name,
    command,
    args,
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
