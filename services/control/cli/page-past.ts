/**
 * What a page of a check tells of the time before it: the checks whose reports are still there, the
 * repairs, what others have written to the targets, and a picture of each table for which keys
 * were found different when.
 */
import type { CheckResult } from '../../../shared/job/state/check-result.ts';
import type { RepairRun } from '../../../shared/job/state/repair-run.ts';
import {
  type ForeignWrite,
  parseStreamReport,
  streamSlot,
} from '../../../shared/job/state/stream-report.ts';
import type { JobLink } from '../command/job-handle.ts';
import { differencePicture } from './difference-picture.ts';
import { code, number, table, text } from './html.ts';
import { count } from './number-text.ts';
import { scopesOf, verdictOf } from './verify-text.ts';

export interface PagePast {
  /** That have finished, the oldest first. */
  checks: readonly CheckResult[];
  runs: readonly RepairRun[];
  /** Of the streaming check: the newest ones that it lists. */
  foreign: readonly ForeignWrite[];
}

export const NOTHING: PagePast = { checks: [], runs: [], foreign: [] };

export function pastFrom({ reports, view }: Pick<JobLink, 'reports' | 'view'>): PagePast {
  const checks = [...reports.values()]
    .filter(r => r.service === 'checker' && r.state === 'finished' && r.unit.startsWith('verify-'))
    .map((r): CheckResult => JSON.parse(r.detail))
    .sort((a, b) => a.startedMs - b.startedMs);
  const foreign = [...reports]
    .filter(([key]) => streamSlot(key) !== null)
    .flatMap(([, report]) => parseStreamReport(report.detail).foreign)
    .sort((a, b) => a.atMs - b.atMs);
  return { checks, runs: [...view.runs.values()], foreign };
}

/** Parts of the page; none of what there was none of. */
export function pastOf({ checks, runs, foreign }: PagePast): string[] {
  const names = [...new Set(checks.flatMap(c => c.tables.map(t => t.table)))];
  const pictures = names.flatMap(name => differencePicture(name, checks, runs) ?? []);
  return [
    ...(pictures.length > 0 ? ['<h2>Where and when keys differed</h2>', ...pictures] : []),
    ...(checks.length > 0 ? ['<h2>Checks that are still known</h2>', checkTable(checks)] : []),
    ...(runs.length > 0 ? ['<h2>Repairs</h2>', runTable(runs)] : []),
    ...(foreign.length > 0 ? ['<h2>Writes of others on targets</h2>', foreignTable(foreign)] : []),
  ];
}

const iso = (ms: number): string => new Date(ms).toISOString();

function checkTable(checks: readonly CheckResult[]): string {
  const rows = checks.map(c => [
    ...[text(c.verifyId), text(iso(c.startedMs)), text(iso(c.startedMs + c.tookMs))],
    ...[text(scopesOf(c).join(', ')), text(verdictOf(c)), number(count(c.rows))],
  ]);
  return table(['Check', 'From', 'To', 'Compared', 'Verdict', 'Rows'], rows);
}

function runTable(runs: readonly RepairRun[]): string {
  const rows = runs.map(r => [
    ...[text(r.id), text(r.tables.join(', ')), text(r.stage), text(iso(r.stageMs))],
    ...[r.keys, r.rows, r.deleted, r.newer].map(n => number(count(n))),
    text(r.error ?? ''),
  ]);
  const counts = ['Keys', 'Rows', 'Deletes', 'Newer already'];
  return table(['Repair', 'Tables', 'Stage', 'Since', ...counts, 'Error'], rows);
}

function foreignTable(foreign: readonly ForeignWrite[]): string {
  const rows = foreign.map(f => [
    ...[text(iso(f.atMs)), text(f.target), text(f.table), text(f.op)],
    ...[code(f.key), code(f.gtid)],
  ]);
  return table(['At', 'Target', 'Table', 'What', 'Key', 'Transaction'], rows);
}
