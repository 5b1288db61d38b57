/**
 * Statements at which the logs of the targets stand, by the reports of the way back. Somebody has
 * emptied a table there, or altered or dropped it: no row event tells what became of its rows, and
 * nothing that comes behind it is told either. What was proven before says nothing any more, while
 * both logs would go on to agree as of the moment in front of it.
 */
import type { Job } from '../../../shared/job/job.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { KafkaLog } from '../../../shared/kafka/kafka.ts';
import type { TailedTable } from '../../../shared/kafka/table.ts';
import { tailReports } from '../../../shared/member/report-tail.ts';
import type { Report } from '../../../shared/member/reporter.ts';
import type { SchemaRegistry } from '../../../shared/registry/registry.ts';
import { firstLine } from '../../../shared/runtime/error.ts';
import { haltedTable, haltIn } from './halt.ts';

export interface TargetHalt {
  target: string;
  gtid: string;
  /** Null: it may be about any. */
  table: string | null;
  /** For people, in one line; of this statement alone. */
  why: string;
  /** A check that has begun later has met what the statement did. */
  atMs: number;
}

interface Heard extends TargetHalt {
  heardMs: number;
  /** Columns have come to it, or got wider: control may be about to take them up. */
  isGrowth: boolean;
}

/** A table that grows is taken up on all servers within it, or not at all. */
const GROWTH_MS = 30_000;
/** The log names the second of a statement, and clocks of servers are not ours. */
const SECOND_MS = 2000;

export class TargetHalts {
  readonly #halts = new Map<string, Heard>();
  #isLive = false;

  /** From here on what is heard has just happened. */
  live(): void {
    this.#isLive = true;
  }

  note(report: Report, nowMs: number): void {
    if (report.service !== 'binlog') return;
    const target = report.unit;
    const halt = haltIn(report);
    const gtid = halt?.context.gtid;
    const isStatement = halt?.kind === 'schema-changed' || halt?.kind === 'unsafe-event';
    if (!isStatement || typeof gtid !== 'string') {
      this.#halts.delete(target);
      return;
    }
    if (this.#halts.get(target)?.gtid === gtid) return;
    const { atSecond, added } = halt.context;
    const isKnown = !this.#isLive && typeof atSecond === 'number';
    const stands = `the log of target ${target} stands, and tells nothing of what came behind it`;
    this.#halts.set(target, {
      ...{ target, gtid, table: haltedTable(halt), heardMs: nowMs },
      why: `${stands}: ${firstLine(report.error ?? halt.kind)} (${gtid})`,
      atMs: isKnown ? atSecond * 1000 + SECOND_MS : nowMs,
      isGrowth: typeof added === 'string',
    });
  }

  /** Those that nobody is about to take up. */
  standing(nowMs: number): TargetHalt[] {
    return [...this.#halts.values()].filter(h => !h.isGrowth || nowMs - h.heardMs >= GROWTH_MS);
  }
}

/** `job`, and `view` of it: that of the way back, whose sources are the targets. */
export async function followHalts(
  from: { kafka: KafkaLog; registry: SchemaRegistry; job: Job },
  view: Pick<JobView, 'jobId'>,
): Promise<{ halts: TargetHalts; tail: TailedTable }> {
  const halts = new TargetHalts();
  const tail = await tailReports(from, view, (_, report) => {
    if (report !== null) halts.note(report, Date.now());
  });
  await tail.caughtUp;
  halts.live();
  return { halts, tail };
}
