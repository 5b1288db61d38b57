/**
 * The dependencies of a clone. Plain JavaScript, because it has to run on Node 20, before there is
 * any dependency. An installed product has its dependencies from whoever installed it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * `locked`: node_modules holds exactly what the lockfile names, as far as this platform needs it;
 * `other`: something else is installed; `none`: nothing is.
 * @param {string} root
 * @returns {'locked' | 'other' | 'none'}
 */
export function installed(root) {
  if (!existsSync(path.join(root, 'node_modules/.package-lock.json'))) return 'none';
  const wanted = packagesOf(root, 'package-lock.json');
  const present = packagesOf(root, 'node_modules/.package-lock.json');
  const isLocked = Object.entries(wanted).every(([name, { version, optional, peer }]) => {
    if (name === '') return true;
    return present[name] ? present[name].version === version : optional === true || peer === true;
  });
  return isLocked ? 'locked' : 'other';
}

function packagesOf(root, file) {
  return JSON.parse(readFileSync(path.join(root, file), 'utf8')).packages;
}

/**
 * @param {string} root
 * @param {string} node the Node to install for
 * @param {(line: string) => void} tell
 */
export function install(root, node, tell) {
  tell('installing the locked dependencies (npm ci)');
  const begun = Date.now();
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      // npm is itself a Node program: under the old one it would refuse our dependencies.
      PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
    },
  });
  if (npm.status !== 0) {
    throw new Error(`\`npm ci\` failed in ${root}${npm.error ? `: ${npm.error.message}` : ''}`);
  }
  tell(`dependencies installed in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}
