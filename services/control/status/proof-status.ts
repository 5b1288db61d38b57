/**
 * What is proven, what is being proven, what is being repaired: the part of a status that says how
 * far the word `verified` reaches, and what the checker and control wait for.
 */
import type { CheckBasis, CheckProgress } from '../../../shared/job/state/check-result.ts';
import type { Resumption } from '../../../shared/job/state/checkpoint.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import { standings } from '../../../shared/job/state/proof.ts';
import { isOpen, type RepairRun } from '../../../shared/job/state/repair-run.ts';
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
  /** When its check began: its first rows are as old as that. */
  startedMs: number;
  /** When its check ended. */
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
  /** Of them, rows that are not compared again when its checker dies now. */
  keptRows?: number;
  /** What its checker has taken over from one that was stopped; null, or not there: nothing. */
  resumed?: Resumption | null;
}

/**
 * A repair or a recopy that is not at its end, or one that failed in the middle and of whose tables
 * nothing has been proven since; or columns that control is adding to the targets.
 */
export interface RepairStatus {
  id: string;
  stage: string;
  tables: string[];
  pass: number;
  round: number;
  waiting: WaitStatus | null;
  /** Why it cannot go on without the operator. */
  error: string | null;
}

type Reports = ReadonlyMap<string, Report>;

export function proofStatus(view: JobView, tables: readonly string[]): ProofStatus[] {
  return standings(view, tables).map(({ table, isProven, why, proof }) => ({
    table,
    isProven,
    why,
    check: proof === null || proof.check === '' ? null : proof.check,
    rows: proof?.rows ?? 0,
    startedMs: proof?.startedMs ?? 0,
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
      const told: Partial<CheckBasis & CheckProgress> = JSON.parse(report?.detail ?? '{}');
      const { waiting = [], resumed = null } = told;
      const rows = report?.counters.rows ?? 0;
      const kept = view.checkpoints.get(id)?.tables ?? [];
      const keptRows = kept.reduce((n, t) => n + t.rows, 0);
      const state = report?.state ?? 'asked';
      return [{ check: id, tables, state, requestedMs, rows, keptRows, waiting, resumed }];
    });
}

type Note = WaitStatus & {
  id: string;
  stage?: string;
  error?: string | null;
  /** Of work that no record of the state tells of. */
  tables?: string[];
};

export function repairStatus(view: JobView, reports: Reports): RepairStatus[] {
  const told = reports.get('control/job')?.detail ?? '{}';
  const { repairs = [] }: { repairs?: Note[] } = JSON.parse(told);
  const noted = (id: string): Pick<RepairStatus, 'waiting' | 'error'> => {
    const note = repairs.find(r => r.id === id);
    if (note === undefined) return { waiting: null, error: null };
    return { waiting: { what: note.what, sinceMs: note.sinceMs }, error: note.error ?? null };
  };
  const asked = [
    ...[...view.recopies.values()].filter(r => !r.plannedMs && !r.error),
    ...[...view.applies.values()].filter(a => !view.applied.has(a.id)),
  ].map(({ id, tables }) => {
    const names = tables.map(t => (typeof t === 'string' ? t : t.name));
    return { id, stage: 'planning', tables: names, pass: 0, round: 0, ...noted(id) };
  });
  const untold = repairs.flatMap(({ id, stage = '', tables }) =>
    tables === undefined ? [] : [{ id, stage, tables, pass: 0, round: 0, ...noted(id) }],
  );
  const open = [...view.runs.values()].filter(isOpen).map(({ id, stage, tables, pass, round }) => ({
    ...{ id, stage, tables, pass, round },
    ...noted(id),
  }));
  const failed = [...view.runs.values()]
    .filter(run => run.stage === 'failed' && hasBegun(run) && !isProvenSince(view, run))
    .map(({ id, stage, tables, pass, round, error }) => {
      return { id, stage, tables, pass, round, waiting: null, error };
    });
  return [...asked, ...untold, ...open, ...failed];
}

/** One that failed before that has changed nothing, and whoever ordered it was told. */
function hasBegun({ pass, check }: RepairRun): boolean {
  return pass > 0 || check !== null;
}

function isProvenSince({ proofs }: JobView, { tables, stageMs }: RepairRun): boolean {
  return tables.every(table => {
    const proof = proofs.get(table);
    return proof?.result === 'equal' && proof.provenMs > stageMs;
  });
}
