/**
 * Members of a job come and go, each with records of its own in the report topic, which keeps the
 * newest of every key for ever. The control leader clears away those of members that have said
 * nothing for long: every restart of a service would leave some. A member that wakes up after that
 * is back with its next report.
 */
import { isMemberKey, type Report } from '../../../shared/member/reporter.ts';

const GONE_MS = 3_600_000;

export class MemberSweep {
  readonly #spoke = new Map<string, number>();

  note(key: string, report: Pick<Report, 'tsMs'> | null): void {
    if (!isMemberKey(key)) return;
    if (report === null) this.#spoke.delete(key);
    else this.#spoke.set(key, report.tsMs);
  }

  /** Keys of records that nobody needs any more. */
  gone(nowMs: number): string[] {
    return [...this.#spoke].filter(([, tsMs]) => nowMs - tsMs > GONE_MS).map(([key]) => key);
  }
}
