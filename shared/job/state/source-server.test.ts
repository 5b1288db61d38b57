/** A member with an old job file notices that the source is another server now. */
import { expect, test } from 'vitest';
import { refuseStale, SourceServer } from './source-server.ts';

const [A, B] = ['aaaaaaaa-0000-0000-0000-000000000001', 'bbbbbbbb-0000-0000-0000-000000000002'];

function server(flavor: 'mysql' | 'mariadb', uuid: string, gtid: string) {
  const query = async <T>(): Promise<T[]> => [{ uuid, gtid } as T];
  return { flavor, query, where: () => ({ host: 'h', port: 1, side: 'source' as const }) };
}

test('the server of before a failover, which lacks what the log holds by now, is refused', async () => {
  const resume = { serverUuid: B, gtid: `${A}:1-90,${B}:1-7` };
  await expect(refuseStale(server('mysql', A, `${A}:1-90`), 's1', resume)).rejects.toMatchObject({
    kind: 'source',
    message: 'the server read for s1 lacks what is in its log',
    context: { serverUuid: A, logIsOf: B },
  });
  const zombie = server('mysql', A, `${A}:1-95`);
  await expect(refuseStale(zombie, 's1', resume)).rejects.toMatchObject({ kind: 'source' });
});

test('a server that has all of it is read, whoever it is, and the log’s own without a look', async () => {
  const resume = { serverUuid: A, gtid: `${A}:1-90` };
  await refuseStale(server('mysql', B, `${A}:1-92,\n${B}:1-3`), 's1', resume);
  await refuseStale(server('mysql', A, ''), 's1', resume);
  await refuseStale(server('mysql', B, ''), 's1', null);
});

test('a replica that is always late must get what the log held at the first look, no more', async () => {
  const replica = new SourceServer('s1');
  const look = (has: number, log: number, of = A) =>
    replica.refuseStale(server('mysql', B, `${A}:1-${has}`), {
      serverUuid: of,
      gtid: `${A}:1-${log}`,
    });
  await expect(look(85, 90)).rejects.toThrow('lacks what is in its log');
  await expect(look(89, 94)).rejects.toThrow('lacks what is in its log');
  await look(91, 96);
  // Each time anew, and of each server that the log is of.
  await expect(look(91, 96)).rejects.toThrow('lacks what is in its log');
  await expect(look(97, 99, 'c')).rejects.toThrow('lacks what is in its log');
});

test('on MariaDB by position and server id', async () => {
  const resume = { serverUuid: 'server-2', gtid: '0-2-50' };
  await refuseStale(server('mariadb', 'server-3', '0-2-51'), 's1', resume);
  const old = server('mariadb', 'server-1', '0-1-40');
  await expect(refuseStale(old, 's1', resume)).rejects.toThrow('lacks what is in its log');
});
