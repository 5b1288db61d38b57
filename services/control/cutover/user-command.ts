/**
 * Runs a command of the user on the machine of control, by a shell, with the environment of
 * control and names of what it is about. Its outcome is done, failed, or unknown: a command that
 * was ended by the time limit, or whose control died, may have done its work. So it may be run
 * again, and must do no harm then, even beside itself.
 */
import { spawn } from 'node:child_process';

/** Of what it prints, the end is kept for the operator. */
const TEXT_MAX = 500;

export interface UserCommand {
  command: string;
  seconds: number;
  /** RESHARD_* names. */
  env: Record<string, string>;
}

export interface CommandOutcome {
  kind: 'done' | 'failed' | 'unknown';
  /** Of one that has ended by itself. */
  code: number | null;
  text: string;
}

export function runCommand({ command, seconds, env }: UserCommand): Promise<CommandOutcome> {
  return new Promise(resolve => {
    const child = spawn('/bin/sh', ['-c', command], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      // A group of its own, so that what it has started ends with it.
      detached: true,
    });
    let text = '';
    const keep = (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-TEXT_MAX);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    let isLate = false;
    const limit = setTimeout(() => {
      isLate = true;
      endGroup(child.pid);
    }, seconds * 1000);
    const end = (kind: CommandOutcome['kind'], how: string, code: number | null = null): void => {
      clearTimeout(limit);
      const said = text.trim();
      resolve({ kind, code, text: said === '' ? how : `${how}: ${said}` });
    };
    child.once('error', e => end('failed', `it could not be started (${e.message})`));
    // Not 'close': a child of it that goes on in the background may keep the pipes.
    child.once('exit', (code, signal) => {
      if (isLate) end('unknown', `it was ended after ${seconds} s`);
      else if (code === 0) end('done', 'exit code 0', code);
      else if (code !== null) end('failed', `exit code ${code}`, code);
      else end('unknown', `ended by ${signal}`);
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
