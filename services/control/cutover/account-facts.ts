/** What a cutover has to know of accounts that it would lock; asks only, changes nothing. */
import { readAccounts } from '../../../shared/mysql/account.ts';
import {
  type AccountPlan,
  type AccountWish,
  planAccounts,
} from '../../../shared/mysql/account-fence.ts';
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, type Grant } from '../../../shared/mysql/grant.ts';
import { asked, eventsOf } from './server-look.ts';

export interface AccountFacts {
  /** Null when nobody may ask. */
  plan: AccountPlan | null;
  /** Users of accounts that are locked, or would be. */
  fenced: string[];
  /** The user of the probe, which has to be one of them. */
  probed: string | null;
  /** `<database>.<event>` of those that run by themselves; null when nobody may look. */
  events: string[] | null;
}

export interface AccountQuestion {
  wish: AccountWish;
  /** User names that Reshard works by. */
  users: ReadonlySet<string>;
  probed: string | null;
}

export async function readAccountFacts(
  session: MysqlSession,
  grants: readonly Grant[],
  database: string,
  { wish, users, probed }: AccountQuestion,
): Promise<AccountFacts> {
  const events = await eventsOf(session, null, allows(grants, 'EVENT'));
  const maySee = allows(grants, 'SELECT', 'mysql');
  const accounts = maySee ? await asked(() => readAccounts(session, database)) : null;
  if (accounts === null) return { plan: null, fenced: [], probed, events };
  const own = { users, isSystem: allows(grants, 'SYSTEM_USER') };
  const plan = planAccounts(accounts, wish, own);
  const fenced = accounts.filter(a => a.isLocked || plan.locked.includes(a.name));
  return { plan, fenced: fenced.map(a => a.user), probed, events };
}
