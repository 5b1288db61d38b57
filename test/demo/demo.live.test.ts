/** The demo as a user runs it, small: a process with arguments, an exit code and a summary. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { servers } from '../support/dev.ts';
import type { Summary } from './summary.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

async function demo(
  args: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number; out: string; said: string }> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let out = '';
  let said = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    said += chunk;
  });
  const code = await new Promise<number>(resolve => child.once('close', c => resolve(c ?? 128)));
  return { code, out, said };
}

it('moves a live shop to two targets, says each step, and exits 0 with all equal', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'reshard-demo-'));
  const file = path.join(dir, 'servers.json');
  writeFileSync(file, JSON.stringify(servers()));
  try {
    const args = '--rows 3000 --seconds 1 --rate 100 --seed 5 --json'.split(' ');
    const { code, out, said } = await demo(args, { RESHARD_DEV: file, RESHARD_CACHE: dir });
    expect(code, said).toBe(0);
    const summary: Summary = JSON.parse(out);
    expect(summary).toMatchObject({ seed: 5, verified: true, equal: true });
    expect(summary.rowsCopied).toBeGreaterThan(5000);
    expect(summary.loadRowsChanged).toBeGreaterThan(10);
    expect(summary.oracle.tables.map(t => t.differenceCount)).toEqual([0, 0, 0]);
    for (const step of ['filling', 'reshard up', 'reshard verify', 'the independent oracle']) {
      expect(said).toContain(step);
    }
    expect(said).toContain('EQUAL: every row of the source is on its target');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}, 180_000);

it('refuses wrong options with 2, before anything is started', async () => {
  const { code, said } = await demo(['--rows', 'many'], {});
  expect(code).toBe(2);
  expect(said).toContain('--rows many');
});
