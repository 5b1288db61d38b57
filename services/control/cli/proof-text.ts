/** What is proven and what is under way, as lines of a status. */
import type { CheckStatus, ProofStatus, RepairStatus, WaitStatus } from '../status/proof-status.ts';
import type { Status } from '../status/status.ts';
import { count, duration } from './number-text.ts';

/** Lines of the view; none before the first check. */
export function proofLines({ proofs, checks, repairs, nextCheckMs }: Status): string[] {
  const lines = [...checks.map(checkLine), ...repairs.map(repairLine)];
  if (nextCheckMs !== null && checks.length === 0) lines.push(nextLine(nextCheckMs));
  if (proofs.some(p => p.check !== null)) lines.push(...proofs.map(proofLine));
  return lines.length === 0 ? [] : ['', ...lines];
}

/** The same for the one line of logs and pipes: only what is under way or has been taken back. */
export function proofParts({ proofs, checks, repairs }: Status): string[] {
  const doubts = proofs.filter(p => !p.isProven && p.check !== null).map(p => p.table);
  const parts = [...checks.map(checkLine), ...repairs.map(repairLine)];
  if (doubts.length > 0) parts.push(`unproven: ${doubts.join(', ')}`);
  return parts;
}

function proofLine(p: ProofStatus): string {
  if (!p.isProven) return `proof  ${p.table}: NOT PROVEN, ${p.why}`;
  const at = new Date(p.provenMs).toISOString();
  const ago = `${duration(Date.now() - p.provenMs)} ago`;
  return `proof  ${p.table}: ${count(p.rows)} rows proven equal by ${p.check} at ${at}, ${ago}`;
}

function nextLine(atMs: number): string {
  const leftMs = atMs - Date.now();
  const at = `at ${new Date(atMs).toISOString()}, in ${duration(leftMs)}`;
  return `check  the next one starts by itself ${leftMs > 0 ? at : 'when the targets are in step'}`;
}

function checkLine({ check, tables, state, rows, waiting: [first] }: CheckStatus): string {
  const of = tables.length === 0 ? 'all tables' : tables.join(', ');
  return `check  ${check} of ${of}: ${state}, ${count(rows)} rows${waitText(first)}`;
}

function repairLine({ id, stage, tables, pass, round, waiting }: RepairStatus): string {
  const at = stage === 'repairing' ? ` pass ${pass + 1} round ${round + 1}` : '';
  return `repair  ${id} of ${tables.join(', ')}: ${stage}${at}${waitText(waiting ?? undefined)}`;
}

function waitText(wait: WaitStatus | undefined): string {
  if (wait === undefined) return '';
  return `; waits for ${wait.what}, for ${duration(Date.now() - wait.sinceMs)}`;
}
