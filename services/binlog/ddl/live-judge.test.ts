/** What answers rest on until the stream has come to where they were given; no server is asked. */
import { describe, expect, test } from 'vitest';
import { GtidSet } from '../../../shared/change/gtid.ts';
import { createLogger } from '../../../shared/runtime/log.ts';
import { LiveJudge } from './live-judge.ts';
import { classify } from './statement.ts';

const UUID = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const tracked = { db: 'shop', tables: new Set(['orders']) };

function judge(flavor: 'mysql' | 'mariadb' = 'mysql', names = ['plain']): LiveJudge {
  return new LiveJudge({
    source: { name: 's', host: '127.0.0.1', port: 1, user: 'u', password: '', database: 'shop' },
    flavor,
    log: createLogger({ name: 'test', level: 'fatal' }),
    trust: flavor === 'mysql' ? { until: `${UUID}:1-20`, names } : null,
    routed: () => [],
  });
}

function definition(text: string) {
  const found = classify(text, 'shop', tracked);
  if (found.kind !== 'definition') throw new Error(`${text} is ${found.kind}`);
  return found;
}

const read = (to: number) => (): GtidSet => GtidSet.parse(`${UUID}:1-${to}`);

describe('an answer of an earlier reader', () => {
  test.each(['DROP TRIGGER tr', 'ALTER TABLE plain ENGINE=InnoDB', 'RENAME TABLE plain TO q'])(
    'is put in doubt by %s on the way to where it was given',
    text => {
      expect(judge().onDefinition(definition(text), read(19))).not.toBeNull();
      expect(judge().onDefinition(definition(text), read(20))).toBeNull();
    },
  );

  test.each(['CREATE TABLE more (id INT)', 'DROP TABLE unrelated', 'CREATE VIEW v AS SELECT 1'])(
    'is not put in doubt by %s',
    text => {
      expect(judge().onDefinition(definition(text), read(10))).toBeNull();
    },
  );

  test('is handed on until then, and no longer', () => {
    const j = judge();
    expect(j.trust(read(19))).toEqual({ until: `${UUID}:1-20`, names: ['plain'] });
    expect(j.trust(read(21))).toBeNull();
    expect(j.onDefinition(definition('DROP TRIGGER tr'), read(10))).toBeNull();
  });
});

test('an answer about columns is not put in doubt by a view, a trigger or a table that goes', () => {
  const view = definition('CREATE OR REPLACE VIEW v AS SELECT * FROM orders');
  const trigger = definition('DROP TRIGGER tr');
  for (const statement of [view, trigger, definition('DROP TABLE plain')]) {
    expect(judge('mysql', ['columns of orders.a']).onDefinition(statement, read(19))).toBeNull();
    const both = judge('mysql', ['columns of orders.a', 'plain']);
    expect(both.onDefinition(statement, read(19))).not.toBeNull();
  }
});

test('columns that a trusted answer was about are not judged by what they are now', async () => {
  const planned = { db: 'shop', table: 'orders', columns: [], primaryKey: [], uniqueKeys: [] };
  const widened = (clauses: string, names: string[]) => {
    const found = classify(`ALTER TABLE orders ${clauses}`, 'shop', tracked);
    if (found.kind !== 'ddl' || found.effect === null) throw new Error(clauses);
    return judge('mysql', names).widened(found.effect, planned, read(19));
  };
  const [one, all] = ['columns of orders.a', 'columns of orders'];
  expect(await widened('MODIFY b INT, CHANGE a A VARCHAR(9)', [one])).toEqual([]);
  expect(await widened('CONVERT TO CHARACTER SET latin1', [one])).toEqual([]);
  expect(await widened('MODIFY b VARCHAR(9)', [all])).toEqual([]);
  // It goes on to ask the server.
  await expect(widened('MODIFY b VARCHAR(9)', [one])).rejects.toMatchObject({
    kind: 'unreachable',
  });
});

describe('from the text alone', () => {
  const data = (text: string) => {
    const found = classify(text, 'shop', tracked);
    if (found.kind !== 'data') throw new Error(`${text} is ${found.kind}`);
    return judge().ofData(found, { db: 'shop', tables: ['orders'] });
  };

  test.each(['DO f(1)', 'INSERT INTO plain VALUES (f(1))', 'UPDATE (a, b) SET x = 1'])(
    'doubted without asking the server: %s',
    text => {
      expect(data(text)).toMatchObject({ why: expect.stringMatching(/f|cannot be told/) });
    },
  );

  test("MariaDB's functions of sequences are calls of routines on MySQL", async () => {
    const found = classify("SELECT NEXTVAL('x')", 'shop', tracked);
    if (found.kind !== 'data') throw new Error(`it is ${found.kind}`);
    const ours = { db: 'shop', tables: ['orders'] };
    expect(judge('mysql').ofData(found, ours)).toMatchObject({
      why: expect.stringMatching(/NEXTVAL/),
    });
    await expect(judge('mariadb').ofData(found, ours)).rejects.toMatchObject({
      kind: 'unreachable',
    });
  });
});
