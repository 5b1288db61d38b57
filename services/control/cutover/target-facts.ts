/** What a cutover has to know of a target before the application writes there; changes nothing. */
import type { Flavor, MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, readAccount } from '../../../shared/mysql/grant.ts';
import { quoteText } from '../../../shared/mysql/identifier.ts';
import { readServerUuid } from '../../../shared/mysql/server-uuid.ts';
import { type Counters, readCounters } from './counter.ts';
import {
  appliersOf,
  asked,
  eventsOf,
  foreignWriters,
  type OpenTransaction,
} from './server-look.ts';

export interface TargetFacts {
  target: string;
  database: string;
  flavor: Flavor;
  serverUuid: string;
  /** 'user'@'host', as SQL. */
  account: string;
  isReadOnly: boolean;
  increment: number;
  offset: number;
  counters: Counters;
  /** `<table>.<trigger>` on tables of the job. */
  triggers: string[];
  /** Names of events of the database that run by themselves; null when nobody may look. */
  events: string[] | null;
  appliers: string[];
  /** Transactions of other accounts that have changed rows; null when nobody may ask. */
  writers: OpenTransaction[] | null;
}

export async function readTargetFacts(
  session: MysqlSession,
  o: { target: string; database: string; tables: readonly string[] },
): Promise<TargetFacts> {
  const { target, database, tables } = o;
  const account = await readAccount(session);
  const [row] = await session.query<Record<'readOnly' | 'step' | 'start', string | number>>(
    `SELECT @@global.read_only AS readOnly, @@global.auto_increment_increment AS step,
      @@global.auto_increment_offset AS start`,
  );
  const maySeeEvents = allows(account.grants, 'EVENT', database);
  return {
    target,
    database,
    flavor: session.flavor,
    serverUuid: await readServerUuid(session),
    account: account.name,
    isReadOnly: Number(row?.readOnly ?? 1) !== 0,
    increment: Number(row?.step ?? 1),
    offset: Number(row?.start ?? 1),
    counters: await readCounters(session, database, tables),
    triggers: await triggersOf(session, database, tables),
    events: await eventsOf(session, database, maySeeEvents),
    appliers: await appliersOf(session),
    writers: await asked(() => foreignWriters(session, session.endpoint.user)),
  };
}

async function triggersOf(
  session: MysqlSession,
  database: string,
  tables: readonly string[],
): Promise<string[]> {
  const rows = await session.query<{ name: string; onTable: string }>(
    `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS onTable FROM information_schema.TRIGGERS
      WHERE EVENT_OBJECT_SCHEMA = ${quoteText(database)} ORDER BY TRIGGER_NAME`,
  );
  return rows.filter(r => tables.includes(r.onTable)).map(r => `${r.onTable}.${r.name}`);
}
