/**
 * `npm pack`: the program as JavaScript in dist/, made by taking the types away and nothing else, so
 * that lines and columns of a stack trace are those of the source. `prepack` makes it, `postpack`
 * removes it: a clone never runs code that is older than its source. The lockfile goes along as
 * npm-shrinkwrap.json: an installed product has the dependencies that were tested.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { node24 } from './node24.mjs';
import { runNode } from './run-node.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DIST = path.join(ROOT, 'dist');
const SHRINKWRAP = path.join(ROOT, 'npm-shrinkwrap.json');
/** A relative path in quotes: an import, or the file of a process. As long before as after. */
const TS_PATH = /(['"])(\.\.?\/[^'"\n]*)\.ts\1/g;

function make() {
  clear();
  for (const top of ['shared', 'services', 'schemas']) {
    for (const entry of readdirSync(path.join(ROOT, top), { recursive: true })) {
      const file = path.join(top, String(entry));
      if (/\.test\.ts$|\.d\.mts$/.test(file)) continue;
      if (file.endsWith('.ts')) write(file.replace(/\.ts$/, '.js'), stripped(file));
      else if (/\.(mjs|avsc)$/.test(file)) write(file, readFileSync(path.join(ROOT, file)));
    }
  }
  const { name, version, type } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  write('package.json', `${JSON.stringify({ name, version, type })}\n`);
  copyFileSync(path.join(ROOT, 'package-lock.json'), SHRINKWRAP);
}

function stripped(file) {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  return module.stripTypeScriptTypes(source, { mode: 'strip' }).replace(TS_PATH, '$1$2.js$1');
}

function write(file, content) {
  const to = path.join(DIST, file);
  mkdirSync(path.dirname(to), { recursive: true });
  writeFileSync(to, content);
}

function clear() {
  rmSync(DIST, { recursive: true, force: true });
  rmSync(SHRINKWRAP, { force: true });
}

const command = process.argv[2];
if (command === 'clear') clear();
else if (process.execPath === node24()) make();
else process.exitCode = await runNode(node24(), [fileURLToPath(import.meta.url)]);
