/**
 * Each check against a real server: the setting is broken for real, the finding appears, its fix is
 * run as printed, and the finding is gone.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../../shared/mysql/finding.ts';
import { DoctorSite, type JobFile, SHOP } from '../../../test/support/doctor/doctor-site.ts';

let site: DoctorSite;

beforeAll(async () => {
  site = await DoctorSite.start();
}, 120_000);

afterAll(() => site?.[Symbol.asyncDispose]());

beforeEach(() => site.reset());

const codes = (findings: readonly Finding[]): string[] => findings.map(f => f.code).sort();

/** The one finding of a code, which must be all there is. */
function only(findings: readonly Finding[], code: string): Finding {
  expect(new Set(codes(findings))).toEqual(new Set([code]));
  const [first] = findings;
  if (first === undefined) throw new Error(`no finding ${code}`);
  expect(first.where.length * first.what.length * first.why.length).toBeGreaterThan(0);
  return first;
}

test('servers in order have no findings but notes', async () => {
  expect(await site.problems()).toEqual([]);
  expect(codes(await site.findings())).toEqual(['secondary-unique-key']);
});

interface Break {
  code: string;
  level?: Finding['level'];
  on?: 'source' | 'target';
  sql: string[];
}

const SETTINGS: Break[] = [
  { code: 'binlog-format', sql: ["SET GLOBAL binlog_format = 'STATEMENT'"] },
  { code: 'binlog-row-image', sql: ["SET GLOBAL binlog_row_image = 'MINIMAL'"] },
  { code: 'binlog-row-metadata', sql: ["SET GLOBAL binlog_row_metadata = 'MINIMAL'"] },
  {
    code: 'binlog-row-value-options',
    sql: ["SET GLOBAL binlog_row_value_options = 'PARTIAL_JSON'"],
  },
  { code: 'binlog-order-commits', sql: ['SET GLOBAL binlog_order_commits = OFF'] },
  { code: 'binlog-checksum', level: 'warning', sql: ["SET GLOBAL binlog_checksum = 'NONE'"] },
  { code: 'gtid-mode', sql: ['SET GLOBAL gtid_mode = ON_PERMISSIVE'] },
  {
    code: 'gtid-mode',
    sql: [
      'SET GLOBAL gtid_mode = ON_PERMISSIVE',
      'SET GLOBAL gtid_mode = OFF_PERMISSIVE',
      'SET GLOBAL gtid_mode = OFF',
      'SET GLOBAL enforce_gtid_consistency = OFF',
    ],
  },
  { code: 'server-id-zero', sql: ['SET GLOBAL server_id = 0'] },
  { code: 'binlog-retention', sql: ['SET GLOBAL binlog_expire_logs_seconds = 600'] },
  {
    code: 'binlog-retention',
    level: 'warning',
    sql: ['SET GLOBAL binlog_expire_logs_seconds = 7200'],
  },
  {
    code: 'target-binlog-format',
    on: 'target',
    sql: ["SET GLOBAL binlog_format = 'STATEMENT'"],
  },
  { code: 'target-read-only', on: 'target', sql: ['SET GLOBAL super_read_only = ON'] },
  { code: 'target-offline-mode', on: 'target', sql: ['SET GLOBAL offline_mode = ON'] },
  { code: 'max-allowed-packet', on: 'target', sql: ['SET GLOBAL max_allowed_packet = 8388608'] },
  {
    code: 'max-allowed-packet',
    level: 'warning',
    on: 'target',
    sql: ['SET GLOBAL max_allowed_packet = 25165824'],
  },
  {
    code: 'parity-sql-mode',
    level: 'warning',
    on: 'target',
    sql: ["SET GLOBAL sql_mode = 'NO_ENGINE_SUBSTITUTION'"],
  },
  {
    code: 'parity-time-zone',
    level: 'warning',
    on: 'target',
    sql: ["SET GLOBAL time_zone = '+05:00'"],
  },
];

describe('a setting', () => {
  test.each(SETTINGS)(
    '$code ($level) is found and its fix cures it',
    async ({ code, level = 'blocker', on = 'source', sql }) => {
      const session = on === 'source' ? site.source : site.target;
      for (const statement of sql) await session.rawQuery(statement);
      const found = await site.problems();
      const finding = only(found, code);
      expect(finding.level).toBe(level);
      expect(finding.where).toContain(String(site.server(on).port));
      await site.applyFix(finding.fix, on);
      expect(await site.problems()).toEqual([]);
    },
  );

  test('server character set and collation differ and are cured together', async () => {
    await site.target.rawQuery("SET GLOBAL character_set_server = 'latin1'");
    await site.target.rawQuery("SET GLOBAL collation_server = 'latin1_bin'");
    const found = await site.problems();
    expect(new Set(codes(found))).toEqual(
      new Set(['parity-character-set-server', 'parity-collation-server']),
    );
    for (const f of found) await site.applyFix(f.fix, 'target');
    expect(await site.problems()).toEqual([]);
  });
});

