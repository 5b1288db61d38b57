/**
 * I14: every halt of the binlog service has a remedy that works. Each kind of halt is made on a
 * real server; then what the error prints is done as it stands, and the job goes on and ends equal.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../../shared/runtime/clock.ts';
import { callReshard } from '../support/reshard-cli.ts';
import type { Servers } from '../support/servers/servers.ts';
import { SERVICES, ShopJob } from './shop-job.ts';

const MINUTES = 60_000;

let mysql: Servers;
let job: ShopJob;

beforeAll(async () => {
  mysql = await ShopJob.servers();
  job = await ShopJob.prepare({ mysql, orders: 400 });
  const source = await job.sql();
  await source.run('SET GLOBAL log_bin_trust_function_creators = ON');
  await source.run('CREATE TABLE outside (id INT PRIMARY KEY)');
  await source.run(
    'CREATE TRIGGER reaches AFTER INSERT ON outside FOR EACH ROW' +
      ' UPDATE customers SET tier = "gold" ORDER BY customer_id LIMIT 3',
  );
  await source.close();
  await asMover();
  job.start(...SERVICES);
  await job.copied();
  await job.drained();
}, 3 * MINUTES);

afterAll(async () => {
  await job?.[Symbol.asyncDispose]();
  await mysql?.[Symbol.asyncDispose]();
}, MINUTES);

/** The account of the job on the source: one that can be locked out. */
const MOVER = { user: 'mover', password: 'Mover-1-pass' };

async function asMover(): Promise<void> {
  const { user, password } = MOVER;
  await job.onSource(
    0,
    `CREATE USER ${user} IDENTIFIED BY '${password}'`,
    `GRANT ALL PRIVILEGES ON *.* TO ${user}`,
  );
  const text = readFileSync(job.jobFile, 'utf8');
  const [first, ...rest] = text.split('targets:');
  const source = (first ?? '')
    .replace(/user: .*/, `user: ${user}`)
    .replace(/password: .*/, `password: ${password}`);
  writeFileSync(job.jobFile, [source, ...rest].join('targets:'));
}

interface Kind {
  name: string;
  /** On one session of the source. */
  made: string[];
  shown: RegExp;
  /** The tables that the printed recopy must name; empty: none, so all. */
  recopied: string;
  /** What the remedy says has to be undone, in the words of this case. */
  undone?: string[];
}

const KINDS: Kind[] = [
  {
    name: 'row images that lack columns',
    made: [
      "SET SESSION binlog_row_image = 'MINIMAL'",
      'UPDATE customers SET credit = credit + 1 LIMIT 20',
      "SET SESSION binlog_row_image = 'FULL'",
      'DELETE FROM customers ORDER BY customer_id DESC LIMIT 2',
    ],
    shown: /^unsafe-event: row images lack columns/,
    recopied: 'customers',
  },
  {
    name: 'a statement that names a table of ours',
    made: [
      "SET SESSION binlog_format = 'STATEMENT'",
      'UPDATE orders SET quantity = quantity + 1 WHERE order_id % 3 = 0',
      "SET SESSION binlog_format = 'ROW'",
    ],
    shown: /^unsafe-event: UPDATE of orders is in the binlog as a statement/,
    recopied: 'orders',
  },
  {
    name: 'a statement whose trigger changes ours',
    made: ["SET SESSION binlog_format = 'STATEMENT'", 'INSERT INTO outside VALUES (1)'],
    shown: /^unsafe-event: INSERT is in the binlog as a statement, and .*outside has triggers/,
    recopied: '',
  },
  {
    name: 'TRUNCATE',
    made: [
      'CREATE TABLE kept AS SELECT * FROM order_items LIMIT 50',
      'TRUNCATE TABLE order_items',
      'INSERT INTO order_items SELECT * FROM kept',
      'DROP TABLE kept',
    ],
    shown: /^unsafe-event: TRUNCATE of order_items/,
    recopied: 'order_items',
  },
  {
    name: 'a change of the definition',
    made: [
      'ALTER TABLE customers ADD COLUMN more INT NOT NULL DEFAULT (7)',
      'UPDATE customers SET more = 1 LIMIT 3',
    ],
    shown: /^schema-changed: ALTER of customers/,
    recopied: 'customers',
    undone: ['ALTER TABLE customers DROP COLUMN more'],
  },
  {
    name: 'RENAME',
    made: ['RENAME TABLE orders TO gone', 'UPDATE gone SET quantity = 5 LIMIT 4'],
    shown: /^schema-changed: RENAME of orders/,
    recopied: 'orders',
    undone: ['RENAME TABLE gone TO orders'],
  },
  {
    name: 'the swap of an online schema tool',
    made: [
      'CREATE TABLE _customers_gho LIKE customers',
      'INSERT INTO _customers_gho SELECT * FROM customers WHERE customer_id % 7 > 0',
      'RENAME TABLE customers TO _customers_del, _customers_gho TO customers',
      'DROP TABLE _customers_del',
    ],
    shown: /^schema-changed: RENAME of customers/,
    recopied: 'customers',
  },
  {
    name: 'a partition that changes places with a table',
    made: [
      'ALTER TABLE order_items PARTITION BY HASH (order_id) PARTITIONS 2',
      'CREATE TABLE other LIKE order_items',
      'ALTER TABLE other REMOVE PARTITIONING',
      'INSERT INTO other SELECT * FROM order_items WHERE order_id % 6 = 0',
      'ALTER TABLE order_items EXCHANGE PARTITION p0 WITH TABLE other',
      'DROP TABLE other',
    ],
    shown: /^schema-changed: ALTER of order_items/,
    recopied: 'order_items',
  },
  {
    name: 'a JSON document as a difference',
    made: [
      "UPDATE customers SET profile = JSON_OBJECT('a', 1, 'b', REPEAT('x', 200)) LIMIT 5",
      "SET SESSION binlog_row_value_options = 'PARTIAL_JSON'",
      "UPDATE customers SET profile = JSON_SET(profile, '$.a', 2) LIMIT 5",
    ],
    shown: /^unsafe-event: a JSON column was logged as a difference/,
    recopied: 'customers',
  },
  {
    name: 'row events without column names',
    made: [
      "SET GLOBAL binlog_row_metadata = 'MINIMAL'",
      'UPDATE customers SET credit = credit + 2 LIMIT 9',
    ],
    shown: /^server-setting: row events come without column names/,
    recopied: 'customers',
  },
  {
    name: 'a transaction without a global id',
    made: [
      'SET GLOBAL gtid_mode = ON_PERMISSIVE',
      "SET SESSION gtid_next = 'ANONYMOUS'",
      'UPDATE customers SET credit = credit + 3 LIMIT 6',
      "SET SESSION gtid_next = 'AUTOMATIC'",
    ],
    shown: /^server-setting: .*(anonymous|without a global id)/i,
    recopied: '',
    undone: ['FLUSH BINARY LOGS'],
  },
];

