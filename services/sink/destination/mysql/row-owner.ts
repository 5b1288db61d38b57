/**
 * Whose the rows of our tables on a target are. A row is found by the job's name, and names the job
 * by its id and the target by its name besides: so progress of an earlier job of the same name, or
 * of a target whose address now stands under another name, is refused and never gone on from.
 */
import { foreignJob } from '../../../../shared/job/state/identity.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { errnoOf } from '../../../../shared/mysql/mysql-error.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';

export interface RowOwner {
  job: string;
  jobId: string;
  /** Name of the target that the rows are on. */
  target: string;
}

export const OWNER_COLUMNS = [
  `job_id VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''
     COMMENT 'the job, by its id'`,
  `target VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT ''
     COMMENT 'the name that this target has in the job'`,
];

const DUPLICATE_COLUMN = 1060;

/** Adds columns to a table of ours that an older version has made; another member may be first. */
export async function addColumns(
  session: MysqlSession,
  table: string,
  columns: readonly string[],
): Promise<void> {
  for (const column of columns) {
    const sql = `ALTER TABLE ${table} ADD COLUMN ${column}`;
    try {
      await session.rawQuery(sql);
    } catch (e) {
      if (errnoOf(e) === DUPLICATE_COLUMN) continue;
      if (!(e instanceof ReshardError) || e.kind !== 'denied') throw e;
      throw new ReshardError(
        'denied',
        'our table is of an older version, and we may not change it',
        {
          cause: e,
          remedy: `as an account that may: ${sql.replaceAll(/\s+/g, ' ')};`,
        },
      );
    }
  }
}

export function refuseForeignRow(
  row: { job_id: string; target: string },
  table: string,
  owner: RowOwner,
): void {
  const { jobId, target } = owner;
  if (row.job_id === jobId && row.target === target) return;
  if (row.job_id !== jobId) {
    const what = `a row of ${table} on the target ${target}`;
    throw foreignJob({ what, ours: jobId, theirs: row.job_id, context: { target } });
  }
  throw new ReshardError('job-changed', `the target ${target} is the one that was ${row.target}`, {
    context: { job: jobId, table },
    remedy: `correct the addresses of ${target} and ${row.target} in the job file`,
  });
}
