/**
 * Privileges of the account that we run as, from SHOW GRANTS with its active roles. Reading the
 * grants needs no write and no guess; trying statements out would leave traces in the binlog.
 */

import type { MysqlSession } from './connect.ts';

export interface Grant {
  revoked: boolean;
  privileges: ReadonlySet<string>;
  /** A pattern with % and _ for `GRANT ... ON db.*`. */
  db: string;
  table: string;
}

const LINE =
  /^(GRANT|REVOKE) (.+?) ON (?:TABLE )?(\S+|`.*`)\.(\*|`(?:[^`]|``)*`|\S+) (?:TO|FROM) /i;

function unquote(name: string): string {
  if (!name.startsWith('`')) return name;
  return name.slice(1, -1).replaceAll('``', '`');
}

/** One line of SHOW GRANTS; undefined for roles, proxies and routines. */
export function parseGrant(line: string): Grant | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, verb = '', list = '', db = '', table = ''] = match;
  // Column privileges, `SELECT (a, b)`, are not enough for anything here: they are left out.
  const privileges = list
    .replaceAll(/[A-Z ]+\([^)]*\),?/gi, '')
    .split(',')
    .map(p => p.trim().toUpperCase())
    .filter(p => p !== '');
  return {
    revoked: verb.toUpperCase() === 'REVOKE',
    privileges: new Set(privileges),
    db: unquote(db),
    table: unquote(table),
  };
}

/** LIKE pattern of a database name: % and _ are wild unless a backslash stands before them. */
export function matchesDb(pattern: string, db: string): boolean {
  if (pattern === '*' || pattern === db) return true;
  let expression = '';
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i] ?? '';
    if (c === '\\' && i + 1 < pattern.length) {
      i += 1;
      expression += escapeRegExp(pattern[i] ?? '');
    } else if (c === '%') expression += '.*';
    else if (c === '_') expression += '.';
    else expression += escapeRegExp(c);
  }
  return new RegExp(`^${expression}$`, 's').test(db);
}

function escapeRegExp(c: string): string {
  return /[\\^$.*+?()[\]{}|]/.test(c) ? `\\${c}` : c;
}

/** Other names of the same right. */
const ALSO: Record<string, string[]> = {
  'REPLICATION CLIENT': ['BINLOG MONITOR'],
  'REPLICATION SLAVE': ['REPLICATION REPLICA'],
};

/** Whether the grants allow `privilege` on a table, on a whole database, or on the server. */
export function allows(
  grants: readonly Grant[],
  privilege: string,
  db = '*',
  table = '*',
): boolean {
  const names = [privilege, ...(ALSO[privilege] ?? []), 'ALL PRIVILEGES', 'ALL'];
  const covers = (g: Grant): boolean => {
    if (!names.some(n => g.privileges.has(n))) return false;
    if (db === '*') return g.db === '*';
    return matchesDb(g.db, db) && (g.table === '*' || g.table === table);
  };
  const isRevoked = db !== '*' && grants.some(g => g.revoked && covers(g));
  return !isRevoked && grants.some(g => !g.revoked && covers(g));
}

export interface Account {
  /** As SQL: 'user'@'host'. */
  name: string;
  grants: Grant[];
}

export async function readAccount(session: MysqlSession): Promise<Account> {
  const [who] = await session.query<{ account: string; role: string | null }>(
    'SELECT CURRENT_USER() AS account, CURRENT_ROLE() AS role',
  );
  const roles = who?.role ?? 'NONE';
  const using = session.flavor === 'mysql' && roles !== 'NONE' ? ` USING ${roles}` : '';
  const rows = await session.query<Record<string, string>>(
    `SHOW GRANTS FOR CURRENT_USER()${using}`,
  );
  const account = who?.account ?? '';
  const split = account.lastIndexOf('@');
  const name = `'${account.slice(0, split)}'@'${account.slice(split + 1)}'`;
  const lines = rows.flatMap(r => Object.values(r));
  return { name, grants: lines.flatMap(line => parseGrant(line) ?? []) };
}
