#!/usr/bin/env node
/** The `reshard` command: the same program on every Node, under the one that it is tested on. */
import { fileURLToPath } from 'node:url';
import { node24 } from './node24.mjs';
import { runNode } from './run-node.mjs';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));
const node = node24(line => process.stderr.write(`${line}\n`));
process.exitCode = await runNode(node, [MAIN, ...process.argv.slice(2)]);
