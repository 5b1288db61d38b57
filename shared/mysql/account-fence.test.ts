/** Which accounts a fence locks, and what makes it none. */
import { describe, expect, test } from 'vitest';
import { type AccountRows, accountsOf, type ServerAccount } from './account.ts';
import { type AccountWish, planAccounts } from './account-fence.ts';

const OWN = { users: new Set(['reshard']), isSystem: false };

function account(name: string, o: Partial<ServerAccount> = {}): ServerAccount {
  const user = name.slice(0, name.lastIndexOf('@'));
  return { name, user, isLocked: false, mayWrite: true, isSystem: false, ...o };
}

const SERVER = [
  account('app@%'),
  account('batch@10.%'),
  account('old@%', { isLocked: true }),
  account('reader@%', { mayWrite: false }),
  account('reshard@%'),
];
const planned = (wish: Partial<AccountWish>, more: ServerAccount[] = []) =>
  planAccounts([...SERVER, ...more], { lock: 'writers', spare: [], ...wish }, OWN);

describe('accounts that are locked', () => {
  test('all that may write but ours and those that are spared; not what is locked already', () => {
    expect(planned({})).toMatchObject({
      locked: ['app@%', 'batch@10.%'],
      spared: ['reshard@%'],
      problems: [],
    });
    expect(planned({ spare: ['batch@10.%'] })).toMatchObject({
      locked: ['app@%'],
      spared: ['batch@10.%', 'reshard@%'],
      problems: [],
    });
  });

  test('those that are named, whatever they may; what else may write is known', () => {
    expect(planned({ lock: ['reader@%', 'old@%'] })).toMatchObject({
      locked: ['reader@%'],
      spared: ['app@%', 'batch@10.%', 'reshard@%'],
      problems: [],
    });
  });

  test.each<[string, Partial<AccountWish>, ServerAccount[], RegExp]>([
    ['ours is never locked', { lock: ['reshard@%'] }, [], /of Reshard itself/],
    ['a name that is none', { lock: ['nobody@%'] }, [], /no account nobody@%/],
    ['one to be spared that is none', { spare: ['nobody@%'] }, [], /no account nobody@%/],
    ['one without a name', {}, [account('@localhost')], /sessions of @localhost have any name/],
    [
      'two of one user, whose sessions are alike',
      { lock: ['app@%'] },
      [account('app@10.1', { mayWrite: false })],
      /app@10\.1 has the user of app@%/,
    ],
    [
      'one that only its like may change',
      {},
      [account('dba@%', { isSystem: true })],
      /SYSTEM_USER/,
    ],
  ])('%s', (_, wish, more, why) => {
    const { problems, locked } = planned(wish, more);
    expect(problems).toEqual([expect.stringMatching(why)]);
    expect(locked).not.toContain('reshard@%');
  });

  test('where nobody but us may write there is nothing that a fence could be of', () => {
    const { problems } = planAccounts([account('reshard@%')], { lock: 'writers', spare: [] }, OWN);
    expect(problems).toEqual(['no account but ours may write']);
  });
});

describe('who may write', () => {
  const ROWS: AccountRows = { accounts: [], grants: [], edges: [], mandatory: [], programs: [] };
  const writers = (rows: Partial<AccountRows>): string[] => {
    const accounts = ['a', 'b', 'c'].map(user => ({ user, host: '%', isLocked: false }));
    const seen = accountsOf({ ...ROWS, accounts, ...rows }, 'my_shop');
    return seen.filter(x => x.mayWrite).map(x => x.user);
  };
  const grant = (user: string, privilege: string, db: string) => ({
    ...{ who: `'${user}'@'%'`, privilege, db },
  });
  const edge = (from: string, to: string) => ({ from: `'${from}'@'%'`, to: `'${to}'@'%'` });

  test.each<[string, Partial<AccountRows>, string[]]>([
    ['on the server', { grants: [grant('a', 'UPDATE', '*')] }, ['a']],
    ['on the database, by a pattern', { grants: [grant('a', 'DROP', 'my\\_%')] }, ['a']],
    ['not on another database', { grants: [grant('a', 'INSERT', 'other')] }, []],
    [
      'where a view of another database leads here',
      { grants: [grant('a', 'INSERT', 'other')], programs: ['other'] },
      ['a'],
    ],
    [
      'by a role of a role',
      { grants: [grant('r', 'INSERT', '*')], edges: [edge('q', 'b'), edge('r', 'q')] },
      ['b'],
    ],
    [
      'by a role that all have',
      { grants: [grant('r', 'INSERT', '*')], mandatory: ["'r'@'%'"] },
      ['a', 'b', 'c'],
    ],
    [
      'in the name of anybody',
      { grants: [grant('a', 'INSERT', '*')], edges: [{ from: "''@''", to: "'c'@'%'" }] },
      ['a', 'c'],
    ],
  ])('%s', (_, rows, wanted) => {
    expect(writers(rows)).toEqual(wanted);
  });
});
