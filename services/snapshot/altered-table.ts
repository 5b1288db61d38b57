/**
 * A table that is another one than was planned, from when it was seen so first. The log may still
 * take the change up, and then there is another plan; once it has come to where the table was seen,
 * and the plan is the same, nobody will.
 *
 * The first place counts: on a source that is written to all the time the log is always a little
 * behind the place of now, so that it would never have come to the last one.
 */
import { GtidSet } from '../../shared/change/gtid.ts';
import type { TablePlan } from '../../shared/job/state/job-view.ts';
import type { Resume } from '../../shared/job/state/progress-view.ts';
import { ReshardError } from '../../shared/runtime/error.ts';

/** How a table was found. */
export interface Altered {
  /** The log knows of the change if it has all of this: a GTID set or position. */
  altered: string;
  /** Fingerprint of the table as it is. */
  as: string;
}

export class AlteredTable {
  #first: Altered | null = null;

  /** Throws if the log has come to where the table was seen so first, and goes on with the plan. */
  refuse(
    { source, db, table }: Pick<TablePlan, 'source' | 'db' | 'table'>,
    found: Altered,
    resume: Pick<Resume, 'gtid'> | null,
  ): void {
    if (this.#first?.as !== found.as) this.#first = found;
    const read = resume === null ? null : GtidSet.parse(resume.gtid);
    const seen = this.#first.altered;
    if (read?.covers(GtidSet.parse(seen, read.flavor)) !== true) return;
    throw new ReshardError('schema-changed', 'the table was altered while it was copied', {
      context: { source, db, table },
      remedy:
        'columns that came can be taken up: `reshard ddl show <job file>`; else undo the change',
    });
  }

  /** The table is as planned. */
  forget(): void {
    this.#first = null;
  }
}
