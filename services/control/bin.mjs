#!/usr/bin/env node
/**
 * The `reshard` command: the same program on every Node, under the one that it is tested on, from a
 * clone as from an installed package. A clone runs its TypeScript as it is; Node strips no types
 * below node_modules, so a package holds the same code stripped (pack.mjs).
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { node24 } from './node24.mjs';
import { runNode } from './run-node.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = path.join(ROOT, 'services/control/main.ts');
const PACKED = path.join(ROOT, 'dist/services/control/main.js');

function tell(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * A clone without dependencies gets them. Others than the locked ones are only told: processes
 * that run may be using them.
 */
async function setUp(node) {
  const { install, installed } = await import('./install.mjs');
  const state = installed(ROOT);
  if (state === 'none') install(ROOT, node, tell);
  if (state === 'other') throw new Error(`run \`npm ci\` in ${ROOT}: its lockfile has changed`);
}

let main = PACKED;
let node;
try {
  node = node24(tell);
  if (existsSync(SOURCE)) {
    main = SOURCE;
    await setUp(node);
  }
} catch (e) {
  tell(`reshard: ${e instanceof Error ? e.message : e}`);
  process.exit(1);
}
if (node === process.execPath) await import(pathToFileURL(main).href);
else process.exitCode = await runNode(node, [main, ...process.argv.slice(2)]);
