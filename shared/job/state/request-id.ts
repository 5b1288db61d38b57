/**
 * Ids of requests in the state topic: sorted by time, and different although two people ask within
 * the same millisecond, for the second record of a key would silently replace the first.
 */
import { randomInt } from 'node:crypto';

export type RequestKind =
  | 'verify'
  | 'repair'
  | 'recopy'
  | 'apply'
  | 'growth'
  | 'skip'
  | 'retune'
  | 'cutover'
  | 'comparison';

export function requestId(kind: RequestKind, nowMs = Date.now()): string {
  const stamp = new Date(nowMs).toISOString().replace(/[^0-9]/g, '');
  return `${kind}-${stamp}${String(randomInt(1000)).padStart(3, '0')}`;
}
