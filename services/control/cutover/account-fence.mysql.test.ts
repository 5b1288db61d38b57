/**
 * A fence of accounts on real servers: who is locked, what becomes of those who write, and that
 * what was locked before stays so. Servers of its own, since accounts are of a whole server.
 */
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAccounts } from '../../../shared/mysql/account.ts';
import type { AccountRecord, AccountWish } from '../../../shared/mysql/account-fence.ts';
import { type MysqlEndpoint, MysqlSession } from '../../../shared/mysql/connect.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { type ProbeAnswer, probe } from '../../../shared/mysql/write-probe.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { type Servers, startServers } from '../../../test/support/servers/servers.ts';
import { AccountFence } from './account-fence.ts';

const FLAVORS = ['mysql', 'mariadb'] as const;
type Name = (typeof FLAVORS)[number];
const DATABASE = 'shop';
const OWN = { user: 'reshard', password: 'own' };
const NAMED = ['app1@%', 'app2@%'];
const GRANTS: Record<Name, string> = {
  mysql:
    'CREATE USER, CONNECTION_ADMIN, REPLICATION CLIENT, PROCESS, XA_RECOVER_ADMIN, SYSTEM_USER',
  mariadb: 'CREATE USER, CONNECTION ADMIN, BINLOG MONITOR, PROCESS',
};

let servers: Servers;
const admins = new Map<Name, MysqlSession>();

beforeAll(async () => {
  servers = await startServers({
    mysql: FLAVORS.map((flavor, i) => ({ name: flavor, serverId: 601 + i, flavor })),
  });
  for (const name of FLAVORS) {
    const admin = await MysqlSession.open(servers.mysql(name).endpoint, { role: 'admin' });
    admins.set(name, admin);
    const role = name === 'mysql' ? "'writers'@'%'" : 'writers';
    for (const sql of [
      `CREATE DATABASE ${DATABASE}`,
      `CREATE TABLE ${DATABASE}.orders (id BIGINT PRIMARY KEY AUTO_INCREMENT, who VARCHAR(20))`,
      `CREATE ROLE ${role}`,
      `GRANT INSERT, UPDATE, DELETE, SELECT ON ${DATABASE}.* TO ${role}`,
      ...['app1', 'app2', 'reader', 'shut'].map(u => `CREATE USER ${u}@'%' IDENTIFIED BY 'pw'`),
      `GRANT INSERT, UPDATE, SELECT ON ${DATABASE}.orders TO app1@'%', shut@'%'`,
      `GRANT ${role} TO app2@'%'`,
      `SET DEFAULT ROLE ${role} ${name === 'mysql' ? 'TO' : 'FOR'} app2@'%'`,
      `GRANT SELECT ON *.* TO reader@'%'`,
      `ALTER USER shut@'%' ACCOUNT LOCK`,
      `CREATE USER ${OWN.user}@'%' IDENTIFIED BY '${OWN.password}'`,
      `GRANT ${GRANTS[name]} ON *.* TO ${OWN.user}@'%'`,
      `GRANT SELECT ON *.* TO ${OWN.user}@'%'`,
      `GRANT INSERT ON ${DATABASE}.* TO ${OWN.user}@'%'`,
    ]) {
      await admin.rawQuery(sql);
    }
  }
}, 120_000);

afterAll(async () => {
  for (const admin of admins.values()) await admin.close();
  await servers?.[Symbol.asyncDispose]();
});

function adminOf(name: Name): MysqlSession {
  const admin = admins.get(name);
  if (admin === undefined) throw new Error(name);
  return admin;
}

function endpoint(name: Name, account = OWN): MysqlEndpoint {
  return { ...servers.mysql(name).endpoint, ...account, database: DATABASE };
}

/** Root is of tests alone. */
const WRITERS: AccountWish = { lock: 'writers', spare: ['root@%', 'root@localhost'] };

