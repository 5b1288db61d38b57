/** What a cutover has to know of a source before it is frozen; asks only, changes nothing. */
import type { Flavor, MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, readAccount } from '../../../shared/mysql/grant.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { isFrom } from '../../../shared/mysql/server-version.ts';
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
}

/** As the server names them; SUPER is all of them. */
const NEEDED: readonly [privilege: string, why: string][] = [
  ['SYSTEM_VARIABLES_ADMIN', 'sets super_read_only'],
  ['CONNECTION_ADMIN', 'sets super_read_only, ends the session of a control that is gone'],
  ['REPLICATION CLIENT', 'shows positions and appliers'],
  ['PROCESS', 'shows transactions that are open'],
  ['XA_RECOVER_ADMIN', 'shows prepared XA transactions'],
];
/** Of triggers; by a binlog the server asks for SUPER besides, unless it is told to trust. */
const ROW_FENCE: typeof NEEDED = [
  ['TRIGGER', 'makes the triggers that refuse rows that move'],
  ['CONNECTION_ADMIN', 'ends the session of a control that is gone'],
  ...NEEDED.slice(2),
];
const UNTRUSTED: (typeof NEEDED)[number] = [
  'SUPER',
  'makes triggers; or SET PERSIST log_bin_trust_function_creators = ON',
];
const OF_SUPER = ['SYSTEM_VARIABLES_ADMIN', 'CONNECTION_ADMIN'];

export async function readSourceFacts(
  session: MysqlSession,
  o: {
    source: string;
    database: string;
    tables: readonly string[];
    olderSeconds: number;
    /** The fence is triggers of the tables, not of the server. */
    fencesRows: boolean;
  },
): Promise<SourceFacts> {
  const { flavor, version } = session;
  const account = await readAccount(session);
  const has = (name: string): boolean =>
    allows(account.grants, name, o.database) ||
    (OF_SUPER.includes(name) && allows(account.grants, 'SUPER'));
  const [row] = await session.query<Record<'readOnly' | 'trust', string | number>>(
    'SELECT @@global.read_only AS readOnly, @@global.log_bin_trust_function_creators AS trust',
  );
  const mayMake = Number(row?.trust) === 1 || allows(account.grants, 'SUPER');
  const needed = o.fencesRows ? [...ROW_FENCE, ...(mayMake ? [] : [UNTRUSTED])] : NEEDED;
  const isMysql = flavor === 'mysql';
  const canPersist = isFrom(session, { mysql: '8.0.0' });
  return {
    source: o.source,
    flavor,
    version,
    canPersist,
    account: account.name,
    serverUuid: await readServerUuid(session),
    isReadOnly: Number(row?.readOnly ?? 1) !== 0,
    persistedOn: canPersist ? persistedOn(await persistedReadOnly(session)) : [],
    missing: isMysql
      ? needed.filter(([name]) => !has(name)).map(([name, why]) => `${name} (${why})`)
      : [],
    appliers: await appliersOf(session),
    group: await groupOf(session),
    preparedXa: await asked(async () => (await session.query('XA RECOVER')).length),
    transactions: await asked(() => openTransactions(session, o.olderSeconds)),
    counters: await readCounters(session, o.database, o.tables),
  };
}
