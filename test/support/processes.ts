/** Processes as the operating system knows them: what tests ask of those of the product. */
import { readFileSync } from 'node:fs';

/** Ids of those that it has started and that are not gone; none where the system does not say. */
export function childrenOf(pid: number): number[] {
  try {
    const ids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return ids.split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
