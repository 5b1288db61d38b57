/**
 * I1, I6: rows of the copy come from a replica, changes from its primary. However far the replica
 * is behind, a chunk of it is read again rather than taken for newer than it is.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GtidSet } from '../../shared/change/gtid.ts';
import { callReshard } from '../support/reshard-cli.ts';
import { type Servers, startServers } from '../support/servers/servers.ts';
import { executed, hasAllOf, replicate, run } from './replication.ts';
import { Rig, SLOW_COPY } from './rig.ts';

const MINUTES = 60_000;

let mysql: Servers;

beforeAll(async () => {
  mysql = await startServers({
    mysql: [
      { name: 'p', serverId: 121, flavor: 'mysql' },
      { name: 'r', serverId: 122, flavor: 'mysql' },
      { name: 't', serverId: 221, flavor: 'mysql' },
    ],
  });
  await replicate(mysql.mysql('p').endpoint, mysql.mysql('r').endpoint);
}, 2 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

test(
  'a replica that stands still in mid copy is waited for, at a bounded rate, and never believed',
  async () => {
    const { p, r, t } = mysql.endpoints().mysql;
    if (!p || !r || !t) throw new Error('three servers');
    await using rig = await Rig.open({
      source: p,
      replica: r,
      targets: [t],
      orders: 6_000,
      options: { ...SLOW_COPY, snapshotRowsPerSecond: 3_000 },
    });
    await hasAllOf(r, await executed(p));
    await using load = rig.load(100);
    rig.startAll();
    await using consumer = await rig.link().then(() => rig.plainConsumer());
    await rig.until('a part of the copy', async () => (await rig.copiedRows()) > 1_000, MINUTES);
    await run(r, 'STOP REPLICA SQL_THREAD');
    // A new owner of the log begins with a floor that the replica has not reached.
    const { progress } = await rig.link();
    const log = progress.get(rig.sourceName);
    if (!log) throw new Error('no progress');
    const stopped = GtidSet.parse(await executed(r), 'mysql');
    const isPast = (): boolean => !stopped.covers(GtidSet.parse(log.resume?.gtid ?? '', 'mysql'));
    await rig.until('the log to pass the replica', isPast, MINUTES);
    const epoch = log.resume?.epoch ?? 0;
    const [owner] = rig.running('binlog');
    if (!owner) throw new Error('no owner');
    await rig.end(owner, 'SIGKILL');
    rig.start('binlog');
    const rejected = (): number => [...log.ranges.values()].reduce((n, x) => n + x.rejected, 0);
    await rig.until('the new owner', () => (log.resume?.epoch ?? 0) > epoch, MINUTES);
    const first = rejected();
    await rig.until('a chunk to be rejected', () => rejected() > first, MINUTES);
    const [before, rows, since] = [rejected(), await rig.copiedRows(), performance.now()];
    const ms = (): number => performance.now() - since;
    const goesOn = (): boolean => ms() > 5_000 && rejected() > before;
    await rig.until('five seconds of that, and another one', goesOn, MINUTES);
    const inFive = ((rejected() - before) * 5_000) / ms();
    console.log(`chunks rejected in five seconds: ${inFive.toFixed(1)}`);
    expect(await rig.copiedRows(), 'rows taken from a replica behind the floor').toBe(rows);
    // Two workers, a pause that doubles up to two seconds.
    expect(inFive).toBeLessThan(30);
    await run(r, 'START REPLICA SQL_THREAD');
    await rig.copied();
    const stats = await load.stop();
    expect(stats.total('done')).toBeGreaterThan(100);
    await rig.drained();
    await rig.expectEqual();
    await rig.expectFollowed(consumer);
  },
  4 * MINUTES,
);

test(
  'rows of a replica that is behind by seconds all the while end equal',
  async () => {
    const { p, r, t } = mysql.endpoints().mysql;
    if (!p || !r || !t) throw new Error('three servers');
    await run(r, 'STOP REPLICA', 'CHANGE REPLICATION SOURCE TO SOURCE_DELAY = 2', 'START REPLICA');
    await using rig = await Rig.open({
      source: p,
      replica: r,
      targets: [t],
      orders: 3_000,
      options: { ...SLOW_COPY, snapshotRowsPerSecond: 2_000 },
    });
    await hasAllOf(r, await executed(p));
    await using load = rig.load(100);
    rig.startAll(['control', 'binlog', 'sink', 'checker']);
    await using consumer = await rig.link().then(() => rig.plainConsumer());
    // Seconds behind are a limit of their own: the copy stands, and says whose they are.
    const throttle = async (...args: string[]): Promise<void> => {
      const { code, err } = await callReshard('throttle', rig.jobFile, ...args);
      expect(code, err).toBe(0);
    };
    await throttle('--set', 'max-replica-lag=1');
    rig.start('snapshot');
    const braked = () => rig.status?.throttle.brakes.find(b => b.reason === 'replica');
    await rig.until('the lag to stop the copy', () => braked() !== undefined, MINUTES);
    expect(braked()?.why).toMatch(/^the replica of \S+ was \d+ s behind$/);
    await throttle('--clear', 'max-replica-lag');
    await rig.copied();
    await load.stop();
    await rig.drained();
    await rig.expectEqual();
    await rig.expectFollowed(consumer);
  },
  3 * MINUTES,
);

test(
  'a replica that leaves out changes of ours is not read, and is again when it is put right',
  async () => {
    const { p, r, t } = mysql.endpoints().mysql;
    if (!p || !r || !t) throw new Error('three servers');
    await using rig = await Rig.open({ source: p, replica: r, targets: [t], orders: 300 });
    await hasAllOf(r, await executed(p));
    rig.startAll(['control', 'binlog', 'sink', 'checker']);
    await rig.link();
    const filter = (what: string): Promise<void> =>
      run(
        r,
        'STOP REPLICA SQL_THREAD',
        `CHANGE REPLICATION FILTER REPLICATE_WILD_IGNORE_TABLE = (${what})`,
        'START REPLICA SQL_THREAD',
      );
    await filter(`'${rig.database}.order%'`);
    // In the GTID set of the replica, and not in its rows.
    await run(p, `UPDATE ${rig.database}.orders SET total = total + 1`);
    await hasAllOf(r, await executed(p));
    const member = rig.start('snapshot');
    expect(await rig.halted('snapshot')).toMatch(
      /server-setting: the replica cannot be read: .*order[\s\S]*remedy: STOP REPLICA SQL_THREAD/,
    );
    expect(await rig.copiedRows()).toBe(0);
    await rig.end(member, 'SIGTERM');
    await filter('');
    // The remedy's other half: the source is read instead.
    await rig.editSource({ replica: undefined });
    rig.start('snapshot');
    await rig.copied();
    await rig.drained();
    await rig.expectEqual();
  },
  3 * MINUTES,
);
