/** Checks that need a server started another way, a replica, topics or registered schemas. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { keySchema } from '../../../shared/codec/avro-schema.ts';
import { tableTopic } from '../../../shared/kafka/topic-name.ts';
import { kafkaOf, registryOf } from '../../../shared/member/context.ts';
import { MysqlSession } from '../../../shared/mysql/connect.ts';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { inspectTable } from '../../../shared/mysql/inspect.ts';
import { until } from '../../../shared/runtime/clock.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { DoctorSite, type JobFile, SHOP } from '../../../test/support/doctor/doctor-site.ts';
import { LoadClient } from '../../../test/support/load/client.ts';
import { tableTopics } from '../phase/topic-plan.ts';

const codes = (findings: readonly Finding[]): string[] => findings.map(f => f.code).sort();
const log = createLogger({ name: 'doctor-test', level: 'fatal' });

/** The one finding that there is of this code. */
function only(findings: readonly Finding[], code: string): Finding {
  const [first, ...others] = findings.filter(f => f.code === code);
  expect(others).toEqual([]);
  if (first === undefined) throw new Error(`no ${code} in ${codes(findings).join()}`);
  return first;
}

let site: DoctorSite;

beforeAll(async () => {
  site = await DoctorSite.start({
    'innodb-native-foreign-keys': 'ON',
    'binlog-ignore-db': 'mysqlroom_unlogged',
  });
}, 120_000);

afterAll(() => site?.[Symbol.asyncDispose]());

beforeEach(() => site.reset());

const source = (change: (s: JobFile['sources'][number]) => void) => ({
  job: (j: JobFile) => {
    for (const s of j.sources) change(s);
  },
});

test('a session that logs statements is told by its user, as a warning', async () => {
  // Of another program: sessions of ours write nothing on a source.
  const other = await LoadClient.open(site.server('source'));
  await other.run("SET SESSION binlog_format = 'STATEMENT'");
  await site.source.rawQuery("SET SESSION binlog_format = 'STATEMENT'");
  try {
    const found = await site.problems();
    const told = found.filter(f => f.code === 'binlog-format-session');
    expect(told.map(f => [f.level, f.what])).toEqual([['warning', expect.stringMatching(/root/)]]);
    await other.run("SET SESSION binlog_format = 'ROW'");
    expect(codes(await site.problems())).not.toContain('binlog-format-session');
  } finally {
    await other.close();
    await site.source.rawQuery("SET SESSION binlog_format = 'ROW'");
  }
});

test('sessions that are about to log in name nobody beside a wrong format', async () => {
  await site.source.rawQuery("SET GLOBAL binlog_format = 'STATEMENT'");
  const end = performance.now() + 3000;
  const comeAndGo = async (): Promise<void> => {
    while (performance.now() < end) {
      await using _ = await MysqlSession.open(site.server('source'), { role: 'admin' });
    }
  };
  const coming = Array.from({ length: 4 }, comeAndGo);
  const told = new Set<string>();
  while (performance.now() < end) {
    for (const { code } of await site.problems()) told.add(code);
  }
  await Promise.all(coming);
  expect(told).toContain('binlog-format');
  expect(told).not.toContain('binlog-format-session');
});

test('a database that is kept out of the binlog', async () => {
  await site.source.rawQuery('CREATE DATABASE mysqlroom_unlogged');
  const names = ['customers', 'orders'];
  for (const t of names) {
    await site.source.rawQuery(`CREATE TABLE mysqlroom_unlogged.${t} LIKE ${SHOP}.${t}`);
  }
  const found = await site.problems(
    source(s => {
      s.database = 'mysqlroom_unlogged';
    }),
  );
  expect(codes(found)).toEqual(['binlog-filter']);
  expect(await site.problems()).toEqual([]);
});

