/**
 * I2, I6, I7: a replica takes the place of the source. The log goes on there by global ids, and not
 * at all when the new server lacks what the log has published.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GtidSet } from '../../shared/change/gtid.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { executed, hasAllOf, replicate, run } from './replication.ts';
import { Rig, SLOW_COPY } from './rig.ts';

const MINUTES = 60_000;

let mysql: Servers;

beforeAll(async () => {
  mysql = await startServers({
    mysql: [
      { name: 'a', serverId: 141, flavor: 'mysql' },
      { name: 'b', serverId: 142, flavor: 'mysql' },
      { name: 't', serverId: 241, flavor: 'mysql' },
    ],
  });
  await replicate(mysql.mysql('a').endpoint, mysql.mysql('b').endpoint);
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test(
  'a replica that has all is gone on with in mid copy; one that lacks published changes is refused',
  async () => {
    const { a, b, t } = mysql.endpoints().mysql;
    if (!a || !b || !t) throw new Error('three servers');
    await using rig = await Rig.open({
      source: a,
      targets: [t],
      orders: 4_000,
      options: { ...SLOW_COPY, snapshotRowsPerSecond: 1_500 },
    });
    const before = rig.load(200);
    rig.startAll();
    await using consumer = await rig.link().then(() => rig.plainConsumer());
    await rig.until('a part of the copy', async () => (await rig.copiedRows()) > 1_000, MINUTES);

    // The old source dies for good when the replica has all of it.
    await before.stop();
    // Not what the log has by now: the rest of the old source's changes may still be on their way.
    const allOfA = await executed(a);
    await hasAllOf(b, allOfA);
    await run(b, 'STOP REPLICA', 'RESET REPLICA ALL');
    await mysql.mysql('a').kill();
    const log = (await rig.link()).progress.get(rig.sourceName);
    rig.source = b;
    await rig.editSource({ host: b.host, port: b.port });
    const after = rig.load(200);
    for (const service of ['binlog', 'snapshot', 'checker'] as const) {
      for (const member of rig.running(service)) await rig.end(member, 'SIGTERM');
      rig.start(service);
    }
    const isPast = (): boolean => {
      const now = GtidSet.parse(log?.resume?.gtid ?? '', 'mysql');
      return !GtidSet.parse(allOfA, 'mysql').covers(now);
    };
    await rig.until('changes of the new source in the log', isPast, MINUTES);
    expect(log?.resume?.serverUuid).toBeTruthy();
    const told = rig.logOf('binlog');
    expect(told).toContain('the source is another server than before');
    await rig.copied();
    await after.stop();
    await rig.drained();
    await rig.expectEqual();
    await rig.expectFollowed(consumer);

    // The same place taken once more, by a server that has lost the last of what was published.
    for (const member of rig.running('binlog')) await rig.end(member, 'SIGTERM');
    const [uuid, last] = lastOf(await executed(b), log?.resume?.serverUuid ?? '');
    const kept = (await executed(b)).replace(`${uuid}:1-${last}`, `${uuid}:1-${last - 3}`);
    expect(kept).not.toBe(await executed(b));
    await mysql.mysql('a').start();
    await run(a, 'RESET BINARY LOGS AND GTIDS', `SET GLOBAL gtid_purged = '${kept}'`);
    await rig.editSource({ host: a.host, port: a.port });
    for (const member of rig.running('snapshot')) await rig.end(member, 'SIGTERM');
    rig.start('binlog');
    // A member that copies has this old address too, as one with an old job file has: it waits.
    rig.start('snapshot');
    const stale = /the server read for \S+ lacks what is in its log/;
    await rig.until('the copy to notice', () => stale.test(rig.logOf('snapshot')), MINUTES);
    const error = await rig.halted('binlog');
    expect(error).toMatch(/position-lost: the source lacks transactions that are in the log/);
    expect(error).toContain(`missing=${uuid}:${last - 2}-${last}`);
    expect(error).toMatch(/remedy: /);
  },
  4 * MINUTES,
);

/** The server's own part of a set: its uuid and the last number. */
function lastOf(gtids: string, uuid: string): [string, number] {
  const found = new RegExp(`${uuid}:1-(\\d+)`).exec(gtids);
  return [uuid, Number(found?.[1])];
}
