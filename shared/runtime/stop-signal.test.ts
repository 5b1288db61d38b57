import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { until } from './clock.ts';

const MODULE = fileURLToPath(new URL('service.ts', import.meta.url));

/** A process that drains for `ms` after its first signal and exits 0; it tells of the signal. */
async function drainer(ms: number): Promise<{ child: ChildProcess; told: () => string }> {
  const code = `
    const { stopSignal } = await import(${JSON.stringify(MODULE)});
    stopSignal().addEventListener('abort', () => {
      process.stdout.write('draining ');
      setTimeout(() => process.exit(0), ${ms});
    });
    process.stdout.write('here ');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code]);
  let text = '';
  child.stdout.on('data', chunk => {
    text += chunk;
  });
  await until(() => text.includes('here'), { timeoutMs: 10_000, what: 'the process' });
  return { child, told: () => text };
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'exit');
  return code;
}

describe('the signal to stop', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s drains and exits 0', async signal => {
    const { child, told } = await drainer(10);
    child.kill(signal);
    expect(await ended(child)).toBe(0);
    expect(told()).toContain('draining');
  });

  test('Ctrl-C and what follows it from the root of the tree let it drain', async () => {
    const { child, told } = await drainer(300);
    child.kill('SIGINT');
    await until(() => told().includes('draining'), { timeoutMs: 5000, what: 'the drain' });
    child.kill('SIGTERM');
    child.kill('SIGINT');
    expect(await ended(child)).toBe(0);
  });

  test('a second Ctrl-C, later, ends it at once', async () => {
    const { child, told } = await drainer(60_000);
    child.kill('SIGINT');
    await until(() => told().includes('draining'), { timeoutMs: 5000, what: 'the drain' });
    const again = setInterval(() => child.kill('SIGINT'), 100);
    expect(await ended(child)).toBe(130);
    clearInterval(again);
  });
});