test.each(['ON DELETE CASCADE', 'ON UPDATE CASCADE', 'ON DELETE CASCADE ON UPDATE CASCADE'])(
  'a foreign key that acts below the log (%s) is a blocker, its fix keeps the reference',
  async rule => {
    await site.source.rawQuery(`ALTER TABLE ${SHOP}.orders ADD CONSTRAINT fk
      FOREIGN KEY (customer_id) REFERENCES ${SHOP}.customers (customer_id) ${rule}`);
    const [finding, ...others] = await site.problems();
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ level: 'blocker', code: 'foreign-key-cascade' });
    await site.applyFix(finding?.fix ?? '', 'source');
    expect(await site.problems()).toEqual([]);
    const rows = await site.source.query<{ r: string }>(
      `SELECT DELETE_RULE AS r FROM information_schema.REFERENTIAL_CONSTRAINTS
        WHERE CONSTRAINT_SCHEMA = '${SHOP}'`,
    );
    expect(rows).toEqual([{ r: expect.stringMatching(/NO ACTION|RESTRICT/) }]);
  },
);

describe('with a replica connected', () => {
  beforeAll(async () => {
    const { host, port, user, password } = site.server('source');
    const replica = site.target;
    await replica.rawQuery('STOP REPLICA');
    await replica.rawQuery('RESET BINARY LOGS AND GTIDS');
    const [row] = await site.source.query<{ g: string }>('SELECT @@global.gtid_executed AS g');
    await replica.rawQuery(`SET GLOBAL gtid_purged = '${row?.g.replaceAll(/\s/g, '')}'`);
    await replica.rawQuery(`CHANGE REPLICATION SOURCE TO SOURCE_HOST = '${host}',
      SOURCE_PORT = ${port}, SOURCE_USER = '${user}', SOURCE_PASSWORD = '${password}',
      SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1`);
    await replica.rawQuery('SET GLOBAL replica_parallel_workers = 4');
    await replica.rawQuery('START REPLICA');
    await until(async () => (await site.source.query('SHOW REPLICAS')).length > 0, {
      timeoutMs: 20_000,
      what: 'the replica to register',
    });
  }, 60_000);

  afterAll(async () => {
    await site.target.rawQuery('STOP REPLICA');
    await site.target.rawQuery('RESET REPLICA ALL');
  });

  test('its id is taken for our reader', async () => {
    const found = await site.problems(
      source(s => {
        s.serverId = 902;
      }),
    );
    const finding = found.find(f => f.code === 'server-id-taken');
    expect(finding?.what).toContain('another replica');
    const advised = Number(/serverId: (\d+)/.exec(finding?.fix ?? '')?.[1]);
    const after = await site.problems(
      source(s => {
        s.serverId = advised;
      }),
    );
    expect(codes(after)).not.toContain('server-id-taken');
  });

  test('as the source it must commit in the order of its primary', async () => {
    const { host, port } = site.server('target');
    const replicaAsSource = source(s => Object.assign(s, { host, port }));
    expect(codes(await site.problems(replicaAsSource))).not.toContain('replica-commit-order');
    await site.target.rawQuery('STOP REPLICA SQL_THREAD');
    await site.target.rawQuery('SET GLOBAL replica_preserve_commit_order = OFF');
    await site.target.rawQuery('START REPLICA SQL_THREAD');
    const finding = (await site.problems(replicaAsSource)).find(
      f => f.code === 'replica-commit-order',
    );
    expect(finding?.level).toBe('blocker');
    await site.applyFix(finding?.fix ?? '', 'target');
    expect(codes(await site.problems(replicaAsSource))).not.toContain('replica-commit-order');
  });
});

test('a server without a binlog', async () => {
  await using other = await DoctorSite.start({ 'skip-log-bin': 'ON' });
  const [finding, ...others] = await other.problems();
  expect(others).toEqual([]);
  expect(finding).toMatchObject({ level: 'blocker', code: 'log-bin' });
  expect(finding?.fix).toContain('`log_bin` under [mysqld]');
}, 60_000);

