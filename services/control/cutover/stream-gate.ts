/**
 * The streaming check as a gate of a cutover: every table is equal by both logs, as of a moment
 * ago, and nobody but the job has written to a target since the check of every row that this rests
 * on.
 * Pure.
 */
import type { CutoverLimits } from '../../../shared/job/cutover-schema.ts';
import type { Proof, Standing } from '../../../shared/job/state/proof.ts';
import {
  doubtText,
  type ForeignWrite,
  foreignText,
  type StreamDoubt,
  type StreamedTable,
} from '../../../shared/job/state/stream-report.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import type { Status, UnreadLog } from '../status/status.ts';
import { CLOCKS_MS, type Gate, open, passing, shut, unknown } from './gate.ts';

const NAME = 'streaming check';

/** None for a job without it, or where a cutover has ended it. */
export function streamGates(
  { stream, wayBack }: Pick<Status, 'stream' | 'wayBack'>,
  standings: readonly Standing[],
  limits: CutoverLimits,
  nowMs = Date.now(),
): Gate[] {
  if (stream === null) return [];
  // What has come behind the place where it stands may be of any table.
  const [unread] = wayBack?.unread ?? [];
  return standings.map(({ table, proof }) => {
    const seen = stream.tables.find(t => t.table === table);
    const why = unequalText(table, seen?.state ?? 'unknown', stream, proof);
    if (why !== null) return shut(NAME, table, why, unequalFix(table));
    if (unread !== undefined) return shut(NAME, table, unreadText(unread, seen?.equalMs ?? 0));
    return freshGate(table, seen?.equalMs ?? 0, limits, nowMs);
  });
}

function unreadText({ server, why }: UnreadLog, equalMs: number): string {
  const last = equalMs === 0 ? 'never' : new Date(equalMs).toISOString();
  return `equal as of ${last}, and nothing newer of target ${server} is compared: ${why}`;
}

/** Of a table of which nothing is wrong: what is known of it must be of now. */
function freshGate(
  table: string,
  equalMs: number,
  { maxStreamAgeSeconds: most }: CutoverLimits,
  nowMs: number,
): Gate {
  const ageMs = nowMs - equalMs;
  if (ageMs < -CLOCKS_MS) {
    const ahead = `equal as of ${Math.round(-ageMs / 1000)} s in the future`;
    return unknown(NAME, table, ahead, 'set the clocks of servers and machines by one source');
  }
  const seen = `equal by both logs as of ${(Math.max(0, ageMs) / 1000).toFixed(1)} s ago`;
  const limit = `(limit ${most} s)`;
  if (ageMs <= most * 1000) return open(NAME, table, `${seen} ${limit}`);
  const fix = 'wait until checker and logs have caught up: `reshard status <job file>`';
  return passing(NAME, table, `${seen} ${limit}`, fix);
}

/**
 * Why a table must not be gone over with, by what the streaming check has said of it; null: it is
 * equal, nothing of it is in doubt, and nobody else has written to it since its proof.
 */
export function unequalText(
  table: string,
  state: StreamedTable['state'],
  said: { doubts: readonly StreamDoubt[]; foreign: readonly ForeignWrite[] },
  proof: Proof | null,
): string | null {
  const doubt = said.doubts.find(d => d.table === table && d.base === (proof?.check ?? ''));
  const writes = said.foreign.filter(f => f.table === table);
  const foreign = writes.findLast(f => f.atMs >= (proof?.startedMs ?? 0));
  const reasons = [
    ...(doubt === undefined ? [] : [doubtText(doubt)]),
    ...(foreign === undefined ? [] : [foreignText(foreign)]),
  ];
  if (reasons.length > 0) return reasons.join('; ');
  switch (state) {
    case 'equal':
      return null;
    case 'differs':
      return 'both logs say that a target differs';
    case 'waits':
      return 'keys of it wait on a target, so they are not compared';
    case 'unknown':
      return 'it is not known to be equal: no check of every row that would tell is through';
    default:
      return unreachable(state);
  }
}

/** Whatever it is, a check that begins now compares all rows, and what was written before. */
function unequalFix(table: string): string {
  const verify = `\`reshard verify <job file> --tables ${table}\``;
  return `find out who writes there, if it says so; then ${verify}`;
}
