/**
 * `npm run mutate`: turns off one guard at a time, in a copy of the tree, and shows that a test
 * fails for each. A guard whose loss no test notices ends the run with an error: either the test
 * is missing or the guard is not needed.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
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
import type { Guard } from './guards/guard.ts';
import { GUARDS } from './guards.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The slowest file several times over: a process that a guard would have ended is waited for. */
const ENDS_WITHIN_MS = 600_000;

interface Outcome {
  passed: number;
  /** Names of tests that failed. */
  failed: string[];
  /** What the first of them says. */
  why?: string;
}

interface TestResult {
  status: string;
  fullName: string;
  failureMessages?: string[];
}

interface Proof {
  guard: Guard;
  before: Outcome;
  without: Outcome;
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

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Runs the guard's tests in the copy. */
async function runTests(copy: string, guard: Guard, env: Record<string, string>): Promise<Outcome> {
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
    // A group of its own: what lives on without its guard ends with it.
    detached: true,
  });
  const end = (): void => endGroup(child.pid);
  const late = setTimeout(end, ENDS_WITHIN_MS);
  await new Promise(resolve => child.once('exit', resolve));
  clearTimeout(late);
  end();
  if (!existsSync(out)) return { passed: 0, failed: ['it has no end'] };
  const files: { message: string; assertionResults: TestResult[] }[] = JSON.parse(
    readFileSync(out, 'utf8'),
  ).testResults;
  const tests = files.flatMap(f => f.assertionResults);
  const failed = tests.filter(t => t.status === 'failed');
  const [why = ''] = [
    ...failed.flatMap(t => t.failureMessages ?? []),
    ...files.map(f => f.message),
  ];
  return {
    passed: tests.filter(t => t.status === 'passed').length,
    failed: failed.map(t => t.fullName),
    why: why.split('\n')[0]?.slice(0, 300) ?? '',
  };
}

/** Guards with the same tests share the run that shows that they pass. */
function firstRuns(copy: string, env: Record<string, string>): (guard: Guard) => Promise<Outcome> {
  const known = new Map<string, Promise<Outcome>>();
  return guard => {
    const name = JSON.stringify([guard.tests, guard.named]);
    const run = known.get(name) ?? runTests(copy, guard, env);
    known.set(name, run);
    return run;
  };
}

function isProven({ before, without }: Proof): boolean {
  return before.passed > 0 && before.failed.length === 0 && without.failed.length > 0;
}

function verdictOf(proof: Proof): string {
  const { before, without } = proof;
  if (isProven(proof)) return `noticed by ${without.failed.length} of ${before.passed}`;
  if (before.failed.length > 0) {
    return `NO PROOF: fails with the guard too: ${before.failed[0]}: ${before.why}`;
  }
  if (before.passed > 0) return 'NOT NOTICED by any test';
  return `NO PROOF: no such test${before.why ? `: ${before.why}` : ''}`;
}

function table(proofs: readonly Proof[]): string {
  const width = Math.max(...proofs.map(p => p.guard.name.length));
  return proofs
    .flatMap(p => [
      `${p.guard.name.padEnd(width)}  ${verdictOf(p)}`,
      ...p.without.failed.slice(0, 1).map(name => `${' '.repeat(width)}    ${name}`),
    ])
    .join('\n');
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
  // All that stand no longer where they should are known before the long part.
  for (const guard of guards) turnOff(copy, guard)();
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
  const first = firstRuns(copy, env);
  for (const guard of guards) {
    const startedAt = performance.now();
    const before = await first(guard);
    const restore = turnOff(copy, guard);
    const without = await runTests(copy, guard, env);
    restore();
    const seconds = (performance.now() - startedAt) / 1000;
    const proof = { guard, before, without, seconds };
    proofs.push(proof);
    say(`${guard.name}: ${verdictOf(proof)} (${seconds.toFixed(0)} s)`);
    say(`  without it: ${guard.why}`);
  }
  const good = proofs.filter(isProven).length;
  say(`\n${table(proofs)}`);
  say(`${good} of ${proofs.length} guards are proven by a failing test`);
  return good === proofs.length ? 0 : 1;
}

process.exit(await main());
