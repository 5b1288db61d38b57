/** Runs a program under the pinned Node as if it were this process: terminal, signals, exit code. */
import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * @param {string} node
 * @param {string[]} args
 * @returns {Promise<number>} the exit code, as a shell would give it
 */
export function runNode(node, args) {
  const child = spawn(node, args, {
    stdio: 'inherit',
    // Tools that the program starts by the name `node` get the same one.
    env: { ...process.env, PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}` },
  });
  const forward = signal => {
    // A terminal sends Ctrl-C to the whole group: the child has it already.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      for (const name of SIGNALS) process.off(name, forward);
      resolve(code ?? 128 + (os.constants.signals[signal ?? 'SIGKILL'] ?? 0));
    });
  });
}
