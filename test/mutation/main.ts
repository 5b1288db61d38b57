/**
 * `npm run mutate`: turns off one guard at a time, in a copy of the tree, and shows that a test
 * fails for each. A guard whose loss no test notices ends the run with an error: either the test
 * is missing or the guard is not needed.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServers } from '../support/servers/servers.ts';
import { GUARDS, type Guard } from './guards.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Proof {
  guard: string;
  /** Tests that passed with the guard, and failed without it. */
  before: number;
  noticed: number;
  seconds: number;
}

function copyTree(): string {
  const copy = mkdtempSync(path.join(os.tmpdir(), 'reshard-mutation-'));
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], {
    cwd: ROOT,
  });
  for (const file of listed
    .toString()
    .split('\0')
    .filter(f => f !== '')) {
    const to = path.join(copy, file);
    mkdirSync(path.dirname(to), { recursive: true });
    cpSync(path.join(ROOT, file), to);
  }
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'));
  return copy;
}

/** Runs the guard's tests in the copy. */
async function runTests(
  copy: string,
  guard: Guard,
  env: Record<string, string>,
): Promise<{ passed: number; failed: number }> {
  const out = path.join(copy, 'result.json');
  rmSync(out, { force: true });
  const args = [
    path.join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...['--config', 'test/vitest.config.ts', '--reporter', 'json', '--outputFile', out],
    ...(guard.named ? ['-t', guard.named] : []),
    ...guard.tests,
  ];
  const child = spawn(process.execPath, args, {
    cwd: copy,
    stdio: 'ignore',
    env: { ...process.env, ...env },
  });
  await new Promise(resolve => child.once('exit', resolve));
  const result = JSON.parse(readFileSync(out, 'utf8'));
  return { passed: result.numPassedTests, failed: result.numFailedTests };
}

function turnOff(copy: string, guard: Guard): () => void {
  const file = path.join(copy, guard.file);
  const text = readFileSync(file, 'utf8');
  const found = text.split(guard.find).length - 1;
  if (found !== 1) {
    throw new Error(`${guard.name}: its text stands ${found} times in ${guard.file}, not once`);
  }
  writeFileSync(
    file,
    text.replace(guard.find, () => guard.replace),
  );
  return () => writeFileSync(file, text);
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2);
  const guards = GUARDS.filter(g => wanted.length === 0 || wanted.some(w => g.name.includes(w)));
  const say = (line: string): boolean => process.stdout.write(`${line}\n`);
  const copy = copyTree();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(copy, { recursive: true, force: true }));
  const env: Record<string, string> = {};
  if (process.env.RESHARD_DEV === undefined) {
    const servers = stack.use(
      await startServers({
        kafka: true,
        registry: true,
        mysql: ['s1', 't1', 't2'].map((name, i) => ({ name, serverId: 101 + i })),
        log: line => say(line),
      }),
    );
    env.RESHARD_DEV = path.join(copy, 'servers.json');
    writeFileSync(env.RESHARD_DEV, JSON.stringify(servers.endpoints()));
  }
  const proofs: Proof[] = [];
  for (const guard of guards) {
    const startedAt = performance.now();
    const before = await runTests(copy, guard, env);
    const restore = turnOff(copy, guard);
    const without = await runTests(copy, guard, env);
    restore();
    const proof = {
      guard: guard.name,
      before: before.failed > 0 ? -1 : before.passed,
      noticed: without.failed,
      seconds: (performance.now() - startedAt) / 1000,
    };
    proofs.push(proof);
    const verdict =
      proof.before <= 0
        ? 'NO PROOF: its tests do not pass with the guard'
        : proof.noticed > 0
          ? `noticed: ${proof.noticed} of ${proof.before} tests fail without it`
          : 'NOT NOTICED by any test';
    say(`${guard.name.padEnd(42)} ${verdict} (${proof.seconds.toFixed(0)} s)`);
    say(`  without it: ${guard.why}`);
  }
  const good = proofs.filter(p => p.before > 0 && p.noticed > 0).length;
  say(`${good} of ${proofs.length} guards are proven by a failing test`);
  return good === proofs.length ? 0 : 1;
}

process.exit(await main());