const TABLES: Break[] = [
  {
    code: 'table-engine',
    sql: [
      'CREATE TABLE c2 LIKE customers',
      'DROP TABLE customers',
      'RENAME TABLE c2 TO customers',
      'ALTER TABLE customers ENGINE = MyISAM',
    ],
  },
  { code: 'shard-column-null', sql: ['ALTER TABLE orders MODIFY customer_id BIGINT NULL'] },
  {
    code: 'primary-key-form',
    sql: [
      'ALTER TABLE orders MODIFY id BIGINT NOT NULL, MODIFY note VARCHAR(200) NOT NULL',
      'ALTER TABLE orders ADD UNIQUE KEY u (id), DROP PRIMARY KEY, ADD PRIMARY KEY (note(10))',
    ],
  },
  {
    code: 'target-trigger',
    on: 'target',
    sql: ['CREATE TRIGGER tr BEFORE INSERT ON orders FOR EACH ROW SET NEW.total = 1'],
  },
  {
    code: 'target-not-empty',
    on: 'target',
    sql: ["INSERT INTO customers VALUES (1, 'a@b')"],
  },
  { code: 'table-engine', on: 'target', sql: ['ALTER TABLE orders ENGINE = MyISAM'] },
  ...[
    "MODIFY note VARCHAR(150) DEFAULT 'none'",
    // The source does not print the character set of a column that has the table's own.
    'CONVERT TO CHARACTER SET latin1',
    'DROP COLUMN note',
    'ADD COLUMN more INT',
    'MODIFY total DECIMAL(12,2) NOT NULL',
    'DROP PRIMARY KEY, ADD PRIMARY KEY (id, customer_id)',
    'ADD UNIQUE KEY more (total)',
  ].map((change): Break => {
    return { code: 'target-schema', on: 'target', sql: [`ALTER TABLE orders ${change}`] };
  }),
  {
    code: 'target-schema',
    level: 'warning',
    on: 'target',
    sql: ['ALTER TABLE customers DROP INDEX email_key'],
  },
  {
    code: 'target-schema',
    level: 'warning',
    on: 'target',
    sql: ["ALTER TABLE orders MODIFY note VARCHAR(200) COLLATE utf8mb4_bin DEFAULT 'none'"],
  },
];

