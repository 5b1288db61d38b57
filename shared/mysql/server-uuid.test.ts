/** Who a server is, as far as it says; no server is asked. */
import { describe, expect, test } from 'vitest';
import type { MysqlSession } from './connect.ts';
import { readServerUuid } from './server-uuid.ts';

/** A session on a server that has these variables, and refuses to name others. */
function session(flavor: 'mysql' | 'mariadb', variables: Record<string, string>): MysqlSession {
  const query = async (sql: string): Promise<{ Value: string }[]> => {
    const name = /@@(?:global\.)?(\w+)/.exec(sql)?.[1];
    if (name !== undefined && !(name in variables)) throw new Error(`Unknown variable ${name}`);
    return Object.entries(variables).flatMap(([known, Value]) =>
      sql.includes(`'${known}'`) ? [{ Value }] : [],
    );
  };
  return { flavor, query } as unknown as MysqlSession;
}

describe('the id of a server', () => {
  test('is its own variable on each flavor', async () => {
    expect(await readServerUuid(session('mysql', { server_uuid: 'a' }))).toBe('a');
    expect(await readServerUuid(session('mariadb', { server_uid: 'b' }))).toBe('b');
  });

  test('is empty on a MariaDB that has none, and no error', async () => {
    expect(await readServerUuid(session('mariadb', { server_id: '1' }))).toBe('');
  });
});
