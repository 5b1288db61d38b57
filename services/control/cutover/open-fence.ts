/** Opens the fence of a server: that of its record, if it is frozen, else that of the job file. */
import { fenceKind, fenceOf, hookOf, ownUsers } from '../../../shared/job/fence.ts';
import type { Job, JobSource } from '../../../shared/job/job.ts';
import type { FrozenSource } from '../../../shared/job/state/cutover.ts';
import type { JobView } from '../../../shared/job/state/job-view.ts';
import type { AccountWish } from '../../../shared/mysql/account-fence.ts';
import { unreachable } from '../../../shared/runtime/error.ts';
import { AccountFence } from './account-fence.ts';
import { fencedTables } from './fenced-tables.ts';
import { HookFence } from './hook-fence.ts';
import { MysqlFence } from './mysql-fence.ts';
import { RowFence } from './row-fence.ts';
import type { Fence } from './site.ts';

interface FencedJob {
  job: Job;
  view: JobView;
  /** Name of the job, whichever way it is. */
  name: string;
}

export async function openFence(
  { job, view, name }: FencedJob,
  source: JobSource,
  frozen?: FrozenSource,
): Promise<Fence> {
  const siblings = job.sources.map(s => s.name);
  const whose = { job: name, source, siblings };
  const by = frozen?.by;
  const kind = fenceKind(job, source.name, frozen);
  switch (kind) {
    case 'read-only':
      return await MysqlFence.open(name, source, siblings);
    case 'triggers':
      return await RowFence.open({ ...whose, tables: fencedTables(job, view, source) });
    case 'accounts': {
      const record = by?.kind === 'accounts' ? by : null;
      const wish = accountWish(job, source.name);
      return await AccountFence.open({ ...whose, users: ownUsers(job), wish, record });
    }
    case 'hook': {
      const record = by?.kind === 'hook' ? by : null;
      return await HookFence.open({ ...whose, hook: hookOf(job, source.name), record });
    }
    default:
      return unreachable(kind);
  }
}

/** Of a server that is frozen nothing more is locked. */
function accountWish(job: Job, server: string): AccountWish {
  const setting = fenceOf(job, server);
  return setting.kind === 'accounts' ? setting : { lock: [], spare: [] };
}