describe('a table', () => {
  test.each(TABLES)(
    '$code ($level, $on) is found and its fix cures it: $sql.0',
    async ({ code, level = 'blocker', on = 'source', sql }) => {
      const session = on === 'source' ? site.source : site.target;
      const db = on === 'source' ? SHOP : `${SHOP}_1`;
      await session.rawQuery(`USE ${db}`);
      for (const statement of sql) await session.rawQuery(statement);
      const finding = (await site.problems()).find(f => f.code === code);
      expect(finding?.level).toBe(level);
      expect(finding?.where).toContain(db);
      await site.applyFix(finding?.fix ?? '', on);
      expect(codes(await site.problems())).not.toContain(code);
    },
  );

  test('has unique keys of parts and expressions, which targets need as they are', async () => {
    const expression = site.source.flavor === 'mysql' ? '(id + customer_id)' : 'id, customer_id';
    await site.source.rawQuery(`ALTER TABLE ${SHOP}.orders ADD UNIQUE KEY part (note(10), total),
      ADD UNIQUE KEY expr (${expression})`);
    const lacking = await site.problems();
    expect(lacking.map(f => f.level)).toEqual(Array(4).fill('warning'));
    for (const { fix } of lacking) await site.applyFix(fix, 'target');
    expect(await site.problems()).toEqual([]);
    const said = (await site.findings()).map(f => f.what);
    expect(said).toContain('unique key part (note(10), total) besides the row key');
    await site.target.rawQuery(`ALTER TABLE ${SHOP}_1.orders DROP KEY part, ADD UNIQUE (note(9))`);
    expect((await site.problems()).map(f => [f.level, f.what])).toEqual([
      ['blocker', 'unique key (note(9)) is on the target only'],
      ['warning', 'unique key (note(10), total) is not on the target'],
    ]);
  });

  test('that is missing, or a view, on the source', async () => {
    await site.source.rawQuery(`USE ${SHOP}`);
    await site.source.rawQuery('DROP TABLE orders');
    expect(only(await site.problems(), 'table-missing').where).toContain(`${SHOP}.orders`);
    await site.source.rawQuery('CREATE VIEW orders AS SELECT * FROM customers');
    expect(only(await site.problems(), 'table-missing').what).toContain('view');
  });

  test('with columns that are not carried is told column by column', async () => {
    await site.source.rawQuery(`USE ${SHOP}`);
    await site.source.rawQuery('ALTER TABLE orders ADD COLUMN p VARCHAR(9) CHARACTER SET gb18030');
    await site.target.rawQuery(
      `ALTER TABLE ${SHOP}_1.orders ADD COLUMN p VARCHAR(9) CHARACTER SET gb18030`,
    );
    await site.target.rawQuery(
      `ALTER TABLE ${SHOP}_2.orders ADD COLUMN p VARCHAR(9) CHARACTER SET gb18030`,
    );
    const finding = only(await site.problems(), 'unsupported-column');
    expect(finding.where).toContain(`${SHOP}.orders.p`);
  });

  test('routed by a column that is not there, or no integer', async () => {
    const change = (column: string) => ({
      job: (j: JobFile) => {
        j.tables[1] = { name: 'orders', shardColumn: column };
      },
    });
    expect(only(await site.problems(change('nothing')), 'shard-column').where).toContain('orders');
    expect(only(await site.problems(change('total')), 'shard-column-type').what).toContain(
      'decimal',
    );
  });

  test('with a row above the message limit: the limit that is advised is enough', async () => {
    await site.source.rawQuery(`USE ${SHOP}`);
    for (const db of [SHOP])
      await site.source.rawQuery(`ALTER TABLE ${db}.orders ADD doc LONGTEXT`);
    for (const n of [1, 2])
      await site.target.rawQuery(`ALTER TABLE ${SHOP}_${n}.orders ADD doc LONGTEXT`);
    await site.source.rawQuery(
      `INSERT INTO orders (id, customer_id, doc) VALUES (1, 1, REPEAT('d', 700000))`,
    );
    const limit = (bytes: number) => ({
      job: (j: JobFile) => {
        j.options.maxMessageBytes = bytes;
      },
    });
    const finding = only(await site.problems(limit(1024 * 1024)), 'row-size');
    const advised = Number(/maxMessageBytes: (\d+)/.exec(finding.fix)?.[1]);
    const after = await site.problems(limit(advised));
    expect(after.filter(f => f.level === 'blocker')).toEqual([]);
  });

  test('missing on a target is a blocker, or a note when it will be created', async () => {
    await site.target.rawQuery(`DROP TABLE ${SHOP}_2.orders`);
    expect(only(await site.problems(), 'target-table-missing').where).toContain(`${SHOP}_2.orders`);
    expect(await site.problems({ createTargets: true })).toEqual([]);
    await site.target.rawQuery(`DROP DATABASE ${SHOP}_2`);
    const found = await site.problems();
    expect(codes(found)).toContain('target-database-missing');
    expect(await site.problems({ createTargets: true })).toEqual([]);
  });
});

describe('accounts', () => {
  const as = (user: string, role: 'sources' | 'targets') => ({
    job: (j: JobFile) => {
      for (const s of j[role]) Object.assign(s, { user, password: 'pw' });
    },
  });

  test('without rights on the source: each missing one, and its GRANT cures it', async () => {
    await site.source.rawQuery("DROP USER IF EXISTS 'poor'@'%'");
    await site.source.rawQuery("CREATE USER 'poor'@'%' IDENTIFIED BY 'pw'");
    await site.source.rawQuery(`GRANT INSERT ON ${SHOP}.customers TO 'poor'@'%'`);
    await site.source.rawQuery(`GRANT INSERT ON ${SHOP}.orders TO 'poor'@'%'`);
    const found = await site.problems(as('poor', 'sources'));
    const missing = found.filter(f => f.code.startsWith('privilege-'));
    expect(codes(missing)).toEqual([
      'privilege-replication-client',
      'privilege-replication-slave',
      'privilege-select',
    ]);
    for (const f of missing) await site.applyFix(f.fix, 'source');
    expect(await site.problems(as('poor', 'sources'))).toEqual([]);
  });

  test('without rights on the targets: each missing one, and its GRANT cures it', async () => {
    await site.target.rawQuery("DROP USER IF EXISTS 'poor'@'%'");
    await site.target.rawQuery("CREATE USER 'poor'@'%' IDENTIFIED BY 'pw'");
    for (const n of [1, 2])
      await site.target.rawQuery(`GRANT SELECT ON ${SHOP}_${n}.* TO 'poor'@'%'`);
    const found = await site.problems(as('poor', 'targets'));
    const missing = ['create', 'delete', 'insert', 'trigger', 'update'];
    expect(new Set(codes(found))).toEqual(new Set(missing.map(p => `privilege-${p}`)));
    for (const f of found) await site.applyFix(f.fix, 'target');
    expect(await site.problems(as('poor', 'targets'))).toEqual([]);
  });

  test('rights by an active role count', async () => {
    await site.source.rawQuery("DROP USER IF EXISTS 'actor'@'%'");
    await site.source.rawQuery("DROP ROLE IF EXISTS 'mover'");
    await site.source.rawQuery("CREATE ROLE 'mover'");
    await site.source.rawQuery(`GRANT SELECT ON ${SHOP}.* TO 'mover'`);
    await site.source.rawQuery("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO 'mover'");
    await site.source.rawQuery("CREATE USER 'actor'@'%' IDENTIFIED BY 'pw' DEFAULT ROLE 'mover'");
    await site.source.rawQuery("GRANT 'mover' TO 'actor'@'%'");
    await site.source.rawQuery("SET DEFAULT ROLE 'mover' TO 'actor'@'%'");
    expect(await site.problems(as('actor', 'sources'))).toEqual([]);
  });

  test('that cannot log in, and servers that are not there, do not hide the rest', async () => {
    await site.target.rawQuery(`DROP TABLE ${SHOP}_2.orders`);
    const found = await site.problems({
      job: j => {
        const [source, target] = [j.sources[0], j.targets[0]];
        if (source) source.password = 'wrong';
        if (target) target.port = 1;
      },
    });
    expect(codes(found)).toEqual(['check-denied', 'check-unreachable', 'target-table-missing']);
  });
});

