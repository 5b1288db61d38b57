/**
 * Which process a remembered id means. A process id alone is reused by the system, and killing
 * "our" old server by id could hit a stranger: the time it was started is remembered with it.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface ProcessIdentity {
  pid: number;
  /** Opaque; equal for the same process, empty when the process is gone. */
  started: string;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, started: startOf(pid) };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identity.started !== '' && startOf(identity.pid) === identity.started;
}

function startOf(pid: number): string {
  if (process.platform !== 'linux') {
    return spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
    }).stdout.trim();
  }
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in brackets, may hold blanks: count the fields after it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended already: only its parent has not looked yet.
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
