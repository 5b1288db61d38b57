/**
 * Follows the report topic for control: the verdicts of checks, and what takes the word back from a
 * table without any check (a sink that cannot apply keys of it).
 */
import type { CheckBasis, CheckResult } from '../../../shared/job/state/check-result.ts';
import type { ProofResult, TableVerdict } from '../../../shared/job/state/proof.ts';
import { tailTable } from '../../../shared/kafka/table.ts';
import { reportTopic } from '../../../shared/kafka/topic-name.ts';
import { reportCodec, type ServiceContext } from '../../../shared/member/context.ts';
import type { Report } from '../../../shared/member/reporter.ts';

/** Reports of checks that are kept besides those that a repair still needs. */
const KEPT_CHECKS = 20;

/** Keys of a table that a target cannot apply. */
export interface Stuck {
  target: string;
  table: string;
  keys: number;
  /** By the sink's clock. */
  tsMs: number;
}

export interface Verdicts extends AsyncDisposable {
  /** Rejects when the reports can be followed no longer. */
  readonly failed: Promise<never>;
  /** The newest report of a check. */
  check(id: string): Report | undefined;
  /** Verdicts that have come since the last call. */
  take(): TableVerdict[];
  /** What sinks have told since the last call. */
  takeStuck(): Stuck[];
}

const CHECK_KEY = /^checker\/(verify-.+)$/;

/** `needed`: checks whose reports must be kept; `onReport` is told of every record. */
export async function openVerdicts(
  c: ServiceContext,
  needed: () => ReadonlySet<string>,
  onReport: (key: string, report: Report | null) => void,
): Promise<Verdicts> {
  const codec = await reportCodec(c.registry, c.job);
  const checks = new Map<string, Report>();
  const ended = new Map<string, Report>();
  /** Verdicts come again every second while their member lives: each is read once. */
  const read = new Set<string>();
  let stuck: Stuck[] = [];
  const tail = await tailTable(c.kafka, reportTopic(c.job.job), (key, value) => {
    const name = key.toString();
    const found = value === null ? null : codec.decode(value);
    // A verdict over an earlier job of the same name says nothing.
    const report = found?.jobId === c.view.jobId ? found : null;
    onReport(name, report);
    if (report === null) return;
    if (report.service === 'sink') stuck.push(...stuckOf(report, tableOf(c)));
    const id = CHECK_KEY.exec(name)?.[1];
    if (id === undefined) return;
    checks.set(id, report);
    prune(checks, needed());
    if (report.state !== 'finished' && report.state !== 'failed') return;
    if (read.has(`${id}@${report.member}`)) return;
    read.add(`${id}@${report.member}`);
    ended.set(`${id}@${report.member}`, report);
  });
  await tail.caughtUp;
  return {
    failed: tail.failed,
    check: id => checks.get(id),
    take: () => {
      const verdicts = [...ended.values()].flatMap(verdictsOf);
      ended.clear();
      return verdicts;
    },
    takeStuck: () => {
      const list = stuck;
      stuck = [];
      return list;
    },
    [Symbol.asyncDispose]: () => tail.close(),
  };
}

function prune(checks: Map<string, Report>, needed: ReadonlySet<string>): void {
  for (const id of [...checks.keys()].sort()) {
    if (checks.size <= KEPT_CHECKS) return;
    if (!needed.has(id)) checks.delete(id);
  }
}

function tableOf({ view }: ServiceContext): (topic: string) => string | undefined {
  return topic => [...view.plans.values()].find(p => p.topic === topic)?.table;
}

interface SinkDetail {
  tasks?: { topic?: string; stuck?: number }[];
}

/** What a sink tells of keys that it cannot apply, by table. */
export function stuckOf(report: Report, table: (topic: string) => string | undefined): Stuck[] {
  const { tasks = [] }: SinkDetail = JSON.parse(report.detail);
  const [target = ''] = report.unit.split('/');
  return tasks.flatMap(({ topic = '', stuck = 0 }) => {
    const name = table(topic);
    if (stuck === 0 || name === undefined) return [];
    return [{ target, table: name, keys: stuck, tsMs: report.tsMs }];
  });
}

/** What the report of an ended check says of each of its tables. */
export function verdictsOf(report: Report): TableVerdict[] {
  const detail: Partial<CheckResult> & Partial<CheckBasis> = JSON.parse(report.detail);
  const { bases = {}, tables = [], startedMs = report.tsMs, sourceGtids = {} } = detail;
  const isFinished = report.state === 'finished';
  return Object.entries(bases).map(([table, basis]): TableVerdict => {
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
    return {
      table,
      check: report.unit,
      result,
      reason: result === 'failed' ? first || 'the check has no result of the table' : null,
      basis,
      startedMs: isFinished ? startedMs : report.tsMs,
      provenMs: report.tsMs,
      rows: isFinished ? (found?.rows ?? 0) : 0,
      targetRows: isFinished ? (found?.targetRows ?? 0) : 0,
      ranges: isFinished ? (found?.ranges ?? 0) : 0,
      differences,
      unsettled,
      blocked,
      sourceGtids: isFinished ? sourceGtids : {},
    };
  });
}
