/**
 * Whether a server that the application has left refuses what it must refuse, by its own word: its
 * variables, its triggers, its accounts and who is logged in. What a hook has done nobody knows but
 * the hook: there an ordinary account tries to write.
 */
import { fenceKind, ownUsers } from '../../../shared/job/fence.ts';
import { type Job, movingTables, tablesOf } from '../../../shared/job/job.ts';
import type { FrozenSource } from '../../../shared/job/state/cutover.ts';
import { unlockedAccounts } from '../../../shared/mysql/account-fence.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { unfenced } from '../../../shared/mysql/row-fence.ts';
import { probe } from '../../../shared/mysql/write-probe.ts';
import { ReshardError, unreachable } from '../../../shared/runtime/error.ts';

export interface FenceSeen {
  isFrozen: boolean;
  /** Of a server that takes the writes of our sink: nobody else's. */
  isReadOnly: boolean;
  serverUuid: string;
  /** What of it is missing, where the server tells. */
  why?: string;
}

type Seen = Omit<FenceSeen, 'serverUuid'>;

export async function lookAtFence(
  session: MysqlSession,
  job: Job,
  frozen: FrozenSource,
): Promise<Seen> {
  const { source, by } = frozen;
  const kind = fenceKind(job, source, frozen);
  const database = [...job.sources, ...job.targets].find(s => s.name === source)?.database ?? '';
  switch (kind) {
    case 'read-only': {
      const [row] = await session.query<Record<'frozen' | 'readOnly', string | number>>(
        'SELECT @@global.super_read_only AS frozen, @@global.read_only AS readOnly',
      );
      return { isFrozen: Number(row?.frozen) === 1, isReadOnly: Number(row?.readOnly) !== 0 };
    }
    case 'triggers': {
      const open = await unfenced(session, { job: job.job, database }, movingTables(job));
      return { isFrozen: open.length === 0, isReadOnly: false };
    }
    case 'accounts': {
      if (by?.kind !== 'accounts') throw new ReshardError('bug', `no accounts of ${source}`);
      const open = await unlockedAccounts(session, { database, users: ownUsers(job) }, by);
      return standing(open.length === 0, open.join(', '));
    }
    case 'hook':
      return await probed(session, job, database);
    default:
      return unreachable(kind);
  }
}

/** A server's account fence, or its hook, is the same whether our sink writes there or not. */
function standing(stands: boolean, why: string): Seen {
  return { isFrozen: stands, isReadOnly: stands, ...(stands ? {} : { why }) };
}

async function probed(session: MysqlSession, job: Job, database: string): Promise<Seen> {
  const account = job.cutover.probe;
  const [table] = tablesOf(job);
  if (account === undefined || table === undefined) {
    throw new ReshardError('config', 'no account tells whether the hook has frozen it', {
      remedy: 'put `cutover.probe` back into the job file',
    });
  }
  const schema = await inspectTable(session, database, table);
  const place = { source: session.endpoint, account, schema, by: 'hook', job: job.job } as const;
  const answer = await probe([place]);
  if (answer.kind === 'refused') return standing(true, '');
  if (answer.kind === 'accepted') return standing(false, 'an ordinary account can write');
  const said = answer.kind === 'untried' ? 'nothing was tried' : answer.text;
  throw new ReshardError('source', `whether ${account.user} is refused is not known: ${said}`);
}