function openFence(
  name: Name,
  wish: AccountWish = WRITERS,
  record: AccountRecord | null = null,
): Promise<AccountFence> {
  const source = { name: 's1', ...servers.mysql(name).endpoint, ...OWN, database: DATABASE };
  return AccountFence.open({
    ...{ job: 'accounts', source, siblings: ['s1'], users: new Set([OWN.user]) },
    ...{ wish, record },
  });
}

async function planned(fence: AccountFence): Promise<AccountRecord> {
  const { locked = [], spared = [] } = (await fence.look()).by ?? {};
  return { locked, spared };
}

/** Rolling them back takes longer than a look at the list of processes. */
const MANY = `INSERT INTO orders (who)
  WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 200)
  SELECT 'idle' FROM n a, n b`;

/** An application: it writes whenever it can, and comes back when it is thrown out. */
class App {
  readonly user: string;
  readonly done: string[] = [];
  refused = '';
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();

  constructor(user: string) {
    this.user = user;
  }

  start(name: Name): this {
    this.#running = this.#run(endpoint(name, { user: this.user, password: 'pw' }));
    return this;
  }

  async #run(at: MysqlEndpoint): Promise<void> {
    for (let n = 0; !this.#isStopped; ) {
      try {
        await using session = await MysqlSession.open(at, { role: 'apply' });
        this.refused = '';
        for (; !this.#isStopped; n++) {
          await session.rawQuery('BEGIN');
          await session.rawQuery(`INSERT INTO orders (who) VALUES ('${this.user}-${n}')`);
          await session.rawQuery('COMMIT');
          this.done.push(`${this.user}-${n}`);
        }
      } catch (e) {
        this.refused = String(e);
        n++;
      }
    }
  }

  async writes(more = 3): Promise<void> {
    const wanted = this.done.length + more;
    await until(() => this.done.length >= wanted, { timeoutMs: 20_000, what: this.user });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

async function probed(name: Name, user: string): Promise<ProbeAnswer> {
  const schema = await inspectTable(adminOf(name), DATABASE, 'orders');
  const account = { user, password: 'pw' };
  return await probe([{ source: endpoint(name), account, schema, by: 'accounts', job: 'x' }]);
}

async function lockedNow(name: Name): Promise<string[]> {
  const accounts = await readAccounts(adminOf(name), DATABASE);
  return accounts.filter(a => a.isLocked && /^(app|shut)/.test(a.name)).map(a => a.name);
}

test('whoever may write is known: by grants of his own, by roles, by programs of others', async () => {
  const admin = adminOf('mysql');
  for (const sql of [
    'CREATE DATABASE beside',
    'CREATE TABLE beside.t (id INT PRIMARY KEY)',
    ...['runs', 'views', 'proxy', 'idle'].map(u => `CREATE USER ${u}@'%'`),
    `GRANT EXECUTE ON beside.* TO runs@'%'`,
    `GRANT INSERT ON beside.* TO views@'%'`,
    `INSERT INTO mysql.proxies_priv (Host, User, Proxied_host, Proxied_user, Grantor)
       VALUES ('%', 'proxy', '%', 'app1', '')`,
    `GRANT INSERT ON mysql.* TO idle@'%'`,
  ]) {
    await admin.rawQuery(sql);
  }
  const able = async (): Promise<string[]> => {
    const seen = await readAccounts(admin, DATABASE);
    return seen.filter(a => a.mayWrite && !/^(mysql|root|writers)/.test(a.name)).map(a => a.name);
  };
  const direct = ['app1@%', 'app2@%', 'proxy@%', 'reshard@%', 'shut@%'];
  expect((await able()).sort()).toEqual(direct);
  await admin.rawQuery(`CREATE VIEW beside.v AS SELECT * FROM ${DATABASE}.orders`);
  expect((await able()).sort()).toEqual([...direct, 'runs@%', 'views@%'].sort());
  await admin.rawQuery("SET GLOBAL mandatory_roles = 'writers'");
  expect(await able()).toContain('reader@%');
  await admin.rawQuery("SET GLOBAL mandatory_roles = ''");
  await admin.rawQuery('DROP DATABASE beside');
  await admin.rawQuery(`DROP USER runs@'%', views@'%', proxy@'%', idle@'%'`);
});

test('what MariaDB grants to PUBLIC everybody may', async () => {
  const admin = adminOf('mariadb');
  const reader = async () => {
    const seen = await readAccounts(admin, DATABASE);
    return seen.find(a => a.user === 'reader')?.mayWrite;
  };
  expect(await reader()).toBe(false);
  await admin.rawQuery(`GRANT INSERT ON ${DATABASE}.* TO PUBLIC`);
  expect(await reader()).toBe(true);
  await using session = await MysqlSession.open(
    endpoint('mariadb', { user: 'reader', password: 'pw' }),
    { role: 'apply' },
  );
  await session.rawQuery("INSERT INTO orders (who) VALUES ('reader')");
  await admin.rawQuery(`REVOKE INSERT ON ${DATABASE}.* FROM PUBLIC`);
});

describe.each(FLAVORS)('%s', name => {
  test('two that write are refused inside, go on after it, and nothing of theirs is lost', async () => {
    const apps = ['app1', 'app2'].map(user => new App(user).start(name));
    await using idle = await MysqlSession.open(endpoint(name, { user: 'app1', password: 'pw' }), {
      role: 'apply',
    });
    await idle.rawQuery('BEGIN');
    await idle.rawQuery(MANY);
    for (const app of apps) await app.writes();
    expect((await probed(name, 'app2')).kind).toBe('accepted');
    await using fence = await openFence(name);
    const record = await planned(fence);
    expect(record).toEqual({
      locked: NAMED,
      spared: expect.arrayContaining(['reshard@%', 'root@%']),
    });
    expect(await fence.freeze(10)).toBe(true);
    const count = 'SELECT COUNT(*) AS n, SUM(who = "idle") AS idle FROM orders';
    await adminOf(name).rawQuery(`USE ${DATABASE}`);
    const [then] = await adminOf(name).query<{ n: string; idle: string }>(count);
    expect(Number(then?.idle), 'its transaction is rolled back').toBe(0);
    const [undone] = await adminOf(name).query<{ n: string }>(
      'SELECT COUNT(*) AS n FROM information_schema.INNODB_TRX WHERE trx_rows_modified > 0',
    );
    expect(Number(undone?.n), 'nothing is rolled back any more').toBe(0);
    const answer = await probed(name, 'app2');
    const { serverUuid, isFrozen } = await fence.look();
    expect(answer).toEqual({ kind: 'refused', serverUuid, text: expect.stringMatching(/locked/) });
    expect(isFrozen).toBe(true);
    await until(() => apps.every(a => /locked/.test(a.refused)), {
      timeoutMs: 20_000,
      what: 'refusals',
    });
    expect(await adminOf(name).query(count)).toEqual([then]);
    await fence.lift();
    for (const app of apps) await app.writes();
    for (const app of apps) await app.stop();
    expect(await lockedNow(name)).toEqual(['shut@%']);
    const rows = await adminOf(name).query<{ who: string }>('SELECT who FROM orders');
    const there = new Set(rows.map(r => r.who));
    expect(apps.flatMap(a => a.done).filter(who => !there.has(who))).toEqual([]);
  });

  test('whoever comes later lifts what the record says, and nothing else', async () => {
    let record: AccountRecord;
    {
      await using fence = await openFence(name, { lock: ['app1@%'], spare: [] });
      record = await planned(fence);
      expect(await fence.freeze(10)).toBe(true);
      expect(await lockedNow(name)).toEqual(['app1@%', 'shut@%']);
    }
    await using next = await openFence(name, WRITERS, record);
    expect(await next.look()).toMatchObject({ isFrozen: true, by: record });
    await next.lift();
    await next.lift();
    expect(await lockedNow(name)).toEqual(['shut@%']);
    expect(await next.look()).toMatchObject({ isFrozen: false, why: 'app1@% is not locked' });
  });

  test('one that is made, or let in again, is a fence that is lost', async () => {
    await using fence = await openFence(name);
    await planned(fence);
    expect(await fence.freeze(10)).toBe(true);
    const admin = adminOf(name);
    await admin.rawQuery("CREATE USER late@'%' IDENTIFIED BY 'pw'");
    expect((await fence.look()).isFrozen).toBe(true);
    await admin.rawQuery(`GRANT INSERT ON ${DATABASE}.* TO late@'%'`);
    expect(await fence.look()).toMatchObject({ isFrozen: false, why: 'late@% is not locked' });
    await admin.rawQuery("DROP USER late@'%'");
    await admin.rawQuery("ALTER USER app2@'%' ACCOUNT UNLOCK");
    expect(await fence.look()).toMatchObject({ isFrozen: false, why: 'app2@% is not locked' });
    await using inside = await MysqlSession.open(endpoint(name, { user: 'app2', password: 'pw' }), {
      role: 'apply',
    });
    await admin.rawQuery("ALTER USER app2@'%' ACCOUNT LOCK");
    expect((await fence.look()).why).toBe(`app2 has a session (thread ${inside.threadId})`);
    await fence.lift();
  });
});

test('who is refused by another server says nothing of this one', async () => {
  const admin = adminOf('mysql');
  await admin.rawQuery("ALTER USER app1@'%' ACCOUNT LOCK");
  const schema = await inspectTable(admin, DATABASE, 'orders');
  const account = { user: 'app1', password: 'pw' };
  const place = { source: endpoint('mysql'), account, schema, by: 'accounts', job: 'x' } as const;
  expect((await probe([place])).kind).toBe('refused');
  // As where a proxy leads it to a replica: this server counts no login that it has refused.
  await adminOf('mariadb').rawQuery("ALTER USER app1@'%' ACCOUNT LOCK");
  const { proxy, port } = await proxyTo(['mysql', 'mariadb']);
  const led = { ...place, source: { ...place.source, host: '127.0.0.1', port } };
  expect(await probe([led])).toEqual({
    kind: 'unclear',
    text: expect.stringMatching(/locked.*by another server/),
  });
  proxy.close();
  for (const name of FLAVORS) await adminOf(name).rawQuery("ALTER USER app1@'%' ACCOUNT UNLOCK");
});

/** Leads its connections to these servers, in this order. */
async function proxyTo(order: Name[]): Promise<{ proxy: net.Server; port: number }> {
  const proxy = net.createServer(client => {
    const { host, port } = servers.mysql(order.shift() ?? 'mysql');
    const server = net.connect(port, host);
    for (const end of [client, server]) end.on('error', () => end.destroy());
    client.pipe(server).pipe(client);
  });
  await new Promise<void>(resolve => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { proxy, port: address.port };
}

test('where KILL is not for us the procedure of the server ends sessions', async () => {
  const admin = adminOf('mysql');
  await admin.rawQuery('REVOKE CONNECTION_ADMIN, SYSTEM_USER ON *.* FROM reshard');
  const app = endpoint('mysql', { user: 'app1', password: 'pw' });
  await using inside = await MysqlSession.open(app, { role: 'apply' });
  await using fence = await openFence('mysql');
  await planned(fence);
  await expect(fence.freeze(5)).rejects.toThrow(/not owner of thread/);
  await fence.lift();
  expect(inside.alive).toBe(true);
  await admin.rawQuery('CREATE PROCEDURE mysql.rds_kill (IN thread BIGINT) KILL thread');
  await admin.rawQuery('GRANT EXECUTE ON PROCEDURE mysql.rds_kill TO reshard');
  expect(await fence.freeze(5)).toBe(true);
  await until(() => !inside.alive, { timeoutMs: 5000, what: 'the end of the session' });
  await fence.lift();
});
