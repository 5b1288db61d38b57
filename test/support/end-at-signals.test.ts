/** A program that is ended by a signal ends what it has started, however often the signal comes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MODULE = fileURLToPath(new URL('./end-at-signals.ts', import.meta.url));

/** While it ends it is sent the same signal once more. */
const PROGRAM = `
  import { endAtSignals } from ${JSON.stringify(MODULE)};
  endAtSignals();
  process.once('exit', () => {
    process.kill(process.pid, 'SIGTERM');
    process.stdout.write('all is ended\\n');
  });
  setInterval(() => {}, 1000);
  process.stdout.write('runs\\n');
`;

test('a signal that comes twice does not keep a program from ending what it has started', async () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const child = spawn(process.execPath, ['--input-type=module', '-e', PROGRAM]);
    let out = '';
    child.stdout.on('data', chunk => {
      out += chunk;
    });
    await once(child.stdout, 'data');
    child.kill(signal);
    const [code] = await once(child, 'close');
    expect({ signal, code, out }).toEqual({ signal, code: 130, out: 'runs\nall is ended\n' });
  }
});
