/**
 * Whether the server behind a target's name is the one that the job was made with. Its uuid says so.
 * Another server is gone on with only if it holds our progress of this very target: then it is a
 * replica, or a restored copy, that has taken over with all rows. Otherwise its address was swapped
 * with that of another target, or points anywhere: the rows of before would be missing there.
 */
import { type JobIdentity, refuseSwapped } from '../../../../shared/job/state/identity.ts';
import type { MysqlSession } from '../../../../shared/mysql/connect.ts';
import { quoteText } from '../../../../shared/mysql/identifier.ts';
import { readServerUuid } from '../../../../shared/mysql/server-uuid.ts';
import { ReshardError } from '../../../../shared/runtime/error.ts';
import type { RowOwner } from './row-owner.ts';

/** `offsets`: the qualified name of our offset table there. */
export async function refuseOtherTarget(
  session: MysqlSession,
  offsets: string,
  owner: RowOwner,
  identity: JobIdentity,
): Promise<void> {
  const { target, job, jobId } = owner;
  const serverUuid = await readServerUuid(session);
  const known = identity.targets.find(t => t.name === target);
  if (known?.serverUuid === serverUuid) return;
  refuseSwapped('target', target, serverUuid, identity);
  const mine = `job = ${quoteText(job)} AND job_id = ${quoteText(jobId)}`;
  const { rows } = await session.rawQuery(
    `SELECT 1 FROM ${offsets} WHERE ${mine} AND target = ${quoteText(target)} LIMIT 1`,
  );
  if (rows > 0) return;
  throw new ReshardError(
    'job-changed',
    `the target ${target} is another server than the job was made with, and holds nothing of it`,
    {
      context: { job: jobId, serverUuid },
      remedy:
        `correct the address of ${target} in the job file; a replica or a restored copy of it ` +
        'is gone on with, an empty server needs a new job',
    },
  );
}
