/** What a handover has to know of a server, source or target; changes nothing. */
import type { MysqlSession } from '../../../shared/mysql/connect.ts';
import { allows, readAccount } from '../../../shared/mysql/grant.ts';
import { qualified } from '../../../shared/mysql/identifier.ts';
import { offsetTable } from '../../../shared/mysql/target-state.ts';
import { asked, channelsOf } from '../cutover/server-look.ts';

export interface ServerFacts {
  name: string;
  flavor: MysqlSession['flavor'];
  version: string;
  uuid: string;
  serverId: number;
  gtidMode: string;
  enforcesGtid: string;
  lowerCase: number;
  isReadOnly: boolean;
  executed: string;
  /** `<database>.<table>` of the whole server, but for the server's own databases. */
  tables: string[];
  /** Views, triggers, routines and events, each as `<kind> <database>.<name>`. */
  programs: string[];
  databases: string[];
  /** By table of the job, its SHOW CREATE TABLE without the counter of ids; null: not there. */
  definitions: Map<string, string | null>;
  /** `<user>@<host>`; null when nobody may look. */
  accounts: string[] | null;
  /** Of replication, stopped ones too; null when nobody may look. */
  channels: string[] | null;
  /** Threads that send the log of this server to somebody. */
  dumps: number | null;
  filters: number | null;
  /** Jobs that keep positions here. */
  jobs: string[];
  /** What the account lacks for its side of it. */
  missing: string[];
  account: string;
}

const TABLE_DENIED = [1142];
const SYSTEM = "('mysql', 'sys', 'performance_schema', 'information_schema')";
const NEEDED = ['RELOAD', 'SYSTEM_VARIABLES_ADMIN', 'REPLICATION_SLAVE_ADMIN', 'CONNECTION_ADMIN'];
/** In the database of the job: a row shows that replication goes on. */
const PROVING = ['CREATE', 'INSERT', 'DROP'];
/** Tables of ours on the target, which somebody else may have made. */
const DROPPING = ['DROP'];

export async function readServerFacts(
  session: MysqlSession,
  o: { name: string; database: string; tables: readonly string[]; side: 'source' | 'target' },
): Promise<ServerFacts> {
  const { name, database, tables, side } = o;
  const common = { name, flavor: session.flavor, version: session.version };
  if (session.flavor !== 'mysql') return { ...NOTHING, ...common };
  const { name: account, grants } = await readAccount(session);
  const list = await listOf(
    session,
    `SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) AS name FROM information_schema.TABLES
      WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA NOT IN ${SYSTEM}`,
  );
  const definitions = new Map<string, string | null>();
  for (const table of tables) {
    const isThere = list.includes(`${database}.${table}`);
    definitions.set(table, isThere ? await definitionOf(session, database, table) : null);
  }
  return {
    ...common,
    ...(await settingsOf(session)),
    tables: list,
    programs: await listOf(session, PROGRAMS),
    databases: await listOf(
      session,
      `SELECT CONCAT(SCHEMA_NAME, ' ', DEFAULT_COLLATION_NAME) AS name
        FROM information_schema.SCHEMATA WHERE SCHEMA_NAME NOT IN ${SYSTEM}`,
    ),
    definitions,
    accounts: await mayRead(() =>
      listOf(session, "SELECT CONCAT(User, '@', Host) AS name FROM mysql.user"),
    ),
    channels: await channelsOf(session),
    dumps: await asked(() =>
      countOf(
        session,
        "SELECT COUNT(*) AS n FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'",
      ),
    ),
    filters: await mayRead(() =>
      countOf(
        session,
        'SELECT COUNT(*) AS n FROM performance_schema.replication_applier_global_filters',
      ),
    ),
    jobs: list.includes(`${database}.reshard_offset`)
      ? await listOf(session, `SELECT DISTINCT job AS name FROM ${offsetTable(database)}`)
      : [],
    missing: [
      ...(side === 'source' ? [] : NEEDED.filter(p => !allows(grants, p))),
      ...(side === 'source' ? PROVING : DROPPING).filter(p => !allows(grants, p, database)),
    ],
    account,
  };
}

type Settings = Pick<
  ServerFacts,
  'uuid' | 'serverId' | 'gtidMode' | 'enforcesGtid' | 'lowerCase' | 'isReadOnly' | 'executed'
>;

async function settingsOf(session: MysqlSession): Promise<Settings> {
  const [row] = await session.query<Record<string, string | number>>(
    `SELECT @@server_uuid AS uuid, @@server_id AS id, @@global.gtid_mode AS mode,
      @@global.enforce_gtid_consistency AS enforces, @@lower_case_table_names AS lower_case,
      @@global.read_only AS read_only, @@global.gtid_executed AS executed`,
  );
  const text = (key: string): string => String(row?.[key] ?? '');
  return {
    uuid: text('uuid'),
    serverId: Number(row?.id ?? 0),
    gtidMode: text('mode'),
    enforcesGtid: text('enforces'),
    lowerCase: Number(row?.lower_case ?? 0),
    isReadOnly: Number(row?.read_only ?? 1) !== 0,
    executed: text('executed').replaceAll(/\s/g, ''),
  };
}

const NOTHING = {
  ...{ uuid: '', serverId: 0, gtidMode: '', enforcesGtid: '', lowerCase: 0, isReadOnly: false },
  ...{ executed: '', tables: [], programs: [], databases: [], accounts: null },
  ...{ definitions: new Map<string, string | null>(), channels: [], dumps: null, filters: null },
  ...{ jobs: [], missing: [], account: '' },
};

const PROGRAMS = `
  SELECT CONCAT('view ', TABLE_SCHEMA, '.', TABLE_NAME) AS name FROM information_schema.VIEWS
   WHERE TABLE_SCHEMA NOT IN ${SYSTEM}
  UNION ALL SELECT CONCAT('trigger ', TRIGGER_SCHEMA, '.', TRIGGER_NAME)
   FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA NOT IN ${SYSTEM}
  UNION ALL SELECT CONCAT(LOWER(ROUTINE_TYPE), ' ', ROUTINE_SCHEMA, '.', ROUTINE_NAME)
   FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA NOT IN ${SYSTEM}
  UNION ALL SELECT CONCAT('event ', EVENT_SCHEMA, '.', EVENT_NAME)
   FROM information_schema.EVENTS WHERE EVENT_SCHEMA NOT IN ${SYSTEM}`;

/** As the server writes it: columns in their order, types, charsets, defaults, indexes, all. */
async function definitionOf(session: MysqlSession, db: string, table: string): Promise<string> {
  const [row] = await session.query<Record<string, string>>(
    `SHOW CREATE TABLE ${qualified(db, table)}`,
  );
  return (row?.['Create Table'] ?? '').replace(/ AUTO_INCREMENT=\d+/, '');
}

async function listOf(session: MysqlSession, sql: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(sql);
  return rows.map(r => r.name).sort();
}

async function countOf(session: MysqlSession, sql: string): Promise<number> {
  const [row] = await session.query<{ n: string | number }>(sql);
  return Number(row?.n ?? 0);
}

/** A table of the server itself, which the account may not be allowed to read. */
function mayRead<T>(question: () => Promise<T>): Promise<T | null> {
  return asked(question, TABLE_DENIED);
}
