import { describe, expect, test } from 'vitest';
import { allows, type Grant, parseGrant } from '../../../../shared/mysql/grant.ts';
import { checkPrivileges, TARGET_NEEDS } from './grant.ts';

function grants(...lines: string[]): Grant[] {
  return lines.flatMap(line => parseGrant(line) ?? []);
}

describe('grants', () => {
  test('on the server, a database and a table', () => {
    const all = grants(
      'GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%`',
      'GRANT SELECT, INSERT ON `shop`.* TO `u`@`%`',
      'GRANT DELETE ON `shop`.`orders` TO `u`@`%`',
    );
    expect(allows(all, 'REPLICATION SLAVE')).toBe(true);
    expect(allows(all, 'SELECT')).toBe(false);
    expect(allows(all, 'SELECT', 'shop', 'orders')).toBe(true);
    expect(allows(all, 'SELECT', 'other', 'orders')).toBe(false);
    expect(allows(all, 'DELETE', 'shop', 'orders')).toBe(true);
    expect(allows(all, 'DELETE', 'shop', 'items')).toBe(false);
    expect(allows(all, 'DELETE', 'shop')).toBe(false);
  });

  test('all privileges hold everywhere, except where they are revoked', () => {
    const all = grants(
      "GRANT ALL PRIVILEGES ON *.* TO `root`@`%` IDENTIFIED BY PASSWORD '*81F5' WITH GRANT OPTION",
      'REVOKE INSERT ON `mysql`.* FROM `root`@`%`',
    );
    expect(allows(all, 'REPLICATION CLIENT')).toBe(true);
    expect(allows(all, 'INSERT', 'shop')).toBe(true);
    expect(allows(all, 'INSERT', 'mysql')).toBe(false);
    expect(allows(all, 'SELECT', 'mysql')).toBe(true);
  });

  test('a database pattern is wild unless it is escaped', () => {
    const wild = grants('GRANT SELECT ON `shop_%`.* TO `u`@`%`');
    expect(allows(wild, 'SELECT', 'shop_1')).toBe(true);
    expect(allows(wild, 'SELECT', 'shopx1')).toBe(true);
    const escaped = grants('GRANT SELECT ON `shop\\_1`.* TO `u`@`%`');
    expect(allows(escaped, 'SELECT', 'shop_1')).toBe(true);
    expect(allows(escaped, 'SELECT', 'shopx1')).toBe(false);
  });

  test('MariaDB names of a right count', () => {
    const all = grants('GRANT BINLOG MONITOR, REPLICATION SLAVE ON *.* TO `u`@`%`');
    expect(allows(all, 'REPLICATION CLIENT')).toBe(true);
  });

  test('roles, proxies and rights to single columns are no right to a table', () => {
    const all = grants(
      'GRANT `reader`@`%` TO `u`@`%`',
      "GRANT PROXY ON ''@'' TO 'root'@'localhost' WITH GRANT OPTION",
      'GRANT SELECT (`a`, `b`), INSERT (`a`), DELETE ON `shop`.`orders` TO `u`@`%`',
    );
    expect(allows(all, 'SELECT', 'shop', 'orders')).toBe(false);
    expect(allows(all, 'INSERT', 'shop', 'orders')).toBe(false);
    expect(allows(all, 'DELETE', 'shop', 'orders')).toBe(true);
  });

  test('each missing privilege is a finding with its statement', () => {
    const account = { name: "'u'@'%'", grants: grants('GRANT SELECT, INSERT ON `s`.* TO `u`@`%`') };
    const found = checkPrivileges(account, TARGET_NEEDS, 's', ['t'], 'here');
    expect(found.map(f => f.code)).toEqual([
      'privilege-update',
      'privilege-delete',
      'privilege-create',
      'privilege-trigger',
    ]);
    expect(found[0]?.fix).toBe("GRANT UPDATE ON `s`.* TO 'u'@'%';");
  });
});