const halted = () => job.status?.services.find(s => s.state === 'halted');

test.each(KINDS)(
  '$name',
  async ({ made, shown, recopied, undone }) => {
    await job.onSource(0, ...made);
    await until(() => halted() !== undefined, { timeoutMs: MINUTES, what: 'the loud stop' });
    const error = halted()?.error ?? '';
    expect(error).toMatch(shown);
    const [, remedy = ''] = /remedy: ([\s\S]*)$/.exec(error) ?? [];
    const [, command = ''] = /`(reshard recopy [^`]*)`/.exec(remedy) ?? [];
    expect(/--tables (\S+)/.exec(command)?.[1] ?? '').toBe(recopied);
    // Statements that the remedy prints are run as they are; what it describes, as the case says.
    const printed = remedy.match(/(SET GLOBAL \w+ = \w+|UPDATE \w+ SET .*? WHERE \.\.\.)/g) ?? [];
    await job.onSource(0, ...printed.map(sql => sql.replace(' WHERE ...', '')));
    if (undone !== undefined) await job.onSource(0, ...undone);
    const [, verb = '', ...args] = command.replace('<job file>', job.jobFile).split(' ');
    const { code, err } = await callReshard(verb, ...args, '--yes', '--json', '--timeout', '90');
    expect(code, `${command}: ${err}`).toBe(0);
    await until(() => halted() === undefined, { timeoutMs: MINUTES, what: 'the reader' });
    await job.onSource(0, 'UPDATE orders SET quantity = quantity + 1 LIMIT 5');
    await job.drained();
    await job.expectEqual();
  },
  2 * MINUTES,
);

test(
  'an account that is locked out: what it says, and a restart of the service, without any copy',
  async () => {
    const { user, password } = MOVER;
    const source = await job.sql();
    try {
      await source.run(`ALTER USER ${user} IDENTIFIED BY 'Another-1-pass'`);
      const dump = await source.value(
        'SELECT ID FROM information_schema.PROCESSLIST' +
          ` WHERE USER = '${user}' AND COMMAND LIKE 'Binlog Dump%'`,
      );
      await source.run(`KILL ${dump}`);
      await until(() => halted() !== undefined, { timeoutMs: MINUTES, what: 'the loud stop' });
      const told = /^denied: .*remedy: Check user and password in the job file; then (.*)$/s;
      expect(told.exec(halted()?.error ?? '')?.[1]).toBe('restart the binlog service');
      await source.run(`ALTER USER ${user} IDENTIFIED BY '${password}'`);
      await source.run('UPDATE orders SET quantity = quantity + 1 LIMIT 5');
    } finally {
      await source.close();
    }
    await job.end('binlog', 'SIGTERM');
    job.start('binlog');
    await until(() => halted() === undefined, { timeoutMs: MINUTES, what: 'the reader' });
    await job.drained();
    await job.expectEqual();
  },
  2 * MINUTES,
);
