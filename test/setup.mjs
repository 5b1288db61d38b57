/**
 * The first step of `npm run demo`, `npm test` and the others: from a fresh clone on Node 20 or
 * later to the wanted program running under the pinned Node with the locked dependencies. It says
 * what it does, and the second time there is nothing left to do.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { node24 } from '../services/control/node24.mjs';
import { runNode } from '../services/control/run-node.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts'];
const PROGRAMS = {
  demo: ['test/demo/main.ts'],
  bench: ['test/bench/main.ts'],
  soak: ['test/soak/main.ts'],
  crash: [...VITEST, 'test/crash/crash.live'],
  mutate: ['test/mutation/main.ts'],
  test: VITEST,
  unit: [...VITEST, '--project', 'unit'],
  servers: ['test/support/servers/cli.ts'],
};

/** Whether node_modules holds exactly what the lockfile names, as far as this platform needs it. */
function isInstalled() {
  try {
    const wanted = packagesOf('package-lock.json');
    const present = packagesOf('node_modules/.package-lock.json');
    return Object.entries(wanted).every(([name, { version, optional, peer }]) => {
      if (name === '') return true;
      return present[name] ? present[name].version === version : optional === true || peer === true;
    });
  } catch {
    return false;
  }
}

function packagesOf(file) {
  return JSON.parse(readFileSync(path.join(ROOT, file), 'utf8')).packages;
}

function install(node) {
  if (isInstalled()) return;
  tell('installing the locked dependencies (npm ci)');
  const begun = Date.now();
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
    env: {
      ...process.env,
      // npm is itself a Node program: under the old one it would refuse our dependencies.
      PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}`,
    },
  });
  if (npm.status !== 0) throw new Error('npm ci failed: see above');
  tell(`dependencies installed in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
}

function tell(line) {
  process.stderr.write(`${line}\n`);
}

const [name = '', ...args] = process.argv.slice(2);
const program = PROGRAMS[name];
if (program) {
  try {
    const node = node24(tell);
    install(node);
    process.chdir(ROOT);
    process.exitCode = await runNode(node, [...program, ...args]);
  } catch (e) {
    tell(e instanceof Error ? e.message : String(e));
    process.exitCode = 1;
  }
} else {
  tell(`usage: node test/setup.mjs ${Object.keys(PROGRAMS).join('|')} [arguments]`);
  process.exitCode = 2;
}
