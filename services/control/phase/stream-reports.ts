/** What the slots of the streaming check have said last, for control. */
import {
  parseStreamReport,
  type StreamDoubt,
  type StreamReport,
  streamSlot,
} from '../../../shared/job/state/stream-report.ts';
import type { Report } from '../../../shared/member/reporter.ts';

export class StreamReports {
  readonly #slots = new Map<number, StreamReport>();

  note(key: string, report: Report | null): void {
    const slot = streamSlot(key);
    if (slot === null || report === null) return;
    this.#slots.set(slot, parseStreamReport(report.detail));
  }

  /** All that are known, old ones too. */
  doubts(): StreamDoubt[] {
    return [...this.#slots.values()].flatMap(s => s.doubts);
  }

  /** Tables of which a check is wanted, with the time since when at the latest. */
  wanted(nowMs: number): { tables: string[]; sinceMs: number } | null {
    const due = [...this.#slots.values()]
      .flatMap(s => s.tables)
      .flatMap(({ table, wantedMs }) =>
        wantedMs !== null && wantedMs <= nowMs ? [{ table, wantedMs }] : [],
      );
    if (due.length === 0) return null;
    const tables = [...new Set(due.map(d => d.table))].sort();
    return { tables, sinceMs: Math.max(...due.map(d => d.wantedMs)) };
  }
}
