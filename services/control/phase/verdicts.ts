/**
 * Follows the report topic for control: the verdicts of checks, and what takes the word back from a
 * table without any check (a sink that cannot apply keys of it).
 */
import type { CheckBasis, CheckResult } from '../../../shared/job/state/check-result.ts';
import type { ProofResult, TableVerdict } from '../../../shared/job/state/proof.ts';
import type { ServiceContext } from '../../../shared/member/context.ts';
import { type OnReport, tailReports } from '../../../shared/member/report-tail.ts';
import type { Report } from '../../../shared/member/reporter.ts';

import { StreamReports } from './stream-reports.ts';

/** Reports of checks that are kept besides those that a repair still needs. */
const KEPT_CHECKS = 20;

/** Keys of a table by which a target is known to differ. */
export interface Stuck {
  table: string;
  why: string;
  /** By the sink's clock. */
  tsMs: number;
}

export interface Verdicts extends AsyncDisposable {
  /** Rejects when the reports can be followed no longer. */
  readonly failed: Promise<never>;
  /** The newest report of a check. */
  check(id: string): Report | undefined;
  /** Whether a checker has begun with it, and has no verdict yet. */
  isUnderWay(id: string): boolean;
  /** Verdicts that have come since the last call. */
  take(): TableVerdict[];
  /** What sinks have told since the last call. */
  takeStuck(): Stuck[];
  /** What the streaming check has said last. */
  readonly streams: StreamReports;
}

const CHECK_KEY = /^checker\/(verify-.+)$/;

/** `needed`: checks whose reports must be kept; `onReport` is told of every record. */
export async function openVerdicts(
  c: ServiceContext,
  needed: () => ReadonlySet<string>,
  onReport: OnReport,
): Promise<Verdicts> {
  const checks = new CheckReports(needed);
  const streams = new StreamReports();
  let stuck: Stuck[] = [];
  const tail = await tailReports(c, c.view, (key, report) => {
    onReport(key, report);
    streams.note(key, report, Date.now());
    if (report === null) return;
    if (report.service === 'sink') stuck.push(...stuckOf(report, tableOf(c)));
    const id = CHECK_KEY.exec(key)?.[1];
    if (id === undefined) return;
    checks.note(id, report);
  });
  await tail.caughtUp;
  return {
    failed: tail.failed,
    check: id => checks.of(id),
    isUnderWay: id => checks.of(id) !== undefined && !hasEnded(checks.of(id)),
    take: () => checks.take(),
    streams,
    takeStuck: () => {
      const list = stuck;
      stuck = [];
      return list;
    },
    [Symbol.asyncDispose]: () => tail.close(),
  };
}

/**
 * The newest report of each check. One that has ended stays ended: a second member that began the
 * same check while the first was stopped reports `checking` under the same key, and whoever rests
 * on the verdict must not lose it.
 */
export class CheckReports {
  readonly #needed: () => ReadonlySet<string>;
  readonly #newest = new Map<string, Report>();
  #ended: Report[] = [];
  /** Verdicts come again every second while their member lives: each is read once. */
  readonly #read = new Set<string>();

  constructor(needed: () => ReadonlySet<string>) {
    this.#needed = needed;
  }

  note(id: string, report: Report): void {
    const isEnded = hasEnded(report);
    if (!isEnded && hasEnded(this.#newest.get(id))) return;
    this.#newest.set(id, report);
    this.#prune();
    const name = `${id}@${report.member}`;
    if (!isEnded || this.#read.has(name)) return;
    this.#read.add(name);
    this.#ended.push(report);
  }

  of(id: string): Report | undefined {
    return this.#newest.get(id);
  }

  /** Verdicts that have come since the last call. */
  take(): TableVerdict[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended.flatMap(verdictsOf);
  }

  #prune(): void {
    const needed = this.#needed();
    for (const id of [...this.#newest.keys()].sort()) {
      if (this.#newest.size <= KEPT_CHECKS) return;
      if (!needed.has(id)) this.#newest.delete(id);
    }
  }
}

function hasEnded(report: Report | undefined): boolean {
  return report?.state === 'finished' || report?.state === 'failed';
}

function tableOf({ view }: ServiceContext): (topic: string) => string | undefined {
  return topic => [...view.plans.values()].find(p => p.topic === topic)?.table;
}

interface SinkDetail {
  tasks?: { topic?: string; stuck?: number; lost?: { rows: number; seenMs: number } }[];
}

/** What a sink tells of keys that it cannot apply, or has lost, by table. */
export function stuckOf(report: Report, table: (topic: string) => string | undefined): Stuck[] {
  const { tasks = [] }: SinkDetail = JSON.parse(report.detail);
  const [target = ''] = report.unit.split('/');
  return tasks.flatMap(({ topic = '', stuck = 0, lost }): Stuck[] => {
    const name = table(topic);
    if (name === undefined) return [];
    const found: Stuck[] = [];
    if (stuck > 0) {
      const why = `${stuck} keys cannot be applied on target ${target}`;
      found.push({ table: name, why, tsMs: report.tsMs });
    }
    if (lost !== undefined) {
      const why = `${lost.rows} rows that waited in reshard_park of target ${target} are gone`;
      found.push({ table: name, why, tsMs: lost.seenMs });
    }
    return found;
  });
}

/**
 * What the report of an ended check says of each of its tables. Of one that has failed nothing but
 * its bases is read: the rest of its detail is the progress of when it failed, of another shape.
 * That a part of a table is equal says nothing of the table; that it differs does.
 */
export function verdictsOf(report: Report): TableVerdict[] {
  const detail: Partial<CheckResult> & Partial<CheckBasis> = JSON.parse(report.detail);
  const { bases = {}, scopeBases = {}, startedMs = report.tsMs, sourceGtids = {} } = detail;
  const isFinished = report.state === 'finished';
  const tables = isFinished ? (detail.tables ?? []) : [];
  const stands = Object.entries({ ...bases, ...scopeBases });
  return stands.flatMap(([table, basis]): TableVerdict[] => {
    const isPart = !(table in bases);
    const found = tables.find(t => t.table === table);
    const [first = ''] = (report.error ?? '').split('\n');
    const differences = found?.differences.length ?? 0;
    const unsettled = found?.unsettled.length ?? 0;
    const blocked = found?.blocked ?? 0;
    let result: ProofResult = 'equal';
    if (!isFinished || found === undefined) result = 'failed';
    else if (differences > 0 || found.truncated) result = 'different';
    else if (unsettled > 0) result = 'unsettled';
    else if (blocked > 0) result = 'blocked';
    if (result === 'equal' && found?.after) return [];
    if (result !== 'different' && isPart) return [];
    const verdict: TableVerdict = {
      table,
      check: report.unit,
      result,
      reason: result === 'failed' ? first || 'the check has no result of the table' : null,
      basis,
      startedMs: isFinished ? startedMs : report.tsMs,
      provenMs: report.tsMs,
      workedMs: isFinished ? (detail.workedMs ?? 0) : 0,
      rows: isFinished ? (found?.rows ?? 0) : 0,
      targetRows: isFinished ? (found?.targetRows ?? 0) : 0,
      ranges: isFinished ? (found?.ranges ?? 0) : 0,
      differences,
      unsettled,
      blocked,
      sourceGtids: isFinished ? sourceGtids : {},
      truncated: found?.truncated || isPart,
      ...(isPart ? { isPart } : {}),
    };
    return [verdict];
  });
}
