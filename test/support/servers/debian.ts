/**
 * Programs from Debian's packages without installing them: a private package index and cache, and
 * the packages unpacked into a folder together with every library they need, the C library
 * included. So they run on any Linux of the same processor, and the machine is not changed.
 * The mirror and the keys are those that this machine's own package sources name.
 */
import { existsSync } from 'node:fs';
import { cp, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ReshardError } from '../../../shared/runtime/error.ts';
import { type Tell, withProgress } from './cache.ts';
import { run, which } from './command.ts';

export interface DebianPackage {
  package: string;
  suite: string;
  /** The wanted series; another version is taken when the suite has moved on. */
  series: string;
}

/** Debian's own keys; without this file apt uses the keys that the machine trusts anyway. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Scripts' interpreters and the like, which a server does not need to run. */
const NOT_NEEDED = /^(perl|libperl|gcc-\d+-base|libc-gconv)/;

export function hasDebianTools(): boolean {
  return ['apt-get', 'apt-cache', 'dpkg', 'dpkg-deb'].every(tool => which(tool) !== undefined);
}

/** Unpacks the package with its dependencies into the folder; returns its version. */
export async function unpackDebian(
  wanted: DebianPackage,
  folder: string,
  tell: Tell,
): Promise<string> {
  const apt = path.join(folder, 'apt');
  const env = await privateIndex(wanted.suite, apt);
  const policy = await run('apt-cache', ['policy', wanted.package], { env });
  const candidate = /Candidate: (\S+)/.exec(policy)?.[1] ?? '(none)';
  if (candidate === '(none)') {
    throw new ReshardError('config', `the package sources have no ${wanted.package}`);
  }
  const versions = [...policy.matchAll(/^ {4,5}(\S+) \d+$/gm)].map(m => m[1] ?? '');
  const version = versions.find(v => v.startsWith(`${wanted.series}.`)) ?? candidate;
  if (!version.startsWith(`${wanted.series}.`)) {
    tell(`${wanted.package} ${wanted.series} is no longer in ${wanted.suite}: taking ${version}`);
  }
  await withProgress(tell, `downloading ${wanted.package} ${version} (Debian packages)`, apt, () =>
    run('apt-get', ['install', '-y', '--download-only', `${wanted.package}=${version}`], { env }),
  );
  const archives = path.join(apt, 'cache', 'archives');
  for (const file of await readdir(archives)) {
    if (!file.endsWith('.deb') || NOT_NEEDED.test(file)) continue;
    await run('dpkg-deb', ['-x', path.join(archives, file), path.join(folder, 'root')]);
  }
  return version;
}

/**
 * Files of packages, without what the packages depend on, each in a folder of the package's name.
 * A version that is no longer there is replaced, and said.
 */
export async function unpackFiles(
  suite: string,
  packages: readonly { package: string; version: string }[],
  wanted: (file: string) => boolean,
  folder: string,
  tell: Tell,
): Promise<void> {
  const apt = path.join(folder, 'apt');
  const env = await privateIndex(suite, apt);
  await withProgress(tell, 'downloading packages (Debian)', folder, async () => {
    for (const { package: name, version } of packages) {
      const [archives, root] = [path.join(apt, name), path.join(apt, `${name}.root`)];
      await mkdir(archives);
      const download = (what: string) => run('apt-get', ['download', what], { env, cwd: archives });
      try {
        await download(`${name}=${version}`);
      } catch {
        tell(`${name} ${version} is no longer in ${suite}: taking the one that is`);
        await download(name);
      }
      const [archive = ''] = await readdir(archives);
      await run('dpkg-deb', ['-x', path.join(archives, archive), root]);
      await cp(root, path.join(folder, name), {
        recursive: true,
        filter: async file =>
          (await lstat(file)).isDirectory() || wanted(path.relative(root, file)),
      });
      await rm(root, { recursive: true });
    }
  });
  await rm(apt, { recursive: true });
}

/** Reads the suite's index from the first of the machine's mirrors that has the suite. */
async function privateIndex(suite: string, apt: string): Promise<Record<string, string>> {
  for (const folder of ['lists/partial', 'cache/archives/partial', 'sources']) {
    await mkdir(path.join(apt, folder), { recursive: true });
  }
  await writeFile(path.join(apt, 'status'), '');
  const config = path.join(apt, 'apt.conf');
  const settings = {
    'Dir::State::Lists': path.join(apt, 'lists'),
    'Dir::State::status': path.join(apt, 'status'),
    'Dir::Cache': path.join(apt, 'cache'),
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': path.join(apt, 'sources'),
    'APT::Install-Recommends': 'false',
    'APT::Update::Error-Mode': 'any',
    'APT::Sandbox::User': '',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::Retries': '3',
    // An empty status file says that nothing is installed, so nothing is left out.
    'Debug::NoLocking': 'true',
  };
  const lines = Object.entries(settings).map(([key, value]) => `${key} "${value}";`);
  await writeFile(config, `${lines.join('\n')}\n`);
  const env = { APT_CONFIG: config };
  const failures: unknown[] = [];
  const keys = existsSync(KEYRING) ? `Signed-By: ${KEYRING}\n` : '';
  for (const uri of await mirrors()) {
    await writeFile(
      path.join(apt, 'sources', 'suite.sources'),
      `Types: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: main\n${keys}`,
    );
    try {
      await run('apt-get', ['update', '-q'], { env });
      return env;
    } catch (e) {
      failures.push(e);
    }
  }
  throw new ReshardError('config', `no package source of this machine has ${suite}`, {
    cause: failures[0],
  });
}

/** The mirrors of Debian's archive that this machine's package sources name. */
async function mirrors(): Promise<string[]> {
  const format = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'];
  const lines = (await run('apt-get', format)).split('\n').map(line => line.trim());
  return [...new Set(lines)].filter(uri => /\/debian\/?$/.test(uri));
}
