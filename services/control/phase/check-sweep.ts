/**
 * Reports of checks whose requests control has removed (of the passes of a repair, of the
 * schedule): nobody goes by them any more, and the report topic would keep each of them for ever.
 * A checker that runs forgets them as soon as it sees that; they are cleared away when it has.
 */
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { Report } from '../../../shared/member/reporter.ts';

/** A checker that still works at one reports it every second. */
const SILENT_MS = 60_000;
const CHECK_KEY = /^checker\/(verify-.+)$/;

export class CheckSweep {
  /** By the check's id, when it was last told of. */
  readonly #told = new Map<string, number>();

  note(key: string, report: Pick<Report, 'tsMs'> | null): void {
    const id = CHECK_KEY.exec(key)?.[1];
    if (id === undefined) return;
    if (report === null) this.#told.delete(id);
    else this.#told.set(id, report.tsMs);
  }

  /** Keys of records that nobody needs any more. */
  gone({ verifies }: Pick<JobView, 'verifies'>, nowMs: number): string[] {
    return [...this.#told]
      .filter(([id, tsMs]) => !verifies.has(id) && nowMs - tsMs > SILENT_MS)
      .map(([id]) => `checker/${id}`);
  }
}