describe('the log', () => {
  test('that cannot be reached does not hide the servers', async () => {
    const found = await site.problems({
      job: j => {
        j.kafka.brokers = ['127.0.0.1:1'];
        j.tables.push({ name: 'nothing' });
      },
    });
    expect(codes(found)).toContain('table-missing');
    expect(found.filter(f => f.where.startsWith('kafka'))).toEqual([
      expect.objectContaining({ level: 'blocker', code: 'check-unreachable' }),
    ]);
  });

  test('cannot have more copies than brokers', async () => {
    const found = await site.problems({
      job: j => {
        j.kafka.replication = 7;
      },
    });
    expect(codes(found)).toEqual(['kafka-replication']);
    const advised = Number(/replication: (\d+)/.exec(found[0]?.fix ?? '')?.[1]);
    const after = await site.problems({
      job: j => {
        j.kafka.replication = advised;
      },
    });
    expect(after).toEqual([]);
  });

  test('takes no request as large as a message may be', async () => {
    const limit = (bytes: number) => ({
      job: (j: JobFile) => {
        j.options.maxMessageBytes = bytes;
      },
    });
    const found = await site.problems(limit(100 * 1024 * 1024));
    const [finding] = found.filter(f => f.code === 'kafka-request-size');
    expect(finding?.level).toBe('blocker');
    expect(finding?.fix).toMatch(/`socket\.request\.max\.bytes=\d+`/);
    const fits = await site.problems(limit(99 * 1024 * 1024));
    expect(codes(fits)).not.toContain('kafka-request-size');
  });

  test.each([
    [1000, 'group.min.session.timeout.ms'],
    [7_200_000, 'group.max.session.timeout.ms'],
  ])('lets no member in whose session is %i ms', async (sessionTimeoutMs, name) => {
    const session = (ms: number) => ({
      job: (j: JobFile) => {
        j.options.sessionTimeoutMs = ms;
      },
    });
    const [finding, ...others] = await site.problems(session(sessionTimeoutMs));
    expect(others).toEqual([]);
    expect(finding).toMatchObject({ level: 'blocker', code: 'kafka-session-timeout' });
    expect(finding?.what).toContain(name);
    const advised = Number(/sessionTimeoutMs: (\d+)/.exec(finding?.fix ?? '')?.[1]);
    expect(await site.problems(session(advised))).toEqual([]);
  });

  test('topics with other settings, and with records of an earlier job', async () => {
    const job = site.job();
    const topic = tableTopic(site.prefix, SHOP, 'orders');
    const [spec] = tableTopics(job, topic);
    if (spec === undefined) throw new Error('no topic planned');
    const kafka = kafkaOf(job, log, 'doctor-test');
    const admin = await kafka.admin();
    try {
      await admin.ensureTopics([{ ...spec, partitions: spec.partitions + 1 }]);
      const [wrong] = await site.problems();
      expect(wrong).toMatchObject({ code: 'topic-setting', where: `topic ${topic}` });
      expect(wrong?.what).toContain('partitions');
      await admin.deleteTopics([topic]);
      await until(async () => !(await admin.listTopics()).includes(topic), {
        timeoutMs: 10_000,
        what: 'the topic to be gone',
      });
      await admin.ensureTopics([spec]);
      expect(await site.problems()).toEqual([]);
      const writer = await kafka.writer();
      await writer.send(topic, 0, [{ key: Buffer.from('k'), value: Buffer.from('v') }]);
      expect(codes(await site.problems())).toEqual(['topic-not-empty']);
    } finally {
      await admin.deleteTopics([topic]);
      await kafka.close();
    }
  });
});

