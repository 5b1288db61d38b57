/** Running a tool to its end: its output is shown only when it fails. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ReshardError } from '../../../shared/runtime/error.ts';

const execute = promisify(execFile);

export interface CommandOptions {
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
  remedy?: string;
}

/** Standard output of a command that must succeed. */
export async function run(
  command: string,
  args: string[],
  { env, cwd, timeoutMs = 900_000, remedy }: CommandOptions = {},
): Promise<string> {
  try {
    const { stdout } = await execute(command, args, {
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      maxBuffer: 64 * 1024 * 1024,
      ...(cwd ? { cwd } : {}),
    });
    return stdout;
  } catch (e) {
    throw new ReshardError('config', `${path.basename(command)} ${args[0] ?? ''} failed`, {
      cause: e,
      remedy: remedy ?? outputOf(e),
    });
  }
}

function outputOf(e: unknown): string {
  if (typeof e !== 'object' || e === null) return String(e);
  const out = 'stdout' in e ? String(e.stdout) : '';
  const err = 'stderr' in e ? String(e.stderr) : '';
  return `${out}\n${err}`.trim().split('\n').slice(-12).join('\n');
}

/** Full path of a command on PATH, undefined when there is none. */
export function which(command: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = path.resolve(folder, command);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}
