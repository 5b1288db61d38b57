/** What a cutover has to know of a source before it is frozen; asks only, changes nothing. */

import { killerOf } from '../../../shared/mysql/account-fence.ts';
import type { Flavor, MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, type Grant, readAccount } from '../../../shared/mysql/grant.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { isFrom } from '../../../shared/mysql/server-version.ts';
import { type AccountFacts, type AccountQuestion, readAccountFacts } from './account-facts.ts';
import { type Counters, readCounters } from './counter.ts';
import {
  appliersOf,
  asked,
  groupOf,
  type OpenTransaction,
  openTransactions,
  persistedOn,
  persistedReadOnly,
} from './server-look.ts';

export interface SourceFacts {
  source: string;
  flavor: Flavor;
  version: string;
  /** Whether `SET PERSIST` is there: MySQL from 8.0 on. */
  canPersist: boolean;
  account: string;
  serverUuid: string;
  isReadOnly: boolean;
  /** read_only or super_read_only, where a restart of the server would switch it on. */
  persistedOn: string[];
  /** Privileges that the freeze, or a look before it, needs and the account lacks. */
  missing: string[];
  /** Replication channels whose applier runs: it would write through the freeze. */
  appliers: string[];
  /** Name of the replication group; empty when it is in none. */
  group: string;
  /** Null when nobody may ask. */
  preparedXa: number | null;
  /** Null when nobody may ask. */
  transactions: OpenTransaction[] | null;
  /** By table, the next id that the server gives out. */
  counters: Counters;
  /** Of one that is fenced by its accounts. */
  accounts: AccountFacts | null;
}

type Needed = [privilege: string, why: string];

const ALWAYS: Needed[] = [
  ['REPLICATION CLIENT', 'shows positions and appliers'],
  ['PROCESS', 'shows transactions that are open'],
  ['XA_RECOVER_ADMIN', 'shows prepared XA transactions'],
];
/** As the server names them; SUPER is some of them. */
const NEEDED: Record<FenceQuestion['kind'], Needed[]> = {
  'read-only': [
    ['SYSTEM_VARIABLES_ADMIN', 'sets super_read_only'],
    ['CONNECTION_ADMIN', 'sets super_read_only, ends the session of a control that is gone'],
  ],
  triggers: [
    ['TRIGGER', 'makes the triggers that refuse rows that move'],
    ['CONNECTION_ADMIN', 'ends the session of a control that is gone'],
  ],
  accounts: [['CREATE USER', 'locks accounts']],
  hook: [],
};
/** Not needed where the server has a procedure for it. */
const ENDS_SESSIONS: Needed = ['CONNECTION_ADMIN', 'ends sessions of accounts that are locked'];
/** By a binlog the server asks for SUPER besides, unless it is told to trust. */
const UNTRUSTED: Needed = [
  'SUPER',
  'makes triggers; or SET PERSIST log_bin_trust_function_creators = ON',
];
const OF_SUPER = ['SYSTEM_VARIABLES_ADMIN', 'CONNECTION_ADMIN'];

/** By what the server would be frozen. */
export type FenceQuestion =
  | { kind: 'read-only' | 'triggers' | 'hook' }
  | ({ kind: 'accounts' } & AccountQuestion);

export async function readSourceFacts(
  session: MysqlSession,
  o: {
    source: string;
    database: string;
    tables: readonly string[];
    olderSeconds: number;
    fence: FenceQuestion;
  },
): Promise<SourceFacts> {
  const { flavor, version } = session;
  const { fence } = o;
  const account = await readAccount(session);
  const [row] = await session.query<{ readOnly: string | number }>(
    'SELECT @@global.read_only AS readOnly',
  );
  const canPersist = isFrom(session, { mysql: '8.0.0' });
  const persists = canPersist && fence.kind === 'read-only';
  return {
    source: o.source,
    flavor,
    version,
    canPersist,
    account: account.name,
    serverUuid: await readServerUuid(session),
    isReadOnly: Number(row?.readOnly ?? 1) !== 0,
    persistedOn: persists ? persistedOn(await persistedReadOnly(session)) : [],
    missing: flavor === 'mysql' ? await missingOf(session, account.grants, o) : [],
    appliers: await appliersOf(session),
    group: await groupOf(session),
    preparedXa: await asked(async () => (await session.query('XA RECOVER')).length),
    transactions: await asked(() => openTransactions(session, o.olderSeconds)),
    counters: await readCounters(session, o.database, o.tables),
    accounts:
      fence.kind === 'accounts'
        ? await readAccountFacts(session, account.grants, o.database, fence)
        : null,
  };
}

async function missingOf(
  session: MysqlSession,
  grants: readonly Grant[],
  { fence, database }: { fence: FenceQuestion; database: string },
): Promise<string[]> {
  const isSuper = allows(grants, 'SUPER');
  const has = (name: string): boolean =>
    allows(grants, name, database) || (OF_SUPER.includes(name) && isSuper);
  const needed = [...NEEDED[fence.kind], ...ALWAYS];
  if (fence.kind === 'triggers' && !isSuper && !(await isTrusting(session))) needed.push(UNTRUSTED);
  if (fence.kind === 'accounts' && (await killerOf(session)) === null) needed.push(ENDS_SESSIONS);
  return needed.filter(([name]) => !has(name)).map(([name, why]) => `${name} (${why})`);
}

async function isTrusting(session: MysqlSession): Promise<boolean> {
  const [row] = await session.query<{ trust: string | number }>(
    'SELECT @@global.log_bin_trust_function_creators AS trust',
  );
  return Number(row?.trust) === 1;
}