describe('a table', () => {
  test('without a primary key is told apart by its unique index, on targets too', async () => {
    await site.source.rawQuery(`ALTER TABLE ${SHOP}.customers DROP PRIMARY KEY`);
    const named = {
      code: 'row-key',
      level: 'info',
      what: expect.stringContaining('email_key (em'),
    };
    expect(await site.findings()).toContainEqual(expect.objectContaining(named));
    // The primary key of the targets would refuse rows that the source takes now.
    for (const f of (await site.problems()).filter(x => x.code === 'target-schema')) {
      await site.applyFix(f.fix, 'target');
    }
    expect(await site.problems()).toEqual([]);
    await site.target.rawQuery(`ALTER TABLE ${SHOP}_1.customers DROP INDEX email_key`);
    const lost = only(await site.problems(), 'target-schema');
    expect(lost.what).toContain('the row key is ()');
    await site.applyFix(lost.fix, 'target');
    expect(await site.problems()).toEqual([]);
    // A primary key that the server adds by itself is in nobody's way.
    await site.target.rawQuery(`USE ${SHOP}_1`);
    await site.target.rawQuery('DROP TABLE customers');
    await site.target.rawQuery('SET SESSION sql_generate_invisible_primary_key = ON');
    await site.target.rawQuery(
      `CREATE TABLE customers (customer_id BIGINT NOT NULL, email VARCHAR(100) NOT NULL,
        UNIQUE KEY email_key (email))`,
    );
    await site.target.rawQuery('SET SESSION sql_generate_invisible_primary_key = OFF');
    expect(await site.problems()).toEqual([]);
  });

  test('that is wider on the target takes every row: nothing has to be done', async () => {
    await site.target.rawQuery(
      `ALTER TABLE ${SHOP}_1.orders MODIFY note VARCHAR(300) DEFAULT 'none'`,
    );
    expect(await site.problems()).toEqual([]);
    const longer = {
      level: 'info',
      what: expect.stringMatching(/, wider than .* on the source$/),
      fix: '',
    };
    expect(await site.findings()).toContainEqual(expect.objectContaining(longer));
  });

  test('that has no key gets one by the advice as it is printed', async () => {
    const none = async (table: string): Promise<Finding> => {
      const found = (await site.problems()).filter(f => f.code === 'row-key');
      expect(found).toHaveLength(1);
      expect(found[0]?.where).toContain(table);
      return found[0] as Finding;
    };
    const cure = async (table: string, form: RegExp): Promise<void> => {
      const { fix } = await none(table);
      expect(fix).toMatch(form);
      await site.applyFix(fix, 'source');
      expect(codes(await site.problems())).not.toContain('row-key');
    };
    await site.source.rawQuery(`USE ${SHOP}`);
    await site.source.rawQuery('INSERT INTO orders (id, customer_id) VALUES (1, 1), (2, 1)');
    await site.source.rawQuery('ALTER TABLE orders DROP PRIMARY KEY');
    await cure('orders', /ADD COLUMN `reshard_id` .* INVISIBLE;$/);
    await site.source.rawQuery("INSERT INTO customers VALUES (1, 'a'), (2, 'b')");
    const nullable = 'MODIFY email VARCHAR(100) NULL';
    await site.source.rawQuery(`ALTER TABLE customers DROP PRIMARY KEY, ${nullable}`);
    await cure('customers', /MODIFY COLUMN `email` varchar\(100\) NOT NULL;$/);
    await site.source.rawQuery(`ALTER TABLE customers ${nullable}`);
    await site.source.rawQuery('INSERT INTO customers VALUES (3, NULL)');
    expect((await none('customers')).what).toContain('allows NULL, and rows have it');
    await cure('customers', /ADD COLUMN `reshard_id` /);
    await site.source.rawQuery('ALTER TABLE customers DROP COLUMN reshard_id');
    await site.source.rawQuery(
      'ALTER TABLE customers ADD n INT NOT NULL AUTO_INCREMENT, ADD KEY (n)',
    );
    await cure('customers', /ADD PRIMARY KEY \(`n`\);$/);
  });

  test('of which the job names a key that it does not have', async () => {
    const key = (...columns: string[]) => ({
      job: (j: JobFile) => {
        j.tables[0] = { name: 'customers', key: columns };
      },
    });
    expect(await site.problems(key('email'))).toEqual([]);
    const refused = only(await site.problems(key('email', 'customer_id')), 'table-config');
    expect(refused.what).toContain('no unique index');
  });
});

describe('the registry', () => {
  test('that cannot be reached', async () => {
    const found = await site.problems({
      job: j => {
        j.registry.url = 'http://127.0.0.1:1/apis/ccompat/v7';
      },
    });
    expect(codes(found)).toEqual(['check-registry']);
  });

  test('that holds another key schema, or would refuse the value schema', async () => {
    const topic = tableTopic(site.prefix, SHOP, 'orders');
    const registry = registryOf(site.job());
    const schema = await inspectTable(site.source, SHOP, 'orders');
    const other = { ...schema, primaryKey: [1, 0] };
    await registry.registerFrozen(`${topic}-key`, { ...keySchema(site.prefix, other) });
    expect(codes(await site.problems())).toEqual(['registry-key-schema']);
    await registry.register(
      `${topic}-value`,
      {
        type: 'record',
        name: 'Envelope',
        namespace: `${site.prefix.replaceAll('-', '_')}.${SHOP}.orders`,
        fields: [{ name: 'op', type: 'long' }],
      },
      'BACKWARD',
    );
    expect(codes(await site.problems())).toEqual(['registry-compatibility', 'registry-key-schema']);
  });
});
