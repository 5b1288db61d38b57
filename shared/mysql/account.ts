/**
 * The accounts of a server, which of them are locked, and which may write to the tables of a
 * database: by grants of their own, by roles that they have or may take, and by accounts that they
 * may stand in for. In doubt an account may write: whoever asks wants to know who can not.
 */
import type { MysqlSession } from './connect.ts';
import { matchesDb } from './grant.ts';
import { quoteText } from './identifier.ts';

export interface ServerAccount {
  /** `user@host`, as CURRENT_USER() has it. */
  name: string;
  user: string;
  isLocked: boolean;
  mayWrite: boolean;
  /** SYSTEM_USER: only those that have it too may change the account. */
  isSystem: boolean;
}

/** What is read of a server. */
export interface AccountRows {
  accounts: { user: string; host: string; isLocked: boolean }[];
  /** `db`: a pattern, `*` for the server; `who`: as information_schema has it. */
  grants: { who: string; privilege: string; db: string }[];
  /** Whoever is `to` may do what `from` may: roles and their members, proxies. */
  edges: { from: string; to: string }[];
  /** Roles that everybody has. */
  mandatory: string[];
  /** Other databases with views, triggers or routines that name this one. */
  programs: string[];
}

/** With EXECUTE a routine writes by the rights of whoever has defined it. */
const WRITES = ['INSERT', 'UPDATE', 'DELETE', 'DROP', 'ALTER', 'EXECUTE'];
const SYSTEM_USER = 'SYSTEM_USER';
const OF_SERVERS = ['mysql', 'sys', 'information_schema', 'performance_schema'];

/** As information_schema names who has a grant: without any escapes. */
const grantee = (user: string, host: string): string => `'${user}'@'${host}'`;
/** Whoever may stand in for this one may for everybody. */
const ANYBODY = grantee('', '');
/** What is granted to it everybody has, without the role. */
const MARIADB_PUBLIC = grantee('PUBLIC', '');

export function accountsOf(rows: AccountRows, database: string): ServerAccount[] {
  const databases = [database, ...rows.programs];
  const having = (privileges: readonly string[], anywhere: boolean): Set<string> => {
    const direct = rows.grants.filter(
      g =>
        privileges.includes(g.privilege) &&
        (anywhere || g.db === '*' || databases.some(db => matchesDb(g.db, db))),
    );
    return spread(new Set(direct.map(g => g.who)), rows);
  };
  const writers = having(WRITES, false);
  const systems = having([SYSTEM_USER], true);
  return rows.accounts.map(({ user, host, isLocked }) => {
    const who = grantee(user, host);
    const mayWrite = writers.has(who);
    return { name: `${user}@${host}`, user, isLocked, mayWrite, isSystem: systems.has(who) };
  });
}

/** All that may what these may, by whatever number of roles in between. */
function spread(able: Set<string>, { accounts, edges, mandatory }: AccountRows): Set<string> {
  const all = [
    ...edges.map(e => (e.from === ANYBODY ? { ...e, from: null } : e)),
    ...accounts.flatMap(a => mandatory.map(from => ({ from, to: grantee(a.user, a.host) }))),
  ];
  for (let before = -1; before !== able.size; ) {
    before = able.size;
    for (const { from, to } of all) {
      if (from === null ? able.size > 0 : able.has(from)) able.add(to);
    }
  }
  return able;
}

/** Needs SELECT on the database `mysql`: without, an account sees no grants but its own. */
export async function readAccounts(
  session: MysqlSession,
  database: string,
): Promise<ServerAccount[]> {
  const isMysql = session.flavor === 'mysql';
  const [accounts, grants, edges, mandatory, programs] = [
    await session.query<{ user: string; host: string; locked: string }>(
      isMysql ? MYSQL_ACCOUNTS : MARIADB_ACCOUNTS,
    ),
    await session.query<{ who: string; privilege: string; db: string }>(GRANTS),
    await session.query<Record<'fromUser' | 'fromHost' | 'toUser' | 'toHost', string>>(
      `${isMysql ? MYSQL_ROLES : MARIADB_ROLES} UNION ALL ${PROXIES}`,
    ),
    isMysql ? await mandatoryRoles(session) : [MARIADB_PUBLIC],
    await session.query<{ db: string }>(programsSql(database)),
  ];
  return accountsOf(
    {
      accounts: accounts.map(a => ({ ...a, isLocked: a.locked === 'Y' })),
      grants: grants.map(g => ({ ...g, privilege: g.privilege.toUpperCase() })),
      edges: edges.map(e => ({
        from: grantee(e.fromUser, e.fromHost),
        to: grantee(e.toUser, e.toHost),
      })),
      mandatory,
      programs: programs.map(p => p.db),
    },
    database,
  );
}

