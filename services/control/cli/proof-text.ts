/** What is proven and what is under way, as lines of a status. */
import { type Resumption, resumptionText } from '../../../shared/job/state/checkpoint.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import type { CheckStatus, ProofStatus, RepairStatus, WaitStatus } from '../status/proof-status.ts';
import type { Status, WayBackStatus } from '../status/status.ts';
import type { StreamStatus, StreamTableStatus } from '../status/stream-status.ts';
import { count, duration } from './number-text.ts';

/** Lines of the view; none before the first check. */
export function proofLines(status: Status): string[] {
  const { proofs, checks, repairs, nextCheckMs, stream } = status;
  const since = stream === null ? '' : unreadText(status.wayBack);
  const lines = [...checks.map(checkLine), ...repairs.map(repairLine)];
  if (nextCheckMs !== null && checks.length === 0) lines.push(nextLine(nextCheckMs));
  if (proofs.some(p => p.check !== null)) lines.push(...proofs.map(p => proofLine(p, since)));
  if (stream !== null) lines.push(...streamLines(stream, since));
  return lines.length === 0 ? [] : ['', ...lines];
}

/** The same for the one line of logs and pipes: only what is under way or has been taken back. */
export function proofParts({ proofs, checks, repairs }: Status): string[] {
  const doubts = proofs.filter(p => !p.isProven && p.check !== null).map(p => p.table);
  const parts = [...checks.map(checkLine), ...repairs.map(repairLine)];
  if (doubts.length > 0) parts.push(`unproven: ${doubts.join(', ')}`);
  return parts;
}

/** Both logs say nothing of what has come to a target behind the place where its log stands. */
function unreadText(wayBack: WayBackStatus | null): string {
  const targets = wayBack?.unread.map(u => u.server) ?? [];
  return targets.length === 0 ? '' : `; not known of target ${targets.join(', ')} since`;
}

function proofLine(p: ProofStatus, since: string): string {
  if (!p.isProven) return `proof  ${p.table}: NOT PROVEN, ${p.why}`;
  // Not when it ended: a check may have taken long, and stood still meanwhile.
  const at = new Date(p.startedMs).toISOString();
  const ago = `${duration(Date.now() - p.startedMs)} ago`;
  const proven = `${count(p.rows)} rows proven equal by ${p.check}, begun at ${at}, ${ago}`;
  return `proof  ${p.table}: ${proven}${since}`;
}

/** What both logs say, and who has written to a target besides the job. */
function streamLines({ tables, foreign, foreignCount }: StreamStatus, since: string): string[] {
  const lines = tables.map(t => `stream ${t.table}: ${streamText(t)}${since}`);
  const last = foreign.at(-1);
  if (last !== undefined) {
    const where = `${last.op} of ${last.table} ${last.key} on ${last.target}`;
    const others = foreignCount > 1 ? `; ${count(foreignCount)} in all` : '';
    lines.push(`foreign ${where}, transaction ${last.gtid}${others} (--json shows more)`);
  }
  return lines;
}

function streamText({ state, equalMs }: StreamTableStatus): string {
  const ago = `${duration(Date.now() - equalMs)} ago`;
  const last = equalMs === 0 ? '' : `, equal as of ${ago}`;
  switch (state) {
    case 'equal':
      return `equal as of ${new Date(equalMs).toISOString()}, ${ago}`;
    case 'differs':
      return `DIFFERS${last}`;
    case 'waits':
      return `keys wait on a target${last}`;
    case 'unknown':
      return `unknown until the next check of every row${last}`;
    default:
      return unreachable(state);
  }
}

function nextLine(atMs: number): string {
  const leftMs = atMs - Date.now();
  const at = `at ${new Date(atMs).toISOString()}, in ${duration(leftMs)}`;
  return `check  the next one starts by itself ${leftMs > 0 ? at : 'when the targets are in step'}`;
}

function checkLine({ check, tables, state, rows, waiting, resumed = null }: CheckStatus): string {
  const of = tables.length === 0 ? 'all tables' : tables.join(', ');
  const before = resumed === null ? '' : `; ${oftenText(resumed)}${resumptionText(resumed)}`;
  return `check  ${check} of ${of}: ${state}, ${count(rows)} rows${before}${waitText(waiting[0])}`;
}

/** One that is taken up again and again may kill its checkers, and have no end. */
function oftenText({ times }: Resumption): string {
  return times > 1 ? `taken up ${count(times)} times; ` : '';
}

function repairLine({ id, stage, tables, pass, round, waiting }: RepairStatus): string {
  const at = stage === 'repairing' ? ` pass ${pass + 1} round ${round + 1}` : '';
  return `repair  ${id} of ${tables.join(', ')}: ${stage}${at}${waitText(waiting ?? undefined)}`;
}

function waitText(wait: WaitStatus | undefined): string {
  if (wait === undefined) return '';
  return `; waits for ${wait.what}, for ${duration(Date.now() - wait.sinceMs)}`;
}
