/**
 * The first step of `npm run demo`, `npm test` and the others: from a fresh clone on Node 20 or
 * later to the wanted program running under the pinned Node with the locked dependencies. It says
 * what it does, and the second time there is nothing left to do.
 */
import { fileURLToPath } from 'node:url';
import { install, installed } from '../services/control/install.mjs';
import { node24 } from '../services/control/node24.mjs';
import { runNode } from '../services/control/run-node.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const VITEST = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts'];
const PROGRAMS = {
  demo: ['test/demo/main.ts'],
  bench: ['test/bench/main.ts'],
  soak: ['test/soak/main.ts'],
  cutover: ['test/cutover/main.ts'],
  crash: [...VITEST, 'test/crash/crash.live', 'test/cutover/kill.live'],
  differences: [...VITEST, 'test/detection/differences.live'],
  stream: [...VITEST, 'test/stream/stream.live'],
  consumers: [...VITEST, 'test/consumers/sink.live'],
  random: ['test/random/main.ts'],
  schemas: [...VITEST, 'test/schemas/schemas.live'],
  mutate: ['test/mutation/main.ts'],
  test: VITEST,
  unit: [...VITEST, '--project', 'unit'],
  servers: ['test/support/servers/cli.ts'],
  types: ['node_modules/typescript/bin/tsc', '--noEmit'],
  lint: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'],
};

function tell(line) {
  process.stderr.write(`${line}\n`);
}

const [name = '', ...args] = process.argv.slice(2);
const program = PROGRAMS[name];
if (program) {
  try {
    const node = node24(tell);
    if (installed(ROOT) !== 'locked') install(ROOT, node, tell);
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
