/**
 * I6, I9: no global default of a server and no init_connect may matter. Every server of the job has
 * the strangest ones, with an account that they hold for, and the job runs under load to equal and
 * verified; rows that were deleted by a transaction that never committed are copied all the same.
 * Load and judge set their own sessions (own-session.ts).
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LoadClient } from '../support/load/client.ts';
import { callReshard } from '../support/reshard-cli.ts';
import {
  type Flavor,
  type MysqlEndpoint,
  type Servers,
  startServers,
} from '../support/servers/servers.ts';
import { STRANGE } from '../support/servers/strange-globals.ts';
import { executed, hasAllOf, replicate, run } from './replication.ts';
import { Rig, SLOW_COPY } from './rig.ts';

const MINUTES = 60_000;
const ORDERS = 2_500;
const ACCOUNT = { user: 'plain', password: 'pw' };

const NAMES: Record<Flavor, readonly string[]> = {
  mysql: ['source', 'replica', 'target1', 'target2'],
  mariadb: ['m-source', 'm-target1', 'm-target2'],
};

let mysql: Servers;

beforeAll(async () => {
  const of = (flavor: Flavor, first: number) =>
    NAMES[flavor].map((name, i) => ({ name, serverId: first + i, flavor }));
  mysql = await startServers({ mysql: [...of('mysql', 151), ...of('mariadb', 161)] });
  await replicate(mysql.mysql('source').endpoint, mysql.mysql('replica').endpoint);
  for (const flavor of ['mysql', 'mariadb'] as const) {
    for (const name of NAMES[flavor]) {
      const { endpoint } = mysql.mysql(name);
      if (name !== 'replica') {
        await run(
          endpoint,
          `CREATE USER plain@'%' IDENTIFIED BY 'pw'`,
          `GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO plain@'%'`,
          `GRANT ALL ON \`avail%\`.* TO plain@'%'`,
        );
      }
      if (name === 'source') await hasAllOf(mysql.mysql('replica'), await executed(endpoint));
      await run(endpoint, ...STRANGE[flavor]);
    }
  }
}, 4 * MINUTES);

afterAll(() => mysql?.[Symbol.asyncDispose]());

function plain(name: string): MysqlEndpoint {
  return { ...mysql.mysql(name).endpoint, ...ACCOUNT };
}

test.each(['mysql', 'mariadb'] as const)(
  '%s: strange globals on every server, and a delete that is rolled back, change nothing',
  async flavor => {
    const [source = '', ...others] = NAMES[flavor];
    const targets = others.filter(name => name.includes('target')).map(plain);
    await using rig = await Rig.open({
      source: plain(source),
      targets,
      orders: ORDERS,
      ...(flavor === 'mysql' ? { replica: plain('replica') } : {}),
      options: { ...SLOW_COPY, snapshotRowsPerSecond: 4_000 },
    });
    // Where rows of the copy are read, half of the lines are deleted, and not committed.
    const read = mysql.mysql(flavor === 'mysql' ? 'replica' : source).endpoint;
    if (flavor === 'mysql') await hasAllOf(read, await executed(plain(source)));
    const open = await LoadClient.open(read, rig.database);
    await open.run('START TRANSACTION');
    const deleted = await open.run(`DELETE FROM order_items WHERE order_id > ${ORDERS / 2}`);
    expect(deleted).toBeGreaterThan(1_000);
    rig.startAll();
    await rig.link();
    await rig.copied();
    await open.run('ROLLBACK');
    await open.close();
    await using load = rig.load(200);
    const isDone = (): boolean => load.stats.total('done') > 200 || load.failure !== undefined;
    await rig.until('a load', isDone, MINUTES);
    await load.stop();
    await rig.drained();
    await rig.expectEqual();
    const verify = await callReshard('verify', rig.jobFile, '--json');
    expect(verify.code, verify.err).toBe(0);
  },
  4 * MINUTES,
);
