/** The product as a stranger gets it: a clone that nobody has set up, and an installed package. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { until } from '../../../shared/runtime/clock.ts';
import { servers } from '../../../test/support/dev.ts';
import { writeJobFile } from '../../../test/support/job-file.ts';
import { createDatabase, fillSource } from '../../../test/support/load/fill.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** What a clone has, and nothing that work in it has left. */
const TRACKED = ['package.json', 'package-lock.json', '.npmrc', 'README.md', 'LICENSE', 'docs'];
const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-install-'));
const clone = path.join(dir, 'clone');
const children: ChildProcess[] = [];

afterAll(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(dir, { recursive: true, force: true });
});

/** Resolves with what the command wrote; rejects with it when the command fails. */
async function call(cwd: string, command: string, ...args: string[]) {
  return promisify(execFile)(command, args, { cwd, env: process.env });
}

function makeClone(): void {
  for (const name of [...TRACKED, 'schemas', 'services', 'shared', 'test']) {
    cpSync(path.join(ROOT, name), path.join(clone, name), { recursive: true });
  }
}

/** Packed, installed with a prefix of its own: the path of its command. */
async function install(): Promise<string> {
  await call(clone, 'npm', 'pack', '--silent', '--pack-destination', dir);
  const [tarball = ''] = readdirSync(dir).filter(file => file.endsWith('.tgz'));
  const empty = path.join(dir, 'empty');
  const prefix = path.join(dir, 'prefix');
  mkdirSync(empty);
  const offline = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await call(
    empty,
    'npm',
    'install',
    '-g',
    '--prefix',
    prefix,
    ...offline,
    path.join(dir, tarball),
  );
  return path.join(prefix, 'bin/reshard');
}

async function shopJob(): Promise<string> {
  const dev = servers();
  const { s1, t1 } = dev.mysql;
  if (s1 === undefined || t1 === undefined) throw new Error('s1 and t1 are needed');
  const job = `pack-${randomUUID().slice(0, 8)}`;
  const database = job.replace('-', '_');
  await fillSource({ endpoint: s1, database, source: 0, orders: 50, seed: 1 });
  await createDatabase(t1, database);
  return writeJobFile({ dir, job, servers: dev, sources: [s1], targets: [t1], database });
}

describe('from nothing', () => {
  test('`npx reshard init` in a fresh clone sets itself up and writes the file', async () => {
    makeClone();
    const { stdout, stderr } = await call(clone, 'npx', 'reshard', 'init', 'job.yaml');
    expect(stdout).toBe('wrote job.yaml\n');
    expect(stderr).toContain('installing the locked dependencies (npm ci)');
    expect(readFileSync(path.join(clone, 'job.yaml'), 'utf8')).toContain('route:');
    const again = await call(clone, 'npx', 'reshard', '--version');
    expect(again).toEqual({ stdout: '0.1.0\n', stderr: '' });
  }, 180_000);

  test('an installed package runs a job to its proof from another folder', async () => {
    if (!existsSync(clone)) makeClone();
    const [reshard, jobFile] = await Promise.all([install(), shopJob()]);
    expect(existsSync(path.join(clone, 'dist'))).toBe(false);
    const elsewhere = path.join(dir, 'elsewhere');
    mkdirSync(elsewhere);
    const job = path.relative(elsewhere, jobFile);
    const init = await call(elsewhere, reshard, 'init');
    expect(init.stdout).toBe('wrote reshard.yaml\n');
    await call(elsewhere, reshard, 'doctor', job, '--create-targets');

    const up = spawn(reshard, ['up', job, '--create-targets', '--quiet', '--logs', 'logs'], {
      cwd: elsewhere,
      stdio: 'ignore',
    });
    children.push(up);
    const control = path.join(elsewhere, 'logs/control.log');
    await until(
      () => existsSync(control) && /"to":"following"/.test(readFileSync(control, 'utf8')),
      {
        timeoutMs: 60_000,
        what: 'the job to follow',
      },
    );
    const verify = await call(elsewhere, reshard, 'verify', job);
    expect(verify.stdout).toContain('EQUAL');
    up.kill('SIGTERM');
    expect(await once(up, 'exit')).toEqual([0, null]);
  }, 180_000);
});
