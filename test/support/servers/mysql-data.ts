/**
 * Data directories. Initialising one costs seconds, copying one a fraction: each version has a
 * template in the cache, initialised once, that every instance starts from.
 */
import { constants } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { cached, type Tell } from './cache.ts';
import { run } from './command.ts';
import type { Mysqld } from './mysqld.ts';

export const LOGIN = { user: 'root', password: 'reshard' };

/** Grows with every change of how a template is made. */
const TEMPLATE = 2;

const ACCOUNTS = [
  `ALTER USER 'root'@'localhost' IDENTIFIED BY '${LOGIN.password}'`,
  `CREATE USER 'root'@'%' IDENTIFIED BY '${LOGIN.password}'`,
  `GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION`,
];

export async function makeDataFolder(mysqld: Mysqld, folder: string, tell: Tell): Promise<void> {
  const name = `${mysqld.flavor}-${mysqld.version}-data-${TEMPLATE}`;
  const template = await cached(name, async aside => {
    tell(`initialising a ${mysqld.flavor} ${mysqld.version} data directory (once)`);
    const accounts = path.join(aside, 'accounts.sql');
    await writeFile(accounts, ACCOUNTS.map(sql => `${sql};\n`).join(''));
    const data = path.join(aside, 'data');
    if (mysqld.flavor === 'mysql') await initialiseMysql(mysqld, aside, accounts);
    else await initialiseMariadb(mysqld, aside, accounts);
    // Each server makes an identity of its own.
    await rm(path.join(data, 'auto.cnf'), { force: true });
  });
  await cp(path.join(template, 'data'), folder, {
    recursive: true,
    mode: constants.COPYFILE_FICLONE,
  });
}

/** Options for the server's own files and for running as root, first on every command line. */
export function baseOptions(mysqld: Mysqld): Record<string, string> {
  const options: Record<string, string> = {};
  if (mysqld.basedir) options.basedir = mysqld.basedir;
  if (mysqld.messages) options['lc-messages-dir'] = mysqld.messages;
  if (process.getuid?.() === 0) options.user = 'root';
  return options;
}

export function optionFile(options: Record<string, string>): string {
  const lines = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  return `[mysqld]\n${lines.join('\n')}\n`;
}

async function initialiseMysql(mysqld: Mysqld, folder: string, accounts: string): Promise<void> {
  const file = path.join(folder, 'init.cnf');
  await writeFile(
    file,
    optionFile({
      ...baseOptions(mysqld),
      datadir: path.join(folder, 'data'),
      tmpdir: folder,
      'secure-file-priv': 'NULL',
      'init-file': accounts,
      'innodb-redo-log-capacity': '32M',
    }),
  );
  const args = [...mysqld.args, `--defaults-file=${file}`, '--initialize-insecure'];
  await run(mysqld.command, args, { env: mysqld.env });
}

/** Accounts without a password for addresses that would come before '%'. */
const ONLY_LOCAL_ROOT = "delete from global_priv where host <> 'localhost' or user = '';";

/** What mariadb-install-db does, without the tools that it wants to find. */
async function initialiseMariadb(mysqld: Mysqld, folder: string, accounts: string): Promise<void> {
  const data = path.join(folder, 'data');
  await mkdir(path.join(data, 'mysql'), { recursive: true });
  const file = path.join(folder, 'init.cnf');
  await writeFile(file, optionFile({ ...baseOptions(mysqld), datadir: data, tmpdir: folder }));
  const share = mysqld.messages ?? path.join(path.dirname(mysqld.command), '..', 'share', 'mysql');
  const scripts = [
    'mariadb_system_tables.sql',
    'mariadb_performance_tables.sql',
    'mariadb_system_tables_data.sql',
    'maria_add_gis_sp_bootstrap.sql',
    'mariadb_sys_schema.sql',
  ];
  const texts = [
    'use mysql;',
    'set @auth_root_socket=NULL;',
    ...(await Promise.all(scripts.map(name => readFile(path.join(share, name), 'utf8')))),
    'use mysql;',
    ONLY_LOCAL_ROOT,
    'flush privileges;',
    await readFile(accounts, 'utf8'),
  ];
  const input = path.join(folder, 'bootstrap.sql');
  await writeFile(input, `${texts.join('\n')}\n`);
  const server = [mysqld.command, ...mysqld.args, `--defaults-file=${file}`, '--bootstrap'];
  await run('sh', ['-c', 'input=$1; shift; "$@" < "$input"', 'sh', input, ...server], {
    env: mysqld.env,
  });
}
