/**
 * What is proven, what is being proven, what is being repaired: the part of a status that says how
 * far the word `verified` reaches, and what the checker and control wait for.
 */
import type { CheckBasis } from '../../../shared/job/state/check-result.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { standings } from '../../../shared/job/state/proof.ts';
import { isOpen } from '../../../shared/job/state/repair-run.ts';
import type { Report } from '../../../shared/member/reporter.ts';

/** Whether a table is proven equal. */
export interface ProofStatus {
  table: string;
  isProven: boolean;
  /** Why not, where it is not. */
  why: string;
  /** The check that it is proven by, or that has found something. */
  check: string | null;
  rows: number;
  provenMs: number;
  sourceGtids: Record<string, string>;
}

export interface WaitStatus {
  what: string;
  sinceMs: number;
}

/** A check that has been asked for and has no verdict. */
export interface CheckStatus {
  check: string;
  tables: string[];
  /** What its checker says; `asked` while none has taken it. */
  state: string;
  requestedMs: number;
  rows: number;
  waiting: WaitStatus[];
}

/** A repair, or the last part of a recopy, that is not at its end. */
export interface RepairStatus {
  id: string;
  stage: string;
  tables: string[];
  pass: number;
  round: number;
  waiting: WaitStatus | null;
}

type Reports = ReadonlyMap<string, Report>;

export function proofStatus(view: JobView, tables: readonly string[]): ProofStatus[] {
  return standings(view, tables).map(({ table, isProven, why, proof }) => ({
    table,
    isProven,
    why,
    check: proof === null || proof.check === '' ? null : proof.check,
    rows: proof?.rows ?? 0,
    provenMs: proof?.provenMs ?? 0,
    sourceGtids: proof?.sourceGtids ?? {},
  }));
}

export function checkStatus(view: JobView, reports: Reports): CheckStatus[] {
  return [...view.verifies.values()]
    .sort((a, b) => a.requestedMs - b.requestedMs)
    .flatMap(({ id, tables, requestedMs }) => {
      const report = reports.get(`checker/${id}`);
      if (report?.state === 'finished' || report?.state === 'failed') return [];
      const { waiting = [] }: Partial<CheckBasis> = JSON.parse(report?.detail ?? '{}');
      const rows = report?.counters.rows ?? 0;
      return [{ check: id, tables, state: report?.state ?? 'asked', requestedMs, rows, waiting }];
    });
}

export function repairStatus(view: JobView, reports: Reports): RepairStatus[] {
  const told = reports.get('control/job')?.detail ?? '{}';
  const { repairs = [] }: { repairs?: (WaitStatus & { id: string })[] } = JSON.parse(told);
  return [...view.runs.values()].filter(isOpen).map(({ id, stage, tables, pass, round }) => {
    const note = repairs.find(r => r.id === id);
    const waiting = note === undefined ? null : { what: note.what, sinceMs: note.sinceMs };
    return { id, stage, tables, pass, round, waiting };
  });
}
