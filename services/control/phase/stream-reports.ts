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

/** Of a table: a check that is asked for later than that will do. */
export interface WantedCheck {
  table: string;
  sinceMs: number;
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
      // Checks are asked for by our clock: how long ago it came to be wanted the checker knows, and
      // a check that was asked for since is the one, whoever of us has heard of it before.
      const dueMs = nowMs + wantedMs - said.tsMs;
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
  wanted(nowMs: number): WantedCheck[] {
    const since = new Map<string, number>();
    for (const [table, { dueMs }] of [...this.#slots.values()].flatMap(s => [...s.wants])) {
      if (dueMs <= nowMs) since.set(table, Math.max(dueMs, since.get(table) ?? dueMs));
    }
    const tables = [...since.keys()].sort();
    return tables.map(table => ({ table, sinceMs: since.get(table) ?? nowMs }));
  }
}