const MYSQL_ACCOUNTS =
  'SELECT User AS user, Host AS host, account_locked AS locked FROM mysql.user';
/** Its roles are no accounts, and have no host. */
const MARIADB_ACCOUNTS = `SELECT User AS user, Host AS host,
    IF(JSON_VALUE(Priv, '$.account_locked') IN ('1', 'true'), 'Y', 'N') AS locked
  FROM mysql.global_priv
  WHERE COALESCE(JSON_VALUE(Priv, '$.is_role'), '0') NOT IN ('1', 'true')`;

const WANTED = [...WRITES, SYSTEM_USER].map(quoteText).join(', ');
const granted = (table: string, db: string): string =>
  `SELECT GRANTEE AS who, PRIVILEGE_TYPE AS privilege, ${db} AS db
     FROM information_schema.${table} WHERE PRIVILEGE_TYPE IN (${WANTED})`;
const GRANTS = [
  granted('USER_PRIVILEGES', "'*'"),
  granted('SCHEMA_PRIVILEGES', 'TABLE_SCHEMA'),
  granted('TABLE_PRIVILEGES', 'TABLE_SCHEMA'),
  granted('COLUMN_PRIVILEGES', 'TABLE_SCHEMA'),
  `SELECT CONCAT('''', User, '''@''', Host, ''''), 'EXECUTE', Db
     FROM mysql.procs_priv WHERE FIND_IN_SET('Execute', Proc_priv) > 0`,
].join(' UNION ALL ');

const MYSQL_ROLES = `SELECT FROM_USER AS fromUser, FROM_HOST AS fromHost, TO_USER AS toUser,
  TO_HOST AS toHost FROM mysql.role_edges`;
const MARIADB_ROLES = `SELECT Role AS fromUser, '' AS fromHost, User AS toUser, Host AS toHost
  FROM mysql.roles_mapping`;
const PROXIES = `SELECT Proxied_user, Proxied_host, User, Host FROM mysql.proxies_priv`;

async function mandatoryRoles(session: MysqlSession): Promise<string[]> {
  const [row] = await session.query<{ roles: string }>('SELECT @@global.mandatory_roles AS roles');
  const names = (row?.roles ?? '').split(',').map(name => name.trim());
  return names.filter(name => name !== '').map(roleOf);
}

/** `role`, `role@host` or either of them in quotes. */
function roleOf(text: string): string {
  const [user = '', host = '%'] = text.split('@').map(part => part.replaceAll(/[`'"]/g, '').trim());
  return grantee(user, host);
}

/** One whose text is not shown to us may name it. */
function programsSql(database: string): string {
  const of = (table: string, db: string, text: string): string =>
    `SELECT ${db} AS db, CONVERT(${text} USING utf8mb4) AS body FROM information_schema.${table}`;
  const all = [
    of('ROUTINES', 'ROUTINE_SCHEMA', 'ROUTINE_DEFINITION'),
    of('VIEWS', 'TABLE_SCHEMA', 'VIEW_DEFINITION'),
    of('TRIGGERS', 'TRIGGER_SCHEMA', 'ACTION_STATEMENT'),
  ].join(' UNION ALL ');
  const others = [...OF_SERVERS, database].map(quoteText).join(', ');
  return `SELECT DISTINCT db FROM (${all}) p WHERE db NOT IN (${others})
    AND (COALESCE(body, '') = '' OR LOCATE(${quoteText(database)}, body) > 0)`;
}
