/** What an account must be allowed to do, as findings with the statement that grants it. */
import type { Finding } from '../../../../shared/mysql/finding.ts';
import { type Account, allows } from '../../../../shared/mysql/grant.ts';
import { quoteId } from '../../../../shared/mysql/identifier.ts';

export interface Need {
  privilege: string;
  why: string;
  /** The whole server instead of the job's database. */
  global?: boolean;
}

export const SOURCE_NEEDS: readonly Need[] = [
  { privilege: 'SELECT', why: 'Rows are read by SELECT.' },
  { privilege: 'REPLICATION SLAVE', why: 'Changes are read as a replica does.', global: true },
  {
    privilege: 'REPLICATION CLIENT',
    why: 'The position of the binary log is read to measure lag.',
    global: true,
  },
];

export const TARGET_NEEDS: readonly Need[] = [
  { privilege: 'SELECT', why: 'Rows are compared with the source by SELECT.' },
  { privilege: 'INSERT', why: 'Rows are written.' },
  { privilege: 'UPDATE', why: 'Rows are overwritten.' },
  { privilege: 'DELETE', why: 'Deleted and moved rows are removed.' },
  { privilege: 'CREATE', why: 'Progress is kept in a table of its own, beside the rows.' },
  { privilege: 'TRIGGER', why: 'Without it triggers of the tables cannot be seen.' },
];

/** One finding for each missing privilege; tables of `db` may be granted one by one. */
export function checkPrivileges(
  account: Account,
  needs: readonly Need[],
  db: string,
  tables: readonly string[],
  where: string,
): Finding[] {
  return needs.flatMap((need): Finding[] => {
    const { grants, name } = account;
    const { privilege } = need;
    const isAllowed = need.global
      ? allows(grants, privilege)
      : allows(grants, privilege, db, '*') ||
        (privilege !== 'CREATE' && tables.every(t => allows(grants, privilege, db, t)));
    if (isAllowed) return [];
    const on = need.global ? '*.*' : `${quoteId(db)}.*`;
    return [
      {
        level: privilege === 'TRIGGER' ? 'warning' : 'blocker',
        code: `privilege-${privilege.toLowerCase().replaceAll(' ', '-')}`,
        where,
        what: `${name} has no ${privilege} on ${on}`,
        why: need.why,
        fix: `GRANT ${privilege} ON ${on} TO ${name};`,
      },
    ];
  });
}