describe('servers against each other', () => {
  test('a server id that is taken: the advised one is free', async () => {
    const withId = (id: number) => ({
      job: (j: JobFile) => {
        const [source] = j.sources;
        if (source) source.serverId = id;
      },
    });
    const [own] = await site.source.query<{ id: number }>('SELECT @@server_id AS id');
    const found = await site.problems(withId(Number(own?.id)));
    const finding = only(found, 'server-id-taken');
    const advised = Number(/serverId: (\d+)/.exec(finding.fix)?.[1]);
    expect(await site.problems(withId(advised))).toEqual([]);
  });

  test('a target that is the source, or another target', async () => {
    const self = await site.problems({
      job: j => {
        const [source, target] = [j.sources[0], j.targets[0]];
        if (source && target) Object.assign(target, { ...source, name: 't1' });
      },
    });
    expect(codes(self)).toContain('same-database');
    const twice = await site.problems({
      job: j => {
        for (const t of j.targets) t.database = `${SHOP}_1`;
      },
    });
    expect(only(twice, 'same-database').where).toContain('t2');
  });

  test('sources whose tables differ', async () => {
    await site.source.rawQuery(`CREATE DATABASE IF NOT EXISTS ${SHOP}_b`);
    for (const table of ['customers', 'orders']) {
      await site.source.rawQuery(`CREATE TABLE ${SHOP}_b.${table} LIKE ${SHOP}.${table}`);
    }
    await site.source.rawQuery(`ALTER TABLE ${SHOP}_b.orders MODIFY total DECIMAL(10,2)`);
    const two = {
      job: (j: JobFile) => {
        const [first] = j.sources;
        if (first) j.sources.push({ ...first, name: `${first.name}b`, database: `${SHOP}_b` });
      },
    };
    const finding = only(await site.problems(two), 'sources-differ');
    await site.applyFix(finding.fix, 'source');
    expect(await site.problems(two)).toEqual([]);
    // Targets would be created with what the first one has; nobody is told to make it shorter.
    await site.source.rawQuery(`ALTER TABLE ${SHOP}_b.orders MODIFY note VARCHAR(300) DEFAULT 'x'`);
    const { level, fix } = only(await site.problems(two), 'sources-differ');
    expect([level, fix]).toEqual(['blocker', expect.stringMatching(/^-- make it as on \S+b: /)]);
    await site.source.rawQuery(`DROP DATABASE ${SHOP}_b`);
  });

  test('progress of an earlier job on a target', async () => {
    await site.target.rawQuery(`CREATE TABLE ${SHOP}_1.reshard_offset (job VARCHAR(64))`);
    await site.target.rawQuery(`CREATE TABLE ${SHOP}_1.reshard_park (job VARCHAR(64))`);
    await site.target.rawQuery(`INSERT INTO ${SHOP}_1.reshard_offset VALUES ('${site.prefix}')`);
    const finding = only(await site.problems(), 'stale-progress');
    await site.runCommand(finding.fix);
    expect(await site.problems()).toEqual([]);
  });
});
