/** What the slots of the streaming check have said last, for control. */
import {
  parseStreamReport,
  type StreamDoubt,
  type StreamReport,
  streamSlot,
} from '../../../shared/job/state/stream-report.ts';
import type { Report } from '../../../shared/member/reporter.ts';

interface Slot {
  report: StreamReport;
  /** By table: the moment by the checker's clock from which on a check is wanted, and by ours. */
  wants: ReadonlyMap<string, { wantedMs: number; dueMs: number }>;
}

export class StreamReports {
  readonly #slots = new Map<number, Slot>();

  /** `nowMs` is our clock. */
  note(key: string, said: Report | null, nowMs: number): void {
    const slot = streamSlot(key);
    if (slot === null || said === null) return;
    const report = parseStreamReport(said.detail);
    const known = this.#slots.get(slot)?.wants;
    const wants = report.tables.flatMap(({ table, wantedMs }) => {
      if (wantedMs === null) return [];
      const before = known?.get(table);
      // Checks are asked for by our clock, whatever the checker's says.
      const dueMs = nowMs + Math.max(0, wantedMs - said.tsMs);
      return [[table, before?.wantedMs === wantedMs ? before : { wantedMs, dueMs }] as const];
    });
    this.#slots.set(slot, { report, wants: new Map(wants) });
  }

  /** All that are known, old ones too. */
  doubts(): StreamDoubt[] {
    return [...this.#slots.values()].flatMap(s => s.report.doubts);
  }

  /** Of the slots that have compared all up to the ends of a question, what they have said last. */
  answers(comparison: string): ReadonlyMap<number, StreamReport> {
    const reports = [...this.#slots].map(([slot, s]) => [slot, s.report] as const);
    return new Map(reports.filter(([, report]) => report.compared === comparison));
  }

  /** Tables of which a check is wanted, with the time since when at the latest. */
  wanted(nowMs: number): { tables: string[]; sinceMs: number } | null {
    const due = [...this.#slots.values()]
      .flatMap(s => [...s.wants])
      .flatMap(([table, { dueMs }]) => (dueMs <= nowMs ? [{ table, dueMs }] : []));
    if (due.length === 0) return null;
    const tables = [...new Set(due.map(d => d.table))].sort();
    return { tables, sinceMs: Math.max(...due.map(d => d.dueMs)) };
  }
}
